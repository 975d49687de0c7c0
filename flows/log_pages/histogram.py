"""Count the rows of a time range by time and level, at a price that does not grow with the log.

Few rows are read and counted. Of many, DEBUG and INFO are estimated from rows that are evenly spread. WARNING and above
are read from the index of the levels, at most eight in each fiftieth of the ids: all of them where they are rare, so
that no lonely error is missed; where there are more, the distance between the eight tells how many. The page says so.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

from django.db.models import F, Func, IntegerField, Value
from django.utils import timezone

from flows.log_pages.selection import Selection
from flows.models import LEVELS, SysLog
from flows.paging.periods import EARLIEST
from flows.paging.streams import Statement, all_of, compiled, values_of

MOST_BARS = 60
# So many rows are counted one by one.
EXACT = 5_000
# Of more, so many are sampled, evenly spread; and the ids are cut into so many pieces, of each of which so many
# rows of a severe level are read.
SAMPLE = 1_200
PIECES = 50
PIECE = 8
SEVERE = LEVELS[2:]
OTHER = "other"

_MILLISECOND = timedelta(milliseconds=1)
_WIDTHS = [timedelta(milliseconds=n) for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)]
_WIDTHS += [timedelta(seconds=n) for n in (1, 2, 5, 10, 15, 30)]
_WIDTHS += [timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)]
_WIDTHS += [timedelta(hours=n) for n in (1, 2, 3, 6, 12)]
_WIDTHS += [timedelta(days=n) for n in (1, 2, 7, 14, 28, 91, 364)]
_A_MONDAY = datetime(1970, 1, 5)


@dataclass(slots=True)
class Bar:
    """The rows of a piece of time; it ends a millisecond before the next one begins."""

    since: datetime
    until: datetime
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Histogram:
    """The bars of a time range, from its first row to its last."""

    bars: list[Bar]
    is_estimated: bool
    # Levels that were counted although the others are estimated.
    counted: tuple[str, ...] = ()

    @property
    def peak(self) -> int:
        return max(bar.total for bar in self.bars)

    @property
    def total(self) -> int:
        return sum(bar.total for bar in self.bars)


class _Frame(NamedTuple):
    """Pieces of time of equal length, the first of which begins at a round local time."""

    origin: datetime
    width: timedelta
    number: int

    def bars(self) -> list[Bar]:
        edges = [self.origin + number * self.width for number in range(self.number + 1)]
        return [Bar(timezone.make_aware(a), timezone.make_aware(b - _MILLISECOND)) for a, b in pairwise(edges)]

    def place(self, since: float) -> int:
        """Return the number of the bar to which a time belongs, in milliseconds from the beginning."""
        return int(since // (self.width / _MILLISECOND))


# By level and piece (-1: the sample): id, and milliseconds from the beginning.
_Found = dict[tuple[str, int], list[tuple[int, float]]]


class _Estimate(NamedTuple):
    """So many rows of a level at a time, in milliseconds from the beginning."""

    level: str
    since: float
    weight: float


class _Since(Func):
    """Whole milliseconds from the beginning of the first bar."""

    output_field = IntegerField()

    def __init__(self, origin: datetime) -> None:
        super().__init__(Value(timezone.make_aware(origin)), F("created_at"))

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "TIMESTAMPDIFF(MICROSECOND, %(expressions)s) DIV 1000"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "CAST(ROUND((julianday(%(expressions)s)) * -86400000.0) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **extra)


def read_histogram(selection: Selection) -> Histogram | None:
    """Return the histogram of the chosen time range and levels, whatever else is chosen; None where it has no rows.

    Two queries, of at most EXACT rows, or SAMPLE and PIECES times PIECE for each severe level.
    """
    ends = _ends(selection)
    if not ends:
        return None
    first, last = ends
    frame = _frame(timezone.make_naive(first.created_at), timezone.make_naive(last.created_at))
    if abs(last.pk - first.pk) < EXACT:
        return _counted(selection, frame)
    return _estimated(selection, frame, *sorted((first.pk, last.pk)))


def _ends(selection: Selection) -> list[SysLog]:
    """Return the first and the last row in time."""
    rows = SysLog.objects.filter(selection.in_period(), created_at__gte=EARLIEST).only("id", "created_at")
    return list(all_of([rows.order_by("created_at", "id")[:1], rows.order_by("-created_at", "-id")[:1]]))


def _frame(first: datetime, last: datetime) -> _Frame:
    width = next((width for width in _WIDTHS if (last - first) / width < MOST_BARS - 1), None)
    if width is None:
        width = _WIDTHS[-1] * -(-(last - first) // (_WIDTHS[-1] * (MOST_BARS - 1)))
    origin = first - (first - _A_MONDAY) % width
    return _Frame(origin, width, (last - origin) // width + 1)


def _counted(selection: Selection, frame: _Frame) -> Histogram:
    rows = SysLog.objects.filter(selection.in_period(), created_at__gte=EARLIEST).order_by("created_at", "id")[:EXACT]
    found = values_of(rows, [compiled(rows.annotate(ms=_Since(frame.origin)).values_list("level", "ms"))])
    bars = frame.bars()
    for level, since in found:
        if not selection.levels or level in selection.levels:
            # SQLite rounds to milliseconds: the last row may seem to lie behind the last bar.
            bars[min(frame.place(since), len(bars) - 1)].counts[_known(level)] += 1
    # The cut is met only where ids and times have nothing to do with each other.
    return Histogram(bars, is_estimated=len(found) == EXACT)


def _estimated(selection: Selection, frame: _Frame, lowest: int, highest: int) -> Histogram:
    levels = [level for level in SEVERE if not selection.levels or level in selection.levels]
    edges = [lowest + number * (highest + 1 - lowest) // PIECES for number in range(PIECES + 1)]
    statements = [_sample(frame, lowest, highest)]
    for level in levels:
        statements += _pieces(frame, level, edges)
    found: _Found = defaultdict(list)
    for level, piece, number, since in values_of(SysLog.objects.all(), statements):
        found[level, piece].append((number, since))
    estimates = _from_sample(found, selection, (highest + 1 - lowest) / SAMPLE)
    for level in levels:
        estimates += _stretched(level, [found[level, piece] for piece in range(PIECES)], edges)
    counted = tuple(level for level in levels if all(len(found[level, piece]) < PIECE for piece in range(PIECES)))
    return Histogram(_summed(frame, estimates), is_estimated=True, counted=counted)


def _sample(frame: _Frame, lowest: int, highest: int) -> Statement:
    # One id at random of each piece: rows come in patterns, with which even distances would keep step.
    chance = Random(0)  # noqa: S311  (the same for each reader)
    ids = [lowest + int((number + chance.random()) * (highest + 1 - lowest) / SAMPLE) for number in range(SAMPLE)]
    rows = SysLog.objects.filter(id__in=ids).order_by().annotate(piece=Value(-1), ms=_Since(frame.origin))
    return compiled(rows.values_list("level", "piece", "id", "ms"))


def _pieces(frame: _Frame, level: str, edges: list[int]) -> Iterator[Statement]:
    """Yield a query for each piece of the ids: its first rows of a level."""
    low, high, piece = -1, -2, -3
    rows = SysLog.objects.one_level(level).filter(id__gte=low, id__lt=high).order_by("level", "id")
    named = rows.annotate(kind=Value(level), piece=Value(piece), ms=_Since(frame.origin))
    # Made by the ORM once, not fifty times: that would cost more than the database does.
    sql, values = compiled(named.values_list("kind", "piece", "id", "ms")[:PIECE])
    for number, (begin, end) in enumerate(pairwise(edges)):
        known = {low: begin, high: end, piece: number}
        yield sql, tuple(known.get(value, value) for value in values)


def _from_sample(found: _Found, selection: Selection, weight: float) -> list[_Estimate]:
    """Return the sampled rows of the levels of which no pieces were read."""
    return [
        _Estimate(level, since, weight)
        for (level, piece), rows in found.items()
        if piece < 0 and level not in SEVERE and (not selection.levels or level in selection.levels)
        for _, since in rows
    ]


def _stretched(level: str, pieces: list[list[tuple[int, float]]], edges: list[int]) -> Iterator[_Estimate]:
    """Yield the rows of each piece; where a piece has more than were read, those stand for all of it."""
    for (low, high), piece in zip(pairwise(edges), pieces, strict=True):
        if len(piece) < PIECE:
            yield from (_Estimate(level, since, 1) for _, since in piece)
            continue
        (_, begin), (last, end) = piece[0], piece[-1]
        # The way to the eighth row is about seven gaps long: eight would promise too much.
        weight = (high - low) / (last + 1 - low) * (PIECE - 1) / PIECE
        reach = (end - begin) * (high - low) / (last + 1 - low) / PIECE
        yield from (_Estimate(level, begin + (place + 0.5) * reach, max(weight, 1)) for place in range(PIECE))


def _summed(frame: _Frame, estimates: list[_Estimate]) -> list[Bar]:
    bars = frame.bars()
    sums: Counter[tuple[int, str]] = Counter()
    for level, since, weight in estimates:
        sums[frame.place(since), _known(level)] += weight  # type: ignore[assignment]
    for (place, level), number in sums.items():
        if 0 <= place < len(bars):
            bars[place].counts[level] = max(round(number), 1)
    return bars


def _known(level: str) -> str:
    return level if level in LEVELS else OTHER
