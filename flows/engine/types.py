"""The types of parameters and results: read from annotations, compared with each other and with values.

A type is a value of its own, not a Python class, because what flows between steps is JSON: `true` is no integer,
`1.0` is one, and a tuple arrives as a list.
"""

import json
import re
import types as python_types
import typing
from collections.abc import Hashable, Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NewType, NotRequired, Required, Union, get_args, get_origin, is_typeddict

from flows.engine.text import an, quoted

_OPTIONS_SHOWN = 8


class Fit(Enum):
    """Whether values of one type are values of another."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class AnyType:
    """Nothing is declared: every value, or one that only Python knows.

    `again` is the `TypedDict` that is not followed any further where it stands inside itself: nothing can be said of
    it but that it is itself.
    """

    again: Any = None

    def __str__(self) -> str:
        return "anything" if self.again is None else str(self.again.__name__)


@dataclass(frozen=True, slots=True)
class Atom:
    """One of string, integer, number, boolean, null."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Exactly this text, number, boolean or null."""

    value: str | int | float | bool | None

    def __str__(self) -> str:
        return quoted(self.value) if isinstance(self.value, str) else json.dumps(self.value)

    # Python takes True for 1.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and same_value(self.value, other.value)

    def __hash__(self) -> int:
        return hash(self.value)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose items have one type."""

    item: "Type"

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True, slots=True)
class Field:
    """One declared key of an object."""

    type: "Type"
    required: bool = True


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """An object with these keys and no others, or, where `rest` is given, with any further keys of that type."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    rest: "Type | None" = None
    name: str = ""

    def __str__(self) -> str:
        return self.name or "object"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value of any of these types."""

    options: "tuple[Type, ...]"

    def __str__(self) -> str:
        return _either(map(str, self.options[:_OPTIONS_SHOWN]), len(self.options))


def _either(shown: Iterable[str], number: int) -> str:
    more = [f"… ({number} in all)"] if number > _OPTIONS_SHOWN else []
    return " or ".join([*shown, *more]) or "nothing"


Type = AnyType | Atom | Constant | ListOf | ObjectOf | OneOf

ANYTHING = AnyType()
STRING, INTEGER, NUMBER, BOOLEAN, NULL = map(Atom, ("string", "integer", "number", "boolean", "null"))
OBJECT = ObjectOf(rest=ANYTHING)
LIST = ListOf(ANYTHING)


def told(kind: Type) -> str:
    """Return a type as it stands in a sentence: `a string`, `an integer or null`, `Row`."""
    if isinstance(kind, OneOf):
        return _either(map(told, kind.options[:_OPTIONS_SHOWN]), len(kind.options))
    has_name = isinstance(kind, AnyType | Constant) or kind == NULL or (isinstance(kind, ObjectOf) and kind.name)
    return str(kind) if has_name else an(str(kind))


def union(options: Iterable[Type]) -> Type:
    """Return the type of a value that has any of these types."""
    flat: list[Type] = []
    constants: set[Constant] = set()
    for option in options:
        for part in option.options if isinstance(option, OneOf) else (option,):
            if part == ANYTHING:
                return ANYTHING
            # There may be a thousand of them.
            if isinstance(part, Constant):
                if part not in constants:
                    constants.add(part)
                    flat.append(part)
            elif part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else OneOf(tuple(flat))


# --- values ----------------------------------------------------------------------------------------------------------


def type_of(value: Any) -> Type:
    """Return the exact type of a JSON value."""
    if isinstance(value, dict):
        return ObjectOf({key: Field(type_of(item)) for key, item in value.items()})
    if isinstance(value, list):
        return ListOf(union(map(type_of, value))) if value else ListOf(OneOf(()))
    return Constant(value)


def kind_of(value: Any) -> str:
    """Return what a JSON value is, for a message: `a text`, `a list`, `null`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number", type(None): "null"}
    return names.get(type(value)) or an(type(value).__name__)


# --- comparison ------------------------------------------------------------------------------------------------------


def fit(source: Type, target: Type) -> Fit:
    """Return whether values of `source` are accepted where `target` is declared."""
    if target == ANYTHING:
        return Fit.ALWAYS
    if source == ANYTHING:
        return Fit.SOMETIMES
    if isinstance(source, OneOf):
        return _all_of(fit(option, target) for option in source.options)
    if isinstance(target, OneOf):
        return _best_of(fit(source, option) for option in target.options)
    if isinstance(source, AnyType) or isinstance(target, AnyType):
        return Fit.ALWAYS if source == target else Fit.SOMETIMES
    if isinstance(source, ListOf) and isinstance(target, ListOf):
        return _fit_lists(source, target)
    if isinstance(source, ObjectOf) and isinstance(target, ObjectOf):
        return _fit_objects(source, target)
    return _fit_plain(source, target)


