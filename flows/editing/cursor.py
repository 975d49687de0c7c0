"""Where a cursor is in a text that may be half typed: in a key, in a value, or where one can begin."""

from typing import NamedTuple

from flows.editing.tree import Kind, Member, Node
from flows.engine.findings import Path


class Cursor(NamedTuple):
    """Where a cursor is: the path of the value, and the node that is typed.

    Where that node is a key, the path is that of the object around it, which is then the `owner`; `has_colon` tells
    whether a colon follows it already.
    """

    path: Path
    node: Node
    owner: Node | None = None
    has_colon: bool = False


def cursor_at(root: Node, offset: int) -> Cursor | None:
    """Return where an offset is; None where nothing is typed: outside of the document, or behind a value."""
    path: Path = ()
    node = root
    while True:
        inside = _inside(node, path, offset)
        if not isinstance(inside, tuple) or isinstance(inside, Cursor):
            return inside
        path, node = inside


def _inside(node: Node, path: Path, offset: int) -> Cursor | tuple[Path, Node] | None:
    """Return where an offset is in a node: the cursor, or the child to look into."""
    if node.kind is Kind.STRING:
        return Cursor(path, node) if _is_in(node, offset) else None
    if node.kind in (Kind.WORD, Kind.GAP):
        return Cursor(path, node)
    if not _is_in(node, offset):
        return None
    if node.kind is Kind.OBJECT:
        return _in_object(node, path, offset)
    for index, item in enumerate(node.items):
        if item.start < offset <= item.end:
            return (*path, index), item
    index = sum(item.end < offset for item in node.items)
    return Cursor((*path, index), Node(Kind.GAP, offset, offset))


def _in_object(node: Node, path: Path, offset: int) -> Cursor | tuple[Path, Node] | None:
    for member in node.members:
        if member.key.start < offset <= member.key.end:
            return Cursor(path, member.key, owner=node, has_colon=member.colon is not None)
        if member.value.start < offset <= member.value.end and member.value.kind is not Kind.GAP:
            return (*path, member.name), member.value
    before = [one for one in node.members if one.key.end < offset]
    if before and _waits(before[-1]):
        return Cursor((*path, before[-1].name), Node(Kind.GAP, offset, offset))
    return Cursor(path, Node(Kind.GAP, offset, offset), owner=node)


def _is_in(node: Node, offset: int) -> bool:
    """Return whether an offset is behind the first quote or bracket of a node, and not behind its last."""
    return node.start < offset < node.end + (not node.closed)


def _waits(member: Member) -> bool:
    """Return whether a key has its colon and no value yet."""
    return member.colon is not None and member.value.kind is Kind.GAP
