"""Walk over a table in short ranges of its primary key: nobody waits for it, and it can stop anywhere."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db.models import F, Max, Min, QuerySet

Rows = TypeVar("Rows", bound=QuerySet[Any])


class Progress(NamedTuple):
    """How far it is: which share of the ids is done (0 to 1), and how many rows went so far, by kind."""

    share: float
    rows: Counter[str]


class Span(NamedTuple):
    """Ids from `first` to before `end`."""

    first: int
    end: int

    def of(self, rows: Rows) -> Rows:
        return rows.filter(id__gte=self.first, id__lt=self.end)


def walk(table: QuerySet[Any], last: int, size: int, act: Callable[[Span], Counter[str]]) -> Iterator[Progress]:
    """Act on each range of so many ids up to the last one, and yield after it; `act` returns what went, by kind."""
    done: Counter[str] = Counter()
    span = _next_span(table, 0, last, size)
    first = span.first if span else 0
    while span:
        done += act(span)
        following = _next_span(table, span.end, last, size)
        yield Progress((span.end - first) / (last + 1 - first) if following else 1.0, Counter(done))
        span = following
    if not first:
        yield Progress(1.0, Counter())


def _next_span(table: QuerySet[Any], start: int, last: int, size: int) -> Span | None:
    """Return the next range that holds rows; gaps in the ids cost nothing."""
    first = table.filter(id__gte=start, id__lte=last).aggregate(first=Min("id"))["first"]
    return None if first is None else Span(first, min(first + size, last + 1))


def last_old_id(table: QuerySet[Any], before: datetime) -> int:
    """Return the greatest id of a row that was created before a time; 0 if there is none.

    The index on created_at knows the ids: only the entries of old rows are read, and no row. Ids are no times: others
    may have written their rows late, and their clocks may differ.
    """
    # For the bare id SQLite would look at row after row from the youngest down.
    return table.filter(created_at__lt=before).aggregate(last=Max(F("id") + 0))["last"] or 0
