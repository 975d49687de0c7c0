"""The inputs that a flow declares, and the values that a run is given for them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import InvalidInputs
from flows.engine.findings import Findings
from flows.engine.patterns import mismatch
from flows.engine.text import an, did_you_mean, named, quoted
from flows.engine.types import (
    BOOLEAN,
    INTEGER,
    LIST,
    NUMBER,
    OBJECT,
    STRING,
    Constant,
    Type,
    is_a,
    kind_of,
    same_value,
    union,
)
from flows.engine.values import unstorable

TYPES: dict[str, Type] = {
    "string": STRING, "integer": INTEGER, "number": NUMBER, "boolean": BOOLEAN, "object": OBJECT, "array": LIST,
}  # fmt: skip

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input, with the words and meanings of JSON Schema; without a default it is required."""

    name: str
    type: str
    has_default: bool = False
    default: Any = None
    enum: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    description: str = ""

    @property
    def value_type(self) -> Type:
        """The type of its value, as far as a proof can use it."""
        if self.enum and all(not isinstance(value, dict | list | float) for value in self.enum):
            return union(Constant(value) for value in self.enum)
        return TYPES[self.type]

    @property
    def is_bounded(self) -> bool:
        """Whether it refuses some of the values of `value_type`."""
        has_open_enum = bool(self.enum) and self.value_type is TYPES[self.type]
        return has_open_enum or (self.minimum, self.maximum, self.pattern) != (None, None, None)

    def problem(self, value: Any) -> str | None:
        """Return why a value is not accepted, or None."""
        if not is_a(value, self.type):
            return f"this is {kind_of(value)}; the input takes {_article(self.type)}"
        if self.enum and not any(same_value(value, allowed) for allowed in self.enum):
            shown = named(json.dumps(allowed, ensure_ascii=False) for allowed in self.enum)
            return f"{_shown(value)} is none of: {shown}"
        if self.minimum is not None and value < self.minimum:
            return f"{_shown(value)} is less than the minimum {self.minimum}"
        if self.maximum is not None and value > self.maximum:
            return f"{_shown(value)} is more than the maximum {self.maximum}"
        if self.pattern is not None and (misfit := mismatch(self.pattern, value)):
            return f"{_shown(value)} {misfit}"
        problem = unstorable(value)
        return None if problem is None else f"{problem.pointer or 'this'} {problem.reason}"


def read_inputs(declared: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each declared input, defaults filled in.

    Raises `InvalidInputs` with a finding for each that is missing, unknown or not accepted.
    """
    findings = Findings()
    for name in given:
        if name not in declared:
            hint = did_you_mean(name, declared)
            findings.add((name,), f"the flow has no input {quoted(name)} (inputs: {named(declared)}).{hint}")
    values: dict[str, Any] = {}
    for name, one in declared.items():
        if name in given:
            problem = one.problem(given[name])
            if problem:
                findings.add((name,), problem)
            values[name] = given[name]
        elif one.has_default:
            values[name] = one.default
        else:
            findings.add((name,), f"the input is missing; it takes {_article(one.type)}")
    if findings:
        raise InvalidInputs(findings.as_tuple())
    return values


def inputs_from_text(declared: Mapping[str, Input], given: Mapping[str, str]) -> dict[str, Any]:
    """Return inputs that were typed as text, each converted by its declared type.

    A name that is not declared keeps its text: `read_inputs` refuses it. Raises `InvalidInputs`.
    """
    findings = Findings()
    values: dict[str, Any] = {}
    for name, text in given.items():
        one = declared.get(name)
        try:
            values[name] = text if one is None else _from_text(one.type, text)
        except (ValueError, RecursionError):
            findings.add((name,), f"{quoted(text)} is not {_article(one.type if one else 'string')}")
    if findings:
        raise InvalidInputs(findings.as_tuple())
    return values


def _from_text(kind: str, text: str) -> Any:
    if kind == "string":
        return text
    if kind == "boolean":
        if text not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text]
    value = json.loads(text)
    if not is_a(value, kind):
        raise ValueError(text)
    return value


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else quoted(json.dumps(value, ensure_ascii=False))[1:-1]


def _article(kind: str) -> str:
    words = {"object": "a JSON object", "array": "a JSON list", "boolean": "true or false"}
    return words.get(kind, an(kind))