def _all_of(fits: Iterable[Fit]) -> Fit:
    found = set(fits)
    if not found:
        return Fit.ALWAYS
    return found.pop() if len(found) == 1 else Fit.SOMETIMES


def _best_of(fits: Iterable[Fit]) -> Fit:
    found = set(fits)
    return next((best for best in (Fit.ALWAYS, Fit.SOMETIMES) if best in found), Fit.NEVER)


def _fit_plain(source: Type, target: Type) -> Fit:
    """Compare where at most one of the two is an object or a list."""
    if isinstance(source, Constant):
        return Fit.ALWAYS if _accepts(target, source.value) else Fit.NEVER
    if not isinstance(source, Atom):
        return Fit.NEVER
    if source == target or (source == INTEGER and target == NUMBER):
        return Fit.ALWAYS
    if source == NUMBER and target == INTEGER:
        return Fit.SOMETIMES
    return Fit.SOMETIMES if isinstance(target, Constant) and _accepts(source, target.value) else Fit.NEVER


def _fit_lists(source: ListOf, target: ListOf) -> Fit:
    # An empty list fits every list, so one list type never excludes another.
    return Fit.ALWAYS if fit(source.item, target.item) is Fit.ALWAYS else Fit.SOMETIMES


def _fit_objects(source: ObjectOf, target: ObjectOf) -> Fit:
    fits = {_fit_fields(_field_of(source, name), declared) for name, declared in target.fields.items()}
    # That a result has more keys than are read does no harm, unless the target says what they must be.
    if target.rest is not None:
        more = [given for name, given in source.fields.items() if name not in target.fields]
        more += [] if source.rest is None else [Field(source.rest, required=False)]
        fits |= {_fit_fields(given, Field(target.rest, required=False)) for given in more}
    return next((worst for worst in (Fit.NEVER, Fit.SOMETIMES) if worst in fits), Fit.ALWAYS)


def _field_of(owner: ObjectOf, name: str) -> Field | None:
    if name in owner.fields or owner.rest is None:
        return owner.fields.get(name)
    return Field(owner.rest, required=False)


def _fit_fields(given: Field | None, declared: Field) -> Fit:
    if given is None:
        return Fit.NEVER if declared.required else Fit.ALWAYS
    found = fit(given.type, declared.type)
    if given.required:
        return found
    # Without the key the value is no problem where the target can do without it, and one where it cannot.
    absent = Fit.NEVER if declared.required else Fit.ALWAYS
    return found if found is absent else Fit.SOMETIMES


def _accepts(target: Type, value: Any) -> bool:
    """Return whether a text, number, boolean or null is a value of an atom or a constant."""
    if isinstance(target, Constant):
        return same_value(target.value, value)
    if isinstance(target, Atom):
        return is_a(value, target.name)
    return False


def is_a(value: Any, name: str) -> bool:
    """Return whether a JSON value has that type of JSON Schema."""
    if isinstance(value, bool):
        return name == "boolean"
    if isinstance(value, float):
        return name == "number" or (name == "integer" and value.is_integer())
    types: dict[str, type | tuple[type, ...]] = {
        "string": str, "integer": int, "number": int, "object": dict, "array": list, "null": type(None),
    }  # fmt: skip
    return name in types and isinstance(value, types[name])


