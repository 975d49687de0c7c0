"""Types are read from annotations, compared, and followed key by key."""

from __future__ import annotations

import collections.abc
import datetime
import enum
import typing
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Annotated, Any, Generic, Literal, NewType, NotRequired, Optional, Required, TypedDict, TypeVar, Union

import pytest

from flows.engine.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    AnyType,
    Atom,
    Constant,
    Field,
    Fit,
    ListOf,
    Member,
    ObjectOf,
    OneOf,
    Type,
    fit,
    from_annotation,
    keys_of,
    kind_of,
    member,
    type_of,
    union,
)

ALWAYS, SOMETIMES, NEVER = Fit


class Colour(enum.Enum):
    RED = "red"


class Text(enum.StrEnum):
    RED = "red"


class Plain(TypedDict):
    a: int
    b: NotRequired[str]


class Loose(TypedDict, total=False):
    a: Required[int]
    b: str


class Inherited(Loose):
    c: float
    d: NotRequired[Annotated[bool, "a note"]]


class Nested(TypedDict):
    one: Plain
    many: list[Plain]


class Tree(TypedDict):
    name: str
    children: list[Tree]
    parent: Tree | None


class There(TypedDict):
    back: Here


class Here(TypedDict):
    there: There


class Unresolvable(TypedDict):
    a: int
    b: Missing  # type: ignore[name-defined]  # noqa: F821


Item = TypeVar("Item")


class Page(TypedDict, Generic[Item]):
    items: list[Item]


Dotted = TypedDict("Dotted", {"a.b": int, "class": NotRequired[str], "with space": str})
# The type checker does not take a mark inside of Annotated; Python does.
made: Any = TypedDict
Marked = made("Marked", {"a": "Annotated[NotRequired[int], 'a note']", "b": "Annotated[str, 'a note']"})
Name = NewType("Name", str)
Names = NewType("Names", list[Name])

A_PLAIN = ObjectOf({"a": Field(INTEGER), "b": Field(STRING, required=False)}, name="Plain")
A_TREE = ObjectOf(
    {
        "name": Field(STRING),
        "children": Field(ListOf(AnyType(Tree))),
        "parent": Field(OneOf((AnyType(Tree), NULL))),
    },
    name="Tree",
)

# What JSON has no word for is not declared.
NOT_DECLARED: list[Any] = [
    *(Any, object, bytes, complex, set, frozenset[str], datetime.datetime, Colour, Text, Item, Page[int]),
    *(typing.Callable, collections.abc.Callable[[int], str], type[int], typing.Counter[str], typing.NoReturn),
    *("int", 7, [], ...),
]
ANNOTATIONS: list[tuple[Any, Type]] = [
    (str, STRING),
    (int, INTEGER),
    (float, NUMBER),
    (bool, BOOLEAN),
    (None, NULL),
    (type(None), NULL),
    (dict, OBJECT),
    (typing.Dict, OBJECT),  # noqa: UP006
    (Mapping, OBJECT),
    (typing.Mapping, OBJECT),
    (dict[str, int], ObjectOf(rest=INTEGER)),
    (dict[str, Any], OBJECT),
    (Mapping[str, list[int]], ObjectOf(rest=ListOf(INTEGER))),
    (MutableMapping[str, str], ObjectOf(rest=STRING)),
    (list, LIST),
    (typing.List, LIST),  # noqa: UP006
    (typing.Tuple, LIST),  # noqa: UP006
    (tuple, LIST),
    (tuple[()], LIST),
    (Sequence, LIST),
    (typing.Sequence, LIST),
    (list[int], ListOf(INTEGER)),
    (Sequence[str], ListOf(STRING)),
    (collections.abc.Iterable[str], ListOf(STRING)),
    (tuple[int, ...], ListOf(INTEGER)),
    (tuple[int, str], ListOf(OneOf((INTEGER, STRING)))),
    (list[list[bool]], ListOf(ListOf(BOOLEAN))),
    (list[Any], LIST),
    (Literal["a"], Constant("a")),
    (Literal["a", 1, True, None], OneOf((Constant("a"), Constant(1), Constant(True), Constant(None)))),
    (Literal[1, True], OneOf((Constant(1), Constant(True)))),
    (Literal[b"x"], ANYTHING),
    (Literal[Colour.RED], ANYTHING),
    (Optional[int], OneOf((INTEGER, NULL))),  # noqa: UP045
    (Union[int, str], OneOf((INTEGER, STRING))),  # noqa: UP007
    (int | str | None, OneOf((INTEGER, STRING, NULL))),
    (int | Any, ANYTHING),
    (Annotated[int, "seconds"], INTEGER),
    (Annotated[int, ["a list has no hash"]], INTEGER),
    (Name, STRING),
    (Names, ListOf(STRING)),
    (Plain, A_PLAIN),
    (Loose, ObjectOf(A_PLAIN.fields, name="Loose")),
    (
        Inherited,
        ObjectOf({**A_PLAIN.fields, "c": Field(NUMBER), "d": Field(BOOLEAN, required=False)}, name="Inherited"),
    ),
    (Nested, ObjectOf({"one": Field(A_PLAIN), "many": Field(ListOf(A_PLAIN))}, name="Nested")),
    (
        Dotted,
        ObjectOf(
            {"a.b": Field(INTEGER), "class": Field(STRING, required=False), "with space": Field(STRING)}, name="Dotted"
        ),
    ),
    (Marked, ObjectOf({"a": Field(INTEGER, required=False), "b": Field(STRING)}, name="Marked")),
    (Tree, A_TREE),
    (Here, ObjectOf({"there": Field(ObjectOf({"back": Field(AnyType(Here))}, name="There"))}, name="Here")),
    (Unresolvable, OBJECT),
    (Page, ObjectOf({"items": Field(LIST)}, name="Page")),
    *((one, ANYTHING) for one in NOT_DECLARED),
]


