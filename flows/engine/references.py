"""The @ language: where a parameter comes from an earlier result."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flows.engine.errors import UnresolvedReference
from flows.engine.findings import Path
from flows.engine.repairs import Repair
from flows.engine.text import an, did_you_mean, named, quoted
from flows.engine.values import ATOMS, copy_value

ENGINE = "_"
"""Names that begin with it are the engine's."""

NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
"""What a step or an input may be called, up to 64 characters."""

_INDEX = re.compile("0|[1-9][0-9]*")
# A name with no space around it, and parts with something in them.
_REFERENCE = re.compile(r"@([^@.\s](?:[^.]*[^.\s])?)(?:\.([^.\s][^.]*(?:\.[^.]+)*))?")


class Reference(NamedTuple):
    """`@step` or `@step.rest`; `rest` is None for the whole result."""

    step: str
    rest: str | None

    def __str__(self) -> str:
        return f"@{self.step}" if self.rest is None else f"@{self.step}.{self.rest}"


class BadReference(ValueError):
    """A text that begins with one @ and is no reference; the message says why, `instead` what was probably meant."""

    def __init__(self, message: str, instead: str | None) -> None:
        super().__init__(message)
        self.instead = instead


def parse_text(text: str) -> str | Reference:
    """Return what a text in `params` means: itself, the text after a doubled @, or a reference.

    Raises `BadReference`. Only a leading @ counts; nothing is interpolated inside a text.
    """
    if not text.startswith("@"):
        return text
    step, _, rest = text[1:].partition(".")
    # Nearly every reference is two plain words; the rest takes the long way.
    if step.isidentifier() and rest.isidentifier():
        return Reference(step, rest)
    match = _REFERENCE.fullmatch(text)
    if match:
        return Reference(*match.groups())
    if text.startswith("@@"):
        return text[1:]
    raise BadReference(_what_is_wrong(text), _without_spaces(text) or (f"@{text}" if len(text) > 1 else None))


def _what_is_wrong(text: str) -> str:
    step, dot, _ = text[1:].partition(".")
    if not step and not dot:
        return '"@" alone names no step; write "@step.key", or "@@" for the text "@"'
    if not step or not all(text[1:].split(".")):
        return f'{quoted(text)}: a part of it is empty; write "@step.key"{_as_text(text)}'
    meant = _without_spaces(text)
    shown = quoted(meant) if meant else '"@step.key"'
    return f"{quoted(text)}: no space may stand next to the name; write {shown}{_as_text(text)}"


def _without_spaces(text: str) -> str | None:
    step, dot, rest = text[1:].partition(".")
    step = step.strip()
    meant = f"@{step}{dot}{rest.strip()}"
    return meant if NAME.fullmatch(step) and meant != text else None


def _as_text(text: str) -> str:
    return f", or {quoted('@' + text)} for the text itself"


Place = tuple[Path, Reference]
Reporter = Callable[[Path, str, Repair | None], None]


def compile_value(value: Any, path: Path, found: list[Place], report: Reporter) -> Any:
    """Return the value with each reference in it parsed, at any depth; bad ones go to `report`, the others to `found`.

    Values of objects and items of lists are looked at, keys never.
    """
    if isinstance(value, str):
        return _compile_text(value, path, found, report) if value[:1] == "@" else value
    if isinstance(value, dict):
        return {
            key: compile_value(item, (*path, key), found, report) if type(item) in _LOOKED_AT else item
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            compile_value(item, (*path, index), found, report) if type(item) in _LOOKED_AT else item
            for index, item in enumerate(value)
        ]
    return value


_LOOKED_AT = frozenset({str, dict, list})


def _compile_text(text: str, path: Path, found: list[Place], report: Reporter) -> str | Reference:
    try:
        parsed = parse_text(text)
    except BadReference as error:
        report(path, str(error), Repair.write(error.instead))
        return text
    if isinstance(parsed, Reference):
        found.append((path, parsed))
    return parsed


def references_written_in(value: Any, path: Path) -> list[Place]:
    """Return each reference of a value as it is written, with its place; bad ones are left to the checker."""
    found: list[Place] = []
    compile_value(value, path, found, lambda *_: None)
    return found


def references_in(template: Any, path: Path) -> list[Place]:
    """Return each reference of a compiled value with its place, in the order of the document."""
    found: list[Place] = []
    _collect(template, path, found)
    return found


def _collect(template: Any, path: Path, found: list[Place]) -> None:
    if isinstance(template, Reference):
        found.append((path, template))
    elif isinstance(template, dict):
        for key, item in template.items():
            _collect(item, (*path, key), found)
    elif isinstance(template, list):
        for index, item in enumerate(template):
            _collect(item, (*path, index), found)


def resolve(template: Any, results: Mapping[str, Any]) -> Any:
    """Return a fresh value with each reference replaced by what it names, with its type.

    Raises `UnresolvedReference` where a result does not have the key.
    """
    kind = type(template)
    if kind is Reference:
        value = look_up(template, results)
        return value if type(value) in ATOMS else copy_value(value)
    if kind is dict:
        return resolve_object(template, results)
    if kind is list:
        return [item if type(item) in ATOMS else resolve(item, results) for item in template]
    return template


def resolve_object(template: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve the references of an object, as `resolve` does."""
    resolved = {**template}
    for key, item in template.items():
        kind = type(item)
        if kind is Reference:
            step, rest = item
            owner = results.get(step)
            # Nearly every reference names one key of a recorded result; the rest takes the long way.
            value = owner[rest] if type(owner) is dict and rest in owner else look_up(item, results)
            resolved[key] = value if type(value) in ATOMS else copy_value(value)
        elif kind not in ATOMS:
            resolved[key] = resolve(item, results)
    return resolved


def look_up(reference: Reference, results: Mapping[str, Any]) -> Any:
    """Return what a reference names, not a copy; raises `UnresolvedReference`.

    The text after the first dot is one key if the result has it; otherwise it is followed key by key, and an index
    into a list. Attributes are never followed.
    """
    step, rest = reference
    try:
        result = results[step]
    except KeyError:
        raise UnresolvedReference(f"{quoted(str(reference))}: there is no result of {quoted(step)}") from None
    if rest is None:
        return result
    if isinstance(result, dict) and rest in result:
        return result[rest]
    value: Any = result
    passed = f"@{step}"
    for part in rest.split("."):
        value = _member(value, part, reference, passed)
        passed += f".{part}"
    return value


def _member(value: Any, part: str, reference: Reference, passed: str) -> Any:
    if isinstance(value, dict):
        if part in value:
            return value[part]
        keys = [key for key in value if isinstance(key, str)]
        raise UnresolvedReference(
            f"{quoted(str(reference))}: {quoted(passed)} has no key {quoted(part)} (keys: {named(keys)})."
            f"{did_you_mean(part, keys, before=passed + '.')}"
        )
    if isinstance(value, list):
        if _INDEX.fullmatch(part) and len(part) < 10 and int(part) < len(value):
            return value[int(part)]
        raise UnresolvedReference(
            f"{quoted(str(reference))}: {quoted(passed)} is a list of {len(value)} and has no index {quoted(part)}"
        )
    raise UnresolvedReference(
        f"{quoted(str(reference))}: {quoted(passed)} is {_kind(value)} and has no key {quoted(part)}"
    )


def _kind(value: Any) -> str:
    names = {str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
    return names.get(type(value)) or an(type(value).__name__)
