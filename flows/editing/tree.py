"""Where everything stands in the text of a document, also while the text is only half typed."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from flows.engine.findings import Path

_TOKEN = re.compile(r'(?P<string>"(?:[^"\\\n]|\\.)*(?P<quote>"?))|(?P<mark>[][{}:,])|(?P<word>[^][{}:,"\s]+)')
_DEEPEST = 40
_DECODER = json.JSONDecoder(strict=False)


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

    `closed` tells whether a string has its last quote, an object or array its last bracket.
    """

    kind: Kind
    start: int
    end: int
    closed: bool = True
    members: "list[Member]" = field(default_factory=list)
    items: "list[Node]" = field(default_factory=list)

    def member(self, key: str) -> "Member | None":
        """Return the last member of that key, which is the one that JSON takes."""
        return next((one for one in reversed(self.members) if one.name == key), None)

    def children(self) -> Iterator[tuple[str | int, "Node"]]:
        """Yield what stands inside with its key or index."""
        yield from ((one.name, one.value) for one in self.members)
        yield from enumerate(self.items)


@dataclass(slots=True)
class Member:
    """A key and its value; `colon` is where the value may begin, None where the colon is not typed yet."""

    name: str
    key: Node
    value: Node
    colon: int | None


def parse_tree(text: str) -> Node:
    """Return the first value of a text; what is missing is a gap, and what does not belong there is passed over."""
    return _Parser(text).value(0)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_TOKEN.finditer(text))
        # Of each token the bracket, colon or comma, or else its kind; empty after the last two.
        self.marks = [token["mark"] or str(token.lastgroup) for token in self.tokens] + ["", ""]
        self.at = 0

    def take(self) -> re.Match[str]:
        self.at += 1
        return self.tokens[self.at - 1]

    def value(self, depth: int) -> Node:
        mark = self.marks[self.at]
        if mark in ("{", "[") and depth < _DEEPEST:
            return self.container(Kind.OBJECT if mark == "{" else Kind.ARRAY, depth)
        if mark in ("string", "word", "{", "["):
            return self.scalar()
        place = self.tokens[self.at - 1].end() if self.at else 0
        return Node(Kind.GAP, place, place)

    def scalar(self) -> Node:
        token = self.take()
        if token["string"]:
            return Node(Kind.STRING, *token.span(), closed=bool(token["quote"]))
        return Node(Kind.WORD, *token.span())

    def container(self, kind: Kind, depth: int) -> Node:
        node = Node(kind, self.take().start(), len(self.text), closed=False)
        closing, other = ("}", "]") if kind is Kind.OBJECT else ("]", "}")
        while mark := self.marks[self.at]:
            if mark == closing:
                node.end = self.take().end()
                node.closed = True
                return node
            if mark == other:
                # It closes what stands around this, which is not closed itself.
                node.end = self.tokens[self.at].start()
                return node
            if mark in (",", ":"):
                self.take()
            elif kind is Kind.ARRAY:
                node.items.append(self.value(depth + 1))
            elif mark in ("string", "word"):
                node.members.append(self.member(depth))
            else:
                self.value(depth + 1)
        return node

    def member(self, depth: int) -> Member:
        key = self.scalar()
        colon = self.take().end() if self.marks[self.at] == ":" else None
        # A string with a colon after it is the next key: this value is not typed yet.
        is_next_key = self.marks[self.at] == "string" and self.marks[self.at + 1] == ":"
        value = Node(Kind.GAP, key.end, key.end) if colon is None or is_next_key else self.value(depth + 1)
        return Member(str(value_of(key, self.text)), key, value, colon)


def value_of(node: Node, text: str) -> Any:
    """Return the value of a node; what is half typed as far as it goes, a gap and a word that is not JSON as None."""
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