@pytest.mark.parametrize(("annotation", "expected"), ANNOTATIONS, ids=lambda one: str(one)[:60])
def test_an_annotation_is_read_as_the_json_that_it_stands_for(annotation: Any, expected: Type) -> None:
    found = from_annotation(annotation)
    assert found == expected
    assert str(found) == str(expected)


def test_the_typed_dict_of_typing_extensions_is_one_too() -> None:
    extensions = pytest.importorskip("typing_extensions")
    made = extensions.TypedDict("made", {"a": int, "b": extensions.NotRequired[str]})
    assert from_annotation(made) == ObjectOf(A_PLAIN.fields, name="made")


def test_true_and_1_are_two_constants_and_1_and_1_point_0_are_one() -> None:
    assert union((Constant(1), Constant(True))) == OneOf((Constant(1), Constant(True)))
    assert union((Constant(1), Constant(1.0))) == Constant(1)
    assert union((Constant(0), Constant(False), Constant(0))) == OneOf((Constant(0), Constant(False)))
    assert len({Constant(1), Constant(True), Constant(1.0)}) == 2


CLOSED, OPEN = ObjectOf({"a": Field(INTEGER)}), ObjectOf({"a": Field(INTEGER)}, rest=ANYTHING)
OPTIONAL = ObjectOf({"a": Field(INTEGER, required=False)})
NUMBERS = ObjectOf(rest=INTEGER)

FITS: list[tuple[Type, Type, Fit]] = [
    (STRING, STRING, ALWAYS),
    (STRING, INTEGER, NEVER),
    (INTEGER, NUMBER, ALWAYS),
    (NUMBER, INTEGER, SOMETIMES),
    (BOOLEAN, INTEGER, NEVER),
    (BOOLEAN, NUMBER, NEVER),
    (NULL, STRING, NEVER),
    (ANYTHING, STRING, SOMETIMES),
    (STRING, ANYTHING, ALWAYS),
    (ANYTHING, ANYTHING, ALWAYS),
    (Constant("a"), STRING, ALWAYS),
    (Constant(1), NUMBER, ALWAYS),
    (Constant(1.0), INTEGER, ALWAYS),
    (Constant(1.5), INTEGER, NEVER),
    (Constant(True), INTEGER, NEVER),
    (Constant(True), Constant(1), NEVER),
    (STRING, Constant("a"), SOMETIMES),
    (INTEGER, Constant("a"), NEVER),
    (NUMBER, Constant(1), SOMETIMES),
    (Constant("a"), LIST, NEVER),
    (OneOf((STRING, NULL)), STRING, SOMETIMES),
    (OneOf((STRING, NULL)), INTEGER, NEVER),
    (STRING, OneOf((STRING, NULL)), ALWAYS),
    (OneOf((NULL, Constant("a"))), OneOf((STRING, NULL)), ALWAYS),
    (INTEGER, OneOf((STRING, Constant(1))), SOMETIMES),
    (LIST, OBJECT, NEVER),
    (OBJECT, LIST, NEVER),
    (STRING, LIST, NEVER),
    (STRING, OBJECT, NEVER),
    (ListOf(INTEGER), ListOf(NUMBER), ALWAYS),
    (ListOf(STRING), ListOf(NUMBER), SOMETIMES),
    (type_of([]), ListOf(NUMBER), ALWAYS),
    (type_of([1, "a"]), ListOf(NUMBER), SOMETIMES),
    (CLOSED, CLOSED, ALWAYS),
    (CLOSED, OPTIONAL, ALWAYS),
    (OPTIONAL, CLOSED, SOMETIMES),
    (ObjectOf({"a": Field(STRING, required=False)}), CLOSED, NEVER),
    (ObjectOf({"a": Field(STRING, required=False)}), OPTIONAL, SOMETIMES),
    (ObjectOf({"a": Field(STRING)}), OPTIONAL, NEVER),
    (ObjectOf(), OPTIONAL, ALWAYS),
    (ObjectOf(), CLOSED, NEVER),
    (ObjectOf({"a": Field(INTEGER), "b": Field(STRING)}), CLOSED, ALWAYS),
    (ObjectOf({"a": Field(INTEGER), "b": Field(STRING)}), NUMBERS, NEVER),
    (CLOSED, NUMBERS, ALWAYS),
    (NUMBERS, NUMBERS, ALWAYS),
    (NUMBERS, OPTIONAL, ALWAYS),
    (NUMBERS, CLOSED, SOMETIMES),
    (ObjectOf(rest=STRING), NUMBERS, SOMETIMES),
    (ObjectOf(rest=STRING), CLOSED, NEVER),
    (OBJECT, CLOSED, SOMETIMES),
    (OBJECT, NUMBERS, SOMETIMES),
    (OPEN, OBJECT, ALWAYS),
    (A_TREE, A_TREE, ALWAYS),
    (A_TREE, AnyType(Tree), SOMETIMES),
    (AnyType(Tree), AnyType(Tree), ALWAYS),
    (AnyType(Tree), AnyType(Here), SOMETIMES),
    (AnyType(Tree), OneOf((AnyType(Tree), NULL)), ALWAYS),
    (AnyType(Tree), ANYTHING, ALWAYS),
    (type_of({"a": 1}), CLOSED, ALWAYS),
    (type_of({"a": "1"}), CLOSED, NEVER),
]


