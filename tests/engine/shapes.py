"""Made-up types of parameters and results, with values of them, that share nothing with the engine's own types."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, NotRequired, TypedDict, Union

TEXTS = ("", "x", "@x", "a.b", "7")
# Few keys, some with dots, so that "a.b" is now one key and now a path.
KEYS = ("a", "b", "c", "a.b", "b.c", "0", "x-y", "@k")
CONSTANTS: tuple[Any, ...] = ("x", "y", "@x", 0, 1, True, False)


@dataclass(frozen=True)
class Plain:
    """A text, number, boolean, null, or what nobody declared (`any`)."""

    name: str

    def annotation(self) -> Any:
        return {"str": str, "int": int, "float": float, "bool": bool, "null": None, "any": Any}[self.name]

    def value(self, random: Random) -> Any:
        chosen = (
            random.choice(("str", "int", "float", "bool", "null", "list", "dict")) if self.name == "any" else self.name
        )
        values: dict[str, Sequence[Any]] = {
            "str": TEXTS, "int": (-1, 0, 1, 2.0), "float": (0, 1, 2.5), "bool": (True, False), "null": (None,),
            "list": ([], [1], [{"a": "x"}]), "dict": ({}, {"a": 1}, {"a": {"b": "x"}, "a.b": True}),
        }  # fmt: skip
        return random.choice(values[chosen])

    def holds(self, value: Any) -> bool:
        if self.name == "any":
            return True
        if value is None or isinstance(value, bool):
            return self.name == ("null" if value is None else "bool")
        if isinstance(value, int | float):
            return self.name == "float" or (self.name == "int" and value == int(value))
        return self.name == "str" and isinstance(value, str)


@dataclass(frozen=True)
class OneValue:
    """One of a few constants."""

    values: tuple[Any, ...]

    def annotation(self) -> Any:
        return Literal[self.values]

    def value(self, random: Random) -> Any:
        return random.choice(self.values)

    def holds(self, value: Any) -> bool:
        return any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in self.values)


@dataclass(frozen=True)
class Row:
    """A list, or with `keyed` a dict with any keys, of one kind of value."""

    item: "Shape"
    keyed: bool = False

    def annotation(self) -> Any:
        inner = self.item.annotation()
        return dict[str, inner] if self.keyed else list[inner]  # type: ignore[valid-type]

    def value(self, random: Random) -> Any:
        values = [self.item.value(random) for _ in range(random.choice((0, 1, 1, 2, 3)))]
        return dict(zip(random.sample(KEYS, len(values)), values, strict=True)) if self.keyed else values

    def holds(self, value: Any) -> bool:
        if self.keyed:
            return isinstance(value, dict) and all(map(self.item.holds, value.values()))
        return isinstance(value, list) and all(map(self.item.holds, value))


@dataclass(frozen=True)
class Record:
    """An object with declared keys; those in `optional` may be absent."""

    fields: tuple[tuple[str, "Shape"], ...]
    optional: frozenset[str] = frozenset()

    def annotation(self) -> Any:
        hints = {
            key: NotRequired[one.annotation()] if key in self.optional else one.annotation() for key, one in self.fields
        }
        return TypedDict("Record", hints)  # type: ignore[operator]

    def value(self, random: Random) -> Any:
        """Return an object with no other keys than those declared."""
        there = [(key, one) for key, one in self.fields if key not in self.optional or random.random() < 0.5]
        return {key: one.value(random) for key, one in there}

    def holds(self, value: Any) -> bool:
        """Return whether the declared keys are right; others do no harm."""
        return isinstance(value, dict) and all(
            one.holds(value[key]) if key in value else key in self.optional for key, one in self.fields
        )


@dataclass(frozen=True)
class Either:
    """A value of any of these shapes."""

    options: tuple["Shape", ...]

    def annotation(self) -> Any:
        return Union[tuple(one.annotation() for one in self.options)]  # noqa: UP007  (made at run time)

    def value(self, random: Random) -> Any:
        return random.choice(self.options).value(random)

    def holds(self, value: Any) -> bool:
        return any(one.holds(value) for one in self.options)


Shape = Plain | OneValue | Row | Record | Either

ATOMS = tuple(map(Plain, ("str", "str", "int", "int", "float", "bool", "bool", "null", "any")))


def shape(random: Random, depth: int = 3) -> Shape:
    """Return any shape, nested at most so deep."""
    kind = (
        random.choice(("plain", "plain", "constants", "row", "keyed", "record", "record", "either"))
        if depth
        else "plain"
    )
    if kind == "constants":
        return OneValue(tuple(random.sample(CONSTANTS, random.choice((1, 2)))))
    if kind in ("row", "keyed"):
        return Row(shape(random, depth - 1), keyed=kind == "keyed")
    if kind == "record":
        return record(random, depth - 1)
    if kind == "either":
        return Either((shape(random, depth - 1), shape(random, depth - 1)))
    return random.choice(ATOMS)


def record(random: Random, depth: int = 3) -> Record:
    """Return an object's shape with up to four keys."""
    keys = random.sample(KEYS, random.choice((1, 2, 2, 3, 4)))
    fields = {key: shape(random, depth) for key in keys}
    if depth and random.random() < 0.2:
        # "a.b" as one key and as a path.
        fields |= {"a.b": shape(random, 0), "a": Record((("b", shape(random, 0)),))}
    return Record(tuple(fields.items()), frozenset(key for key in fields if random.random() < 0.3))
