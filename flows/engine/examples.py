"""The plainest value of a type, as a document has it: what stands there until somebody writes the real one."""

from typing import Any

from flows.engine.types import Atom, Constant, ListOf, ObjectOf, OneOf, Type

_PLAIN: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def example(kind: Type) -> Any:
    """Return a value of the type; of an object only the keys that it must have."""
    if isinstance(kind, Atom):
        return _PLAIN[kind.name]
    if isinstance(kind, Constant):
        return written(kind.value)
    if isinstance(kind, ObjectOf):
        return {name: example(one.type) for name, one in kind.fields.items() if one.required}
    if isinstance(kind, ListOf):
        return []
    if isinstance(kind, OneOf) and kind.options:
        return example(kind.options[0])
    return None


def written(value: Any) -> Any:
    """Return a constant as a document has it: a text that begins with @ gets another."""
    return f"@{value}" if isinstance(value, str) and value.startswith("@") else value