@pytest.mark.parametrize(("source", "target", "expected"), FITS, ids=lambda one: str(one)[:40])
def test_values_of_one_type_are_always_sometimes_or_never_values_of_another(
    source: Type, target: Type, expected: Fit
) -> None:
    assert fit(source, target) is expected


MEMBERS: list[tuple[Type, str, Type | None, bool]] = [
    (A_PLAIN, "a", INTEGER, True),
    (A_PLAIN, "b", STRING, False),
    (A_PLAIN, "c", None, False),
    (OBJECT, "a", ANYTHING, False),
    (NUMBERS, "a", INTEGER, False),
    (ANYTHING, "a", ANYTHING, False),
    (AnyType(Tree), "name", ANYTHING, False),
    (STRING, "a", None, False),
    (Constant("a"), "a", None, False),
    (ListOf(STRING), "0", STRING, False),
    (ListOf(STRING), "999999999", STRING, False),
    *((ListOf(STRING), key, None, False) for key in ("01", "-1", "1000000000", "a", "٣", "1_0", "+1", "0\n")),
    (OneOf((A_PLAIN, CLOSED)), "a", INTEGER, True),
    (OneOf((A_PLAIN, CLOSED)), "b", STRING, False),
    (OneOf((A_PLAIN, NULL)), "a", INTEGER, False),
    (OneOf((CLOSED, ObjectOf({"a": Field(STRING)}))), "a", OneOf((INTEGER, STRING)), True),
    (OneOf((STRING, NULL)), "a", None, False),
]


@pytest.mark.parametrize(("owner", "key", "expected", "certain"), MEMBERS, ids=lambda one: str(one)[:30])
def test_a_part_of_a_reference_finds_what_the_type_declares(
    owner: Type, key: str, expected: Type | None, certain: bool
) -> None:
    assert member(owner, key) == Member(expected, certain)


def test_a_member_is_certain_only_where_every_option_is_sure_to_have_it() -> None:
    assert member(OneOf((A_PLAIN, ObjectOf({"b": Field(STRING)}))), "b") == Member(STRING, certain=False)


def test_the_keys_of_a_union_are_those_of_all_its_options() -> None:
    assert keys_of(OneOf((A_PLAIN, ObjectOf({"b": Field(STRING), "c": Field(STRING)}), NULL))) == ["a", "b", "c"]
    assert keys_of(LIST) == []


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (OneOf((STRING, NULL)), "string or null"),
        (ListOf(A_PLAIN), "list of Plain"),
        (Constant("a"), '"a"'),
        (Constant(True), "true"),
        (Constant(None), "null"),
        (Constant(1), "1"),
        (OBJECT, "object"),
        (ANYTHING, "anything"),
        (AnyType(Tree), "Tree"),
        (ListOf(OneOf(())), "list of nothing"),
        (Atom("string"), "string"),
    ],
)
def test_a_type_is_named_in_the_words_of_json(kind: Type, text: str) -> None:
    assert str(kind) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((True, "true"), (False, "false"), (1, "a number"), (1.5, "a number"), ("a", "a text"), (None, "null")),
        *(([], "a list"), ({}, "an object"), (b"", "a bytes")),
    ],
)
def test_a_value_is_named_for_a_message(value: Any, text: str) -> None:
    assert kind_of(value) == text
