"""The JSON Schema (draft-07) of a flow document, with the procedures of this installation.

Editors read it for completion and marks. It refuses what a schema can refuse; the checker remains the law.
"""

from collections.abc import Iterable
from typing import Any

from flows.engine.catalogue import Catalogue, Entry
from flows.engine.checker import MAX_ENTRIES, MAX_NAME, MAX_STEPS
from flows.engine.examples import written
from flows.engine.inputs import TYPES
from flows.engine.options import MAX_ATTEMPTS, MAX_BACKOFF, MAX_ENUM, MAX_SECONDS
from flows.engine.patterns import MAX_PATTERN
from flows.engine.types import AnyType, Atom, Constant, ListOf, ObjectOf, OneOf, Type

DRAFT_07 = "http://json-schema.org/draft-07/schema#"

_REFERENCE = {"$ref": "#/definitions/reference"}
_NOTES: dict[str, Any] = {"^_": {}}
_NAME = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$", "maxLength": MAX_NAME}
_SECONDS = {"type": "number", "minimum": 0.001, "maximum": MAX_SECONDS}
_WAIT = {"type": "number", "minimum": 0, "maximum": MAX_SECONDS}


def flow_schema(found: Catalogue, flows: Iterable[str] = ()) -> dict[str, Any]:
    """Return the schema as JSON values; `flows` are the names that a step may run as a sub-flow."""
    return {
        "$schema": DRAFT_07,
        "title": "Flow",
        "type": "object",
        "required": ["procedures"],
        "additionalProperties": False,
        "patternProperties": _NOTES,
        "properties": {
            "$schema": {"description": "Where an editor finds this schema."},
            "description": {"type": "string", "description": "Text for people."},
            "timeout": {**_SECONDS, "description": "Seconds that the whole run may last."},
            "inputs": {
                "type": "object",
                "propertyNames": {"pattern": "^(_|[A-Za-z][A-Za-z0-9_-]{0,63}$)"},
                "additionalProperties": {"$ref": "#/definitions/input"},
                "patternProperties": _NOTES,
                "description": "What a run is given, read as @_input.name.",
            },
            "procedures": {
                "type": "array",
                "maxItems": MAX_STEPS,
                "items": {"$ref": "#/definitions/step"},
                "description": "The steps, in the order in which they run.",
            },
            "outputs": {"type": "object", "description": "Resolved after the last step and kept on the run."},
            "on_failure": {
                "type": "array",
                "maxItems": MAX_STEPS,
                "items": {"$ref": "#/definitions/step"},
                "description": "Steps that run after the run has failed.",
            },
        },
        "definitions": {
            "reference": {
                "type": "string",
                "pattern": "^@[^@]",
                "description": "The result of an earlier step: @step, @step.key",
            },
            "input": _input(),
            "retry": _retry(),
            "step": _step(found, list(flows)),
        },
    }


def _step(found: Catalogue, flows: list[str]) -> dict[str, Any]:
    modules: dict[str, list[Entry]] = {}
    for entry in found.entries:
        modules.setdefault(entry.mod, []).append(entry)
    return {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "patternProperties": _NOTES,
        "properties": {
            "name": _NAME,
            "description": {"type": "string"},
            "mod": {"enum": sorted(modules), "description": "The module below the procedures package."},
            "method": {"enum": sorted({entry.method for entry in found.entries})},
            "params": {"type": "object"},
            "flow": {"type": "string", "minLength": 1, **({"examples": flows} if flows else {})},
            "inputs": {"type": "object"},
            "when": {
                "anyOf": [
                    _REFERENCE,
                    {
                        "type": "object",
                        "required": ["not"],
                        "additionalProperties": False,
                        "properties": {"not": _REFERENCE},
                    },
                ]
            },
            "foreach": {"anyOf": [_REFERENCE, {"type": "array", "maxItems": MAX_ENTRIES}]},
            "retry": {"$ref": "#/definitions/retry"},
            "timeout": {**_SECONDS, "description": "Seconds that one attempt may last."},
            "continue_on_error": {"type": "boolean"},
        },
        "allOf": [_call_or_flow(), *(_methods_of(mod, entries) for mod, entries in modules.items()), *_params(found)],
    }