def same_value(first: Any, second: Any) -> bool:
    """Return whether two JSON values are the same: 1 is 1.0, and true is no number."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_value, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_value(first[key], second[key]) for key in first)
    return bool(first == second)


# --- members ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """What stands under a key: its type, and whether it is there in every value. `type` None: in no value."""

    type: Type | None
    certain: bool


def member(owner: Type, key: str) -> Member:
    """Return what a part of a reference finds in a value of this type."""
    if isinstance(owner, AnyType):
        return Member(ANYTHING, certain=False)
    if isinstance(owner, ObjectOf):
        declared = owner.fields.get(key)
        if declared is not None:
            return Member(declared.type, declared.required)
        return Member(owner.rest, certain=False)
    if isinstance(owner, ListOf):
        return Member(owner.item if re.fullmatch("0|[1-9][0-9]{0,8}", key) else None, certain=False)
    if isinstance(owner, OneOf):
        found = [member(option, key) for option in owner.options]
        present = [one.type for one in found if one.type is not None]
        certain = len(present) == len(found) and all(one.certain for one in found)
        return Member(union(present) if present else None, certain)
    return Member(None, certain=False)


def keys_of(owner: Type) -> list[str]:
    """Return the declared keys of a type, for a message."""
    if isinstance(owner, ObjectOf):
        return list(owner.fields)
    if isinstance(owner, OneOf):
        return list(dict.fromkeys(key for option in owner.options for key in keys_of(option)))
    return []


# --- annotations -----------------------------------------------------------------------------------------------------

_LISTS = (list, tuple, Sequence, MutableSequence, Iterable)
_MAPPINGS = (dict, Mapping, MutableMapping)
_PLAIN: dict[Any, Type] = {
    str: STRING, int: INTEGER, float: NUMBER, bool: BOOLEAN, type(None): NULL, None: NULL,
    **dict.fromkeys(_LISTS, LIST), **dict.fromkeys(_MAPPINGS, OBJECT),
}  # fmt: skip
# typing has ReadOnly since Python 3.13.
_AROUND = (typing.Annotated, Required, NotRequired, getattr(typing, "ReadOnly", Required))


def from_annotation(annotation: Any, seen: tuple[Any, ...] = ()) -> Type:
    """Return the type that an annotation declares; what JSON has no word for counts as not declared.

    Of a tuple the types of its items count, not how many there are. `seen` holds the types around this one.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if arguments:
        return _from_generic(origin, arguments, seen)
    if _is_typed_dict(annotation):
        return AnyType(annotation) if annotation in seen else _from_typed_dict(annotation, (*seen, annotation))
    if isinstance(annotation, NewType):
        return from_annotation(annotation.__supertype__, seen)
    name = annotation if origin is None else origin
    return _PLAIN.get(name, ANYTHING) if isinstance(name, Hashable) else ANYTHING


def _is_typed_dict(annotation: Any) -> bool:
    # On older Pythons the one of typing_extensions is another class, with the same attributes.
    return is_typeddict(annotation) or (isinstance(annotation, type) and hasattr(annotation, "__required_keys__"))


def _from_generic(origin: Any, arguments: tuple[Any, ...], seen: tuple[Any, ...]) -> Type:
    if origin in (Union, python_types.UnionType):
        return union(from_annotation(argument, seen) for argument in arguments)
    if origin is Literal:
        return union(_from_literal(argument) for argument in arguments)
    if origin in _AROUND:
        return from_annotation(arguments[0], seen)
    if origin is tuple:
        return ListOf(union(from_annotation(argument, seen) for argument in arguments if argument is not ...))
    if origin in _LISTS:
        return ListOf(from_annotation(arguments[0], seen))
    if origin in _MAPPINGS:
        return ObjectOf(rest=from_annotation(arguments[1], seen))
    return ANYTHING


def _from_literal(value: Any) -> Type:
    return Constant(value) if value is None or type(value) in (str, int, bool) else ANYTHING


def _from_typed_dict(annotation: Any, seen: tuple[Any, ...]) -> Type:
    try:
        hints = typing.get_type_hints(annotation, include_extras=True)
    except Exception:  # noqa: BLE001  (a name in somebody's annotation that does not resolve)
        return OBJECT
    required = _required_keys(annotation, hints)
    fields = {name: Field(from_annotation(hint, seen), name in required) for name, hint in hints.items()}
    return ObjectOf(fields, name=annotation.__name__)


def _required_keys(annotation: Any, hints: Mapping[str, Any]) -> set[str]:
    # With `from __future__ import annotations` Python cannot see the marks in time; the resolved hints show them.
    marks = {name: _mark(hint) for name, hint in hints.items()}
    required = {name for name in annotation.__required_keys__ if marks.get(name) is not NotRequired}
    return required | {name for name, mark in marks.items() if mark is Required}


def _mark(hint: Any) -> Any:
    """Return `Required` or `NotRequired` where a hint bears it, if need be inside of `Annotated`."""
    origin = get_origin(hint)
    if origin in _AROUND and origin not in (Required, NotRequired):
        return _mark(get_args(hint)[0])
    return origin
