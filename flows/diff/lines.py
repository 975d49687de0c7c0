"""Two texts side by side, line by line, with what differs inside of a line marked."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Literal, NamedTuple

from flows.diff.keys import common_start

LONGEST_ALIGNED = 2_000
"""Lines between the first and the last difference above which lines are paired by place: aligning costs the square."""


class Line(NamedTuple):
    """One line and its number; what differs from the line beside it is `marked`."""

    number: int
    before: str
    marked: str
    after: str


class Row(NamedTuple):
    """Two lines beside each other; one of them is missing where a line was added or removed."""

    kind: Literal["same", "changed", "added", "removed"]
    old: Line | None
    new: Line | None


class Fold(NamedTuple):
    """How many rows of equal lines are left out."""

    kind: Literal["fold"]
    length: int


def side_by_side(old: str, new: str) -> list[Row]:
    """Return all lines of both texts in rows."""
    before, after = old.split("\n"), new.split("\n")
    return [
        _row(_at(before, i), _at(after, j))
        for (i1, i2), (j1, j2) in _blocks(before, after)
        for i, j in zip_longest(range(i1, i2), range(j1, j2))
    ]


def folded(rows: Sequence[Row], context: int = 3) -> Iterator[Row | Fold]:
    """Yield the rows that differ and those near to one; of the others, how many there are."""
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - context, index + context + 1))
    for is_near, group in groupby(enumerate(rows), key=lambda item: item[0] in near):
        members = [row for _, row in group]
        if is_near or len(members) == 1:
            yield from members
        else:
            yield Fold("fold", len(members))


_Span = tuple[int, int]


def _blocks(old: list[str], new: list[str]) -> Iterator[tuple[_Span, _Span]]:
    """Yield runs of lines that stand beside each other, as places in both texts."""
    start = common_start(old, new)
    rest = common_start(old[start:][::-1], new[start:][::-1])
    old_end, new_end = len(old) - rest, len(new) - rest
    yield (0, start), (0, start)
    if max(old_end, new_end) - start > LONGEST_ALIGNED:
        yield (start, old_end), (start, new_end)
    else:
        matcher = SequenceMatcher(None, old[start:old_end], new[start:new_end])
        for _, i1, i2, j1, j2 in matcher.get_opcodes():
            yield (start + i1, start + i2), (start + j1, start + j2)
    yield (old_end, len(old)), (new_end, len(new))


def _at(lines: list[str], index: int | None) -> Line | None:
    return None if index is None else Line(index + 1, lines[index], "", "")


def _row(old: Line | None, new: Line | None) -> Row:
    if old is None or new is None:
        return Row("added" if old is None else "removed", old, new)
    if old.before == new.before:
        return Row("same", old, new)
    start = common_start(old.before, new.before)
    rest = common_start(old.before[start:][::-1], new.before[start:][::-1])
    if not any(map(str.isalnum, old.before[:start] + old.before[len(old.before) - rest :])):
        # They have nothing in common but indentation and brackets.
        return Row("changed", old, new)
    return Row("changed", _marked(old, start, rest), _marked(new, start, rest))


def _marked(line: Line, start: int, rest: int) -> Line:
    text, end = line.before, len(line.before) - rest
    return Line(line.number, text[:start], text[start:end], text[end:])
