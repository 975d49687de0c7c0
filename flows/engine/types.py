"""The types of parameters and results: read from annotations, compared with each other and with values.

A type is a value of its own, not a Python class, because what flows between steps is JSON: `true` is no integer,
`1.0` is one, and a tuple arrives as a list.
"""

import re
import types as python_types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, NewType, NotRequired, Required, Union, get_args, get_origin, is_typeddict

from flows.engine.text import quoted


class Fit(Enum):
    """Whether values of one type are values of another."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class AnyType:
    """Nothing is declared: every value, or one that only Python knows."""

    def __str__(self) -> str:
        return "anything"


@dataclass(frozen=True, slots=True)
class Atom:
    """One of string, integer, number, boolean, null."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Constant:
    """Exactly this text, number, boolean or null."""

    value: str | int | float | bool | None

    def __str__(self) -> str:
        return quoted(self.value) if isinstance(self.value, str) else _json_word(self.value)


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
        return " or ".join(map(str, self.options))


Type = AnyType | Atom | Constant | ListOf | ObjectOf | OneOf

ANYTHING = AnyType()
STRING, INTEGER, NUMBER, BOOLEAN, NULL = map(Atom, ("string", "integer", "number", "boolean", "null"))
OBJECT = ObjectOf(rest=ANYTHING)
LIST = ListOf(ANYTHING)


def union(options: Iterable[Type]) -> Type:
    """Return the type of a value that has any of these types."""
    flat: list[Type] = []
    for option in options:
        for part in option.options if isinstance(option, OneOf) else (option,):
            if part == ANYTHING:
                return ANYTHING
            if part not in flat:
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
    return names.get(type(value), f"a {type(value).__name__}")


def _json_word(value: Any) -> str:
    return {None: "null", True: "true", False: "false"}[value] if value is None or value is True or value is False else str(value)


# --- comparison ------------------------------------------------------------------------------------------------------


def fit(source: Type, target: Type) -> Fit:
    """Return whether values of `source` are accepted where `target` is declared."""
    if isinstance(target, AnyType):
        return Fit.ALWAYS
    if isinstance(source, AnyType):
        return Fit.SOMETIMES
    if isinstance(source, OneOf):
        return _all_of(fit(option, target) for option in source.options)
    if isinstance(target, OneOf):
        return _best_of(fit(source, option) for option in target.options)
    if isinstance(source, ListOf) and isinstance(target, ListOf):
        return _fit_lists(source, target)
    if isinstance(source, ObjectOf) and isinstance(target, ObjectOf):
        return _fit_objects(source, target)
    if isinstance(source, Constant):
        return Fit.ALWAYS if _accepts(target, source.value) else Fit.NEVER
    if isinstance(source, Atom) and isinstance(target, Atom):
        return _fit_atoms(source, target)
    if isinstance(source, Atom) and isinstance(target, Constant):
        return Fit.SOMETIMES if _accepts(source, target.value) else Fit.NEVER
    return Fit.NEVER


def _all_of(fits: Iterable[Fit]) -> Fit:
    found = set(fits)
    if not found:
        return Fit.ALWAYS
    return found.pop() if len(found) == 1 else Fit.SOMETIMES


def _best_of(fits: Iterable[Fit]) -> Fit:
    found = set(fits)
    return next((best for best in (Fit.ALWAYS, Fit.SOMETIMES) if best in found), Fit.NEVER)


def _fit_atoms(source: Atom, target: Atom) -> Fit:
    if source == target or (source == INTEGER and target == NUMBER):
        return Fit.ALWAYS
    return Fit.SOMETIMES if source == NUMBER and target == INTEGER else Fit.NEVER


def _fit_lists(source: ListOf, target: ListOf) -> Fit:
    # An empty list fits every list, so one list type never excludes another.
    return Fit.ALWAYS if fit(source.item, target.item) is Fit.ALWAYS else Fit.SOMETIMES


def _fit_objects(source: ObjectOf, target: ObjectOf) -> Fit:
    fits = [_fit_field(source, name, declared) for name, declared in target.fields.items()]
    for name, declared in source.fields.items():
        if name not in target.fields:
            fits.append(_fit_extra(declared, target.rest))
    if source.rest is not None and target.rest != ANYTHING:
        fits.append(Fit.SOMETIMES)
    if Fit.NEVER in fits:
        return Fit.NEVER
    return Fit.SOMETIMES if Fit.SOMETIMES in fits else Fit.ALWAYS


def _fit_field(source: ObjectOf, name: str, declared: Field) -> Fit:
    given = source.fields.get(name)
    if given is None:
        if source.rest is not None:
            return Fit.SOMETIMES
        return Fit.NEVER if declared.required else Fit.ALWAYS
    found = fit(given.type, declared.type)
    if found is Fit.NEVER:
        return Fit.NEVER if given.required else Fit.SOMETIMES
    if not given.required and declared.required:
        return Fit.SOMETIMES
    return found


def _fit_extra(declared: Field, rest: Type | None) -> Fit:
    # A further key is refused where a literal has it; that a result has more keys than are read does no harm.
    found = Fit.ALWAYS if rest is None else fit(declared.type, rest)
    return Fit.SOMETIMES if found is Fit.NEVER and not declared.required else found


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

_PLAIN: dict[Any, Type] = {
    str: STRING, int: INTEGER, float: NUMBER, bool: BOOLEAN, type(None): NULL, None: NULL,
    dict: OBJECT, list: LIST, tuple: LIST,
}  # fmt: skip
_LISTS = (list, tuple, Sequence, Iterable)
_MAPPINGS = (dict, Mapping)


def from_annotation(annotation: Any, seen: tuple[Any, ...] = ()) -> Type:
    """Return the type that an annotation declares; what JSON has no word for counts as not declared."""
    try:
        if annotation in _PLAIN:
            return _PLAIN[annotation]
    except TypeError:
        return ANYTHING
    if is_typeddict(annotation):
        # A type that contains itself is followed once.
        return ANYTHING if annotation in seen else _from_typed_dict(annotation, (*seen, annotation))
    if isinstance(annotation, NewType):
        return from_annotation(annotation.__supertype__, seen)
    return _from_generic(get_origin(annotation), get_args(annotation), seen)


def _from_generic(origin: Any, arguments: tuple[Any, ...], seen: tuple[Any, ...]) -> Type:
    if origin in (Union, python_types.UnionType):
        return union(from_annotation(argument, seen) for argument in arguments)
    if origin is Literal:
        return union(_from_literal(argument) for argument in arguments)
    if origin in (typing.Annotated, Required, NotRequired):
        return from_annotation(arguments[0], seen)
    if origin is tuple and arguments[-1:] != (...,):
        return ListOf(union(from_annotation(argument, seen) for argument in arguments if argument != ()))
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
    required = set(annotation.__required_keys__)
    for name, hint in hints.items():
        mark = get_origin(hint)
        if mark is Required:
            required.add(name)
        elif mark is NotRequired:
            required.discard(name)
    return required
