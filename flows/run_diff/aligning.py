"""Bring the step paths of two runs into one order: as they ran, each step before its entries and sub-flow steps."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A path, and how many steps and entries it stands below."""

    path: str
    depth: int


_BELOW = re.compile(r"[/[]")

_Children = dict[str, dict[str, None]]
"""By path, what stands directly below it, in the order in which it ran; the steps of the flow are below ``""``."""


def aligned(old: Iterable[str], new: Iterable[str]) -> Iterator[Place]:
    """Yield every path of two runs once; each run's are given in the order in which they ended."""
    yield from _walk(_children(old), _children(new), "", 0)


def is_below(path: str, other: str) -> bool:
    """Return whether a path is an entry or a sub-flow step of another."""
    return path.startswith((f"{other}/", f"{other}["))


def _walk(old: _Children, new: _Children, at: str, depth: int) -> Iterator[Place]:
    for path in _merged([*old.get(at, ())], [*new.get(at, ())]):
        yield Place(path, depth)
        if path in old or path in new:
            yield from _walk(old, new, path, depth + 1)


def _children(paths: Iterable[str]) -> _Children:
    children: _Children = {}
    for path in paths:
        above = ""
        for each in _lineage(path):
            children.setdefault(above, {})[each] = None
            above = each
    return children


def _lineage(path: str) -> Iterator[str]:
    """Yield `each`, `each[3]`, `each[3]/load` for the last of them."""
    for mark in _BELOW.finditer(path):
        yield path[: mark.start()]
    yield path


def _merged(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield what is in either: the old ones in their order, each new one behind the one that it followed."""
    known = set(old)
    followers: dict[str, list[str]] = {}
    before = ""
    for path in new:
        if path in known:
            before = path
        else:
            followers.setdefault(before, []).append(path)
    for path in ("", *old):
        yield from (path,) if path else ()
        yield from followers.get(path, ())