def _call_or_flow() -> dict[str, Any]:
    without = {"not": {"anyOf": [{"required": ["mod"]}, {"required": ["method"]}, {"required": ["params"]}]}}
    return {
        "if": {"required": ["flow"]},
        "then": without,
        "else": {"required": ["mod", "method"], "not": {"required": ["inputs"]}},
    }


def _methods_of(mod: str, entries: list[Entry]) -> dict[str, Any]:
    method = {
        "enum": [entry.method for entry in entries],
        # Not of the standard; editors show it next to each name, validators pass over it.
        "enumDescriptions": [entry.summary for entry in entries],
    }
    return {
        "if": {"required": ["mod"], "properties": {"mod": {"const": mod}}},
        "then": {"properties": {"method": method}},
    }


def _params(found: Catalogue) -> list[dict[str, Any]]:
    """Return what `params` of each procedure must be, as far as it says so."""
    return [
        {
            "if": {
                "required": ["mod", "method"],
                "properties": {"mod": {"const": entry.mod}, "method": {"const": entry.method}},
            },
            "then": {
                "properties": {"params": _plain(entry.accepts) | {"description": _help(entry)}},
                "required": ["params"] if any(one.required for one in entry.parameters) else [],
            },
        }
        for entry in found.entries
    ]


def _help(entry: Entry) -> str:
    """Return what an editor shows at `params`."""
    told = [
        entry.summary,
        *(entry.sections[title] for title in ("Params", "Parameters", "Args") if title in entry.sections),
    ]
    return "\n\n".join(filter(None, told))


def schema_of(kind: Type) -> dict[str, Any]:
    """Return the schema of a parameter: a value of its type, or a reference to one."""
    plain = _plain(kind)
    return plain if not plain else {"anyOf": [plain, _REFERENCE]}


def _plain(kind: Type) -> dict[str, Any]:
    if isinstance(kind, AnyType):
        return {}
    if isinstance(kind, Atom):
        return {"type": kind.name}
    if isinstance(kind, Constant):
        return {"const": written(kind.value)}
    if isinstance(kind, ListOf):
        return {"type": "array", "items": schema_of(kind.item)}
    if isinstance(kind, OneOf):
        if all(isinstance(option, Constant) for option in kind.options):
            return {"enum": [written(option.value) for option in kind.options if isinstance(option, Constant)]}
        return {"anyOf": [_plain(option) for option in kind.options]}
    return _object(kind)


def _object(kind: ObjectOf) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    if kind.fields:
        schema["properties"] = {name: schema_of(one.type) for name, one in kind.fields.items()}
        schema["required"] = [name for name, one in kind.fields.items() if one.required]
    schema["additionalProperties"] = False if kind.rest is None else schema_of(kind.rest)
    return schema


def _input() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type"],
        "additionalProperties": False,
        "properties": {
            "type": {"enum": list(TYPES)},
            "default": {},
            "enum": {"type": "array", "minItems": 1, "maxItems": MAX_ENUM},
            "minimum": {"type": "number"},
            "maximum": {"type": "number"},
            "pattern": {"type": "string", "maxLength": MAX_PATTERN},
            "description": {"type": "string"},
        },
        "patternProperties": _NOTES,
    }


def _retry() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["max_attempts"],
        "additionalProperties": False,
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1, "maximum": MAX_ATTEMPTS},
            "delay": _WAIT,
            "backoff": {"type": "number", "minimum": 1, "maximum": MAX_BACKOFF},
            "max_delay": _WAIT,
            "on": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        },
        "patternProperties": _NOTES,
    }
