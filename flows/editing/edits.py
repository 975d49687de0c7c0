"""Edits of a text: what is replaced by what, counted as Python or as a browser counts."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

from flows.engine.errors import FlowError


class Refused(FlowError):
    """The edit is not done; the text says why."""


class Edit(NamedTuple):
    """Replace what stands from `start` up to `end`."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits done; their places are those in the given text, and none overlaps another."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


class Units:
    """Converts places of one text: Python counts characters, JavaScript counts those beyond U+FFFF twice."""

    def __init__(self, text: str) -> None:
        self._wide = [] if text.isascii() else [at for at, character in enumerate(text) if character > "\uffff"]
        self._units = [at + before for before, at in enumerate(self._wide)]
        self._length = len(text)

    def of(self, offset: int) -> int:
        """Return the place as JavaScript counts it."""
        return offset + bisect_left(self._wide, offset)

    def offset(self, unit: int) -> int:
        """Return the place as Python counts it, within the text."""
        return min(max(unit - bisect_left(self._units, unit), 0), self._length)
