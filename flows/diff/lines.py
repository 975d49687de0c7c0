"""Two texts side by side, line by line, with what differs inside of a line marked."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Literal, NamedTuple

from flows.diff.keys import common_start

LONGEST_ALIGNED = 2_000
"""Lines between the first and the last difference above which lines are paired by place: aligning costs the square."""

_Span = tuple[int, int]


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


def folded(old: str, new: str, context: int = 3) -> Iterator[Row | Fold]:
    """Yield the rows that differ and those near to one; of the others, how many there are."""
    rows = _without_far_lines(old.split("\n"), new.split("\n"), context)
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind not in {"same", "fold"}:
            near.update(range(index - context, index + context + 1))
    for is_near, group in groupby(enumerate(rows), key=lambda item: item[0] in near):
        members = [row for _, row in group]
        length = sum(row.length if isinstance(row, Fold) else 1 for row in members)
        if is_near or length == 1:
            yield from members
        else:
            yield Fold("fold", length)


def _without_far_lines(old: list[str], new: list[str], context: int) -> list[Row | Fold]:
    """Return all rows, but of long runs of equal lines only the ends: most of two versions is such a run."""
    rows: list[Row | Fold] = []
    for (i1, i2), (j1, j2) in _blocks(old, new):
        begin = context if i1 or j1 else 0
        end = context if i2 < len(old) or j2 < len(new) else 0
        hidden = i2 - i1 - begin - end
        if hidden < 2 or old[i1:i2] != new[j1:j2]:
            rows += _rows(old, new, (i1, i2), (j1, j2))
        else:
            rows += _rows(old, new, (i1, i1 + begin), (j1, j1 + begin))
            rows.append(Fold("fold", hidden))
            rows += _rows(old, new, (i2 - end, i2), (j2 - end, j2))
    return rows


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


def _rows(old: list[str], new: list[str], of_old: _Span, of_new: _Span) -> Iterator[Row]:
    for i, j in zip_longest(range(*of_old), range(*of_new)):
        yield _row(_at(old, i), _at(new, j))


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
