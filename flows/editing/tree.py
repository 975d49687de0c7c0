"""Where everything stands in the text of a document, also while the text is only half typed."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from flows.engine.findings import Path

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*(?P<quote>"?))|(?P<mark>[][{}:,])|(?P<word>[^][{}:,"\s]+)|(?P<end>\Z)'
)
# What stands before a value of JSON: behind a bracket, a colon or a comma, with the space around it.
_MARK = re.compile(r"[ \t\n\r]*[\[{:,]?[ \t\n\r]*")
_DEEPEST = 40
_DECODER = json.JSONDecoder(strict=False)
# What `raw_decode` itself calls; it would make an error of each end.
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # known to no stubs


class Kind(Enum):
    """What a node is; a gap is a value that is not there yet."""

    OBJECT = auto()
    ARRAY = auto()
    STRING = auto()
    WORD = auto()
    GAP = auto()


@dataclass(slots=True)
class Node:
    """A value of the text from `start` up to `end`, with what stands inside.

    `closed` tells whether a string has its last quote, an object or array its last bracket. An object or array that is
    right as JSON has its `value`, and the text as `source`: where things stand inside is looked for when it is asked.
    """

    kind: Kind
    start: int
    end: int
    closed: bool = True
    value: Any = None
    source: str = ""
    _inside: "Inside | None" = None

    @property
    def members(self) -> "list[Member]":
        return self._look_inside().members

    @property
    def items(self) -> "list[Node]":
        return self._look_inside().items

    def _look_inside(self) -> "Inside":
        if self._inside is None:
            self._inside = Inside([], [])
            if self.source and self.kind is Kind.OBJECT:
                self._inside.members.extend(_members_inside(self.source, self.start))
            elif self.source:
                self._inside.items.extend(_node(self.source, *item) for item in _values_inside(self.source, self.start))
        return self._inside

    def member(self, key: str) -> "Member | None":
        """Return the last member of that key, which is the one that JSON takes."""
        return next((one for one in reversed(self.members) if one.name == key), None)

    def item_values(self, text: str) -> Iterator["Item"]:
        """Yield the items as values; of an array that is right as JSON no nodes are made."""
        if self.source and self.kind is Kind.ARRAY:
            return _values_inside(self.source, self.start)
        return (Item(item.start, item.end, value_of(item, text)) for item in self.items)

    def children(self) -> Iterator[tuple[str | int, "Node"]]:
        """Yield what stands inside with its key or index."""
        yield from ((one.name, one.value) for one in self.members)
        yield from enumerate(self.items)


class Item(NamedTuple):
    """An item of an array: the place of its text, and its value."""

    start: int
    end: int
    value: Any


class Inside(NamedTuple):
    """What stands inside of a node: members in an object, items in an array."""

    members: "list[Member]"
    items: list[Node]


@dataclass(slots=True)
class Member:
    """A key and its value; `colon` is where the value may begin, None where the colon is not typed yet."""

    name: str
    key: Node
    value: Node
    colon: int | None


def parse_tree(text: str) -> Node:
    """Return the first value of a text; what is missing is a gap, and what does not belong there is passed over.

    Only what is half typed is read token by token: over all that is right the scanner of the standard library walks.
    """
    return _Parser(text).value(0)


class _Parser:
    """How far a text is read: `token` is the one that is next, `mark` its bracket, colon or comma, or its kind."""

    token: re.Match[str]
    mark: str

    def __init__(self, text: str) -> None:
        self.text = text
        self.go_to(0)

    def go_to(self, place: int) -> None:
        self.end = place
        self.token = _token(self.text, place)
        self.mark = self.token["mark"] or str(self.token.lastgroup)

    def take(self) -> re.Match[str]:
        """Return the token that is next, and go on to the one behind it."""
        token = self.token
        self.go_to(token.end())
        return token

    def value(self, depth: int) -> Node:
        if self.mark in _OPENING and depth < _DEEPEST:
            return self.whole() or self.container(_OPENING[self.mark], depth)
        if self.mark in ("string", "word", "{", "["):
            return self.scalar()
        return Node(Kind.GAP, self.end, self.end)

    def scalar(self) -> Node:
        token = self.take()
        if token["string"]:
            return Node(Kind.STRING, *token.span(), closed=bool(token["quote"]))
        return Node(Kind.WORD, *token.span())

    def whole(self) -> Node | None:
        """Return the object or array that is next where it is right as JSON."""
        try:
            node = _read(self.text, self.token.start())
        except (ValueError, StopIteration, RecursionError):
            return None
        self.go_to(node.end)
        return node

    def container(self, kind: Kind, depth: int) -> Node:
        start = self.take().start()
        inside = Inside([], [])
        end, is_closed = self.fill(inside, kind, depth)
        return Node(kind, start, end, is_closed, _inside=inside)

    def fill(self, inside: Inside, kind: Kind, depth: int) -> tuple[int, bool]:
        """Read what stands inside, and return where that ends, and whether with the bracket that closes it."""
        closing, other = ("}", "]") if kind is Kind.OBJECT else ("]", "}")
        while (mark := self.mark) != "end":
            if mark == closing:
                return self.take().end(), True
            if mark == other:
                # It closes what stands around this, which is not closed itself.
                return self.token.start(), False
            if mark in (",", ":"):
                self.take()
            elif kind is Kind.ARRAY:
                inside.items.append(self.value(depth + 1))
            elif mark in ("string", "word"):
                inside.members.append(self.member(depth))
            else:
                self.value(depth + 1)
        return len(self.text), False

    def member(self, depth: int) -> Member:
        key = self.scalar()
        colon = self.take().end() if self.mark == ":" else None
        value = Node(Kind.GAP, key.end, key.end) if colon is None or self.is_at_key() else self.value(depth + 1)
        return Member(str(value_of(key, self.text)), key, value, colon)

    def is_at_key(self) -> bool:
        """Return whether a string with a colon is next: the value before it is not typed yet."""
        return self.mark == "string" and _token(self.text, self.token.end())["mark"] == ":"


_OPENING = {"{": Kind.OBJECT, "[": Kind.ARRAY}


def _token(text: str, at: int) -> re.Match[str]:
    """Return the next token; the last one is an empty one at the end of the text."""
    return _TOKEN.search(text, at)  # type: ignore[return-value]  # the end is always found


# --- what is right as JSON -------------------------------------------------------------------------------------------


def _read(text: str, start: int) -> Node:
    """Return the value that begins at a place; raises `ValueError` or `StopIteration` where it is not right as JSON."""
    value, end = _scan(text, start)
    return _node(text, start, end, value)


def _node(text: str, start: int, end: int, value: Any) -> Node:
    first = text[start]
    if first in _OPENING:
        return Node(_OPENING[first], start, end, True, value, text)
    return Node(Kind.STRING if first == '"' else Kind.WORD, start, end)


def _values_inside(text: str, start: int) -> Iterator[Item]:
    at = _behind_mark(text, start)
    while text[at] != "]":
        value, end = _scan(text, at)
        yield Item(at, end, value)
        at = _behind_mark(text, end)


def _members_inside(text: str, start: int) -> Iterator[Member]:
    at = _behind_mark(text, start)
    while text[at] != "}":
        name, end = _scan(text, at)
        value = _read(text, _behind_mark(text, end))
        yield Member(name, Node(Kind.STRING, at, end), value, text.index(":", end) + 1)
        at = _behind_mark(text, value.end)


def _behind_mark(text: str, at: int) -> int:
    return _MARK.match(text, at).end()  # type: ignore[union-attr]  # it may be empty, so it is always there


# --- values and places -----------------------------------------------------------------------------------------------


def value_of(node: Node, text: str) -> Any:
    """Return the value of a node; what is half typed as far as it goes, a gap and a word that is not JSON as None."""
    if node.source:
        return node.value
    if node.kind is Kind.OBJECT:
        return {one.name: value_of(one.value, text) for one in node.members}
    if node.kind is Kind.ARRAY:
        return [value_of(item, text) for item in node.items]
    raw = text[node.start : node.end]
    return _scalar(raw) if raw else None


def _scalar(raw: str) -> Any:
    if "\\" not in raw and raw[0] == raw[-1] == '"' and len(raw) > 1:
        return raw[1:-1]
    for attempt in (raw, raw + '"'):
        try:
            return _DECODER.decode(attempt)
        except ValueError:
            continue
    return raw[1:] if raw.startswith('"') else None


def find(root: Node, path: Path) -> Node | None:
    """Return what stands at a path, or None."""
    node: Node | None = root
    for part in path:
        member = None if node is None else node.member(str(part))
        if member:
            node = member.value
        else:
            node = node.items[int(part)] if node and str(part).isdecimal() and int(part) < len(node.items) else None
    return node


def nearest(root: Node, path: Path) -> Node:
    """Return what stands at a path, or else what should hold it."""
    return next(found for end in range(len(path), -1, -1) if (found := find(root, path[:end])))


def path_at(root: Node, offset: int) -> Path:
    """Return the path of the innermost value that an offset is in or next to."""
    path: Path = ()
    node = root
    while True:
        inside = _child_at(node, offset)
        if inside is None:
            return path
        key, node = inside
        path = (*path, key)


def _child_at(node: Node, offset: int) -> tuple[str | int, Node] | None:
    for member in node.members:
        if member.key.start <= offset <= member.value.end:
            return member.name, member.value
    return next(((index, item) for index, item in enumerate(node.items) if item.start <= offset <= item.end), None)


def pointer_path(pointer: str) -> Path:
    """Return the keys of a JSON Pointer; an index is the text of its digits."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def exact_pointer(path: Sequence[str | int]) -> str:
    """Return the JSON Pointer of a path, with its keys as they are."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
