"""Read one page of a table, from a place in its order on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from django.db.models import Model, Q, QuerySet

from flows.paging.keys import FIRST, HIGHEST_ID, NEWEST, Cursor, Key
from flows.paging.streams import last_of

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, newest first, and the ways on."""

    rows: list[Row]
    newer: Cursor | None = None
    older: Cursor | None = None
    # Set where the page stopped at its window: the first row that it did not examine.
    beyond: Row | None = None
    cursor: Cursor = NEWEST
    is_bounded: bool = False

    @property
    def further(self) -> Cursor | None:
        """Return the way to the next window, where this one ended before the page was full."""
        return (self.older if self.cursor.older else self.newer) if self.beyond else None


class Order(NamedTuple):
    """One of the two orders of a table with ids and times, in one of its two directions.

    `bare` are its rows with what the index of the times holds; `window` is how many rows a page may examine.
    """

    bare: QuerySet[Any]
    window: int
    by_time: bool
    older: bool
    since: datetime | None = None
    until: datetime | None = None

    def sorted(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        sign = "-" if self.older else ""
        return rows.order_by(*(sign + name for name in (("created_at", "id") if self.by_time else ("id",))))

    def stretch(self, begin: Key | None, end: Key | None = None) -> Q:
        """Return what is true of the rows from one key, without it, to another one, with it, within the time range.

        There is one bound a side: of two, SQLite would take any for its walk.
        """
        return self._begin(begin) & self._end(end)

    def _begin(self, key: Key | None) -> Q:
        edge, direction = (self.until, "lt") if self.older else (self.since, "gt")
        if key and not (edge and key.created_at and (key.created_at > edge if self.older else key.created_at < edge)):
            return self._side(direction, "", key)
        return Q(**{f"created_at__{direction}e": edge}) if edge else Q()

    def _end(self, key: Key | None) -> Q:
        edge, direction = (self.since, "gt") if self.older else (self.until, "lt")
        if key:
            return self._side(direction, "e", key)
        return Q(**{f"created_at__{direction}e": edge}) if edge else Q()

    def _side(self, direction: str, or_equal: str, key: Key) -> Q:
        by_id = Q(**{f"id__{direction}{or_equal}": key.id})
        if not self.by_time:
            return by_id
        beside = Q(**{f"created_at__{direction}": key.created_at}) | Q(created_at=key.created_at) & by_id
        # Says nothing new, but SQLite finds no place in an index by an OR.
        return Q(**{f"created_at__{direction}e": key.created_at}) & beside

    def end_of_window(self, key: Key | None) -> Key | None:
        """Return the last key that a page may examine; None where there is nothing at all."""
        if self.by_time:
            row = last_of(self.sorted(self.bare.filter(self.stretch(key)))[: self.window])
            return Key.of(row) if row else None
        if self.older:
            return Key(max((key.id - 1 if key else newest_id(self.bare)) - self.window + 1, 0))
        first = key.id + 1 if key else self._lowest_id()
        return Key(min(first + self.window - 1, HIGHEST_ID))

    def _lowest_id(self) -> int:
        row = self.bare.order_by("id").first()
        return row.pk if row else 0


def newest_id(bare: QuerySet[Any]) -> int:
    row = bare.order_by("-id").first()
    return row.pk if row else 0


def read(
    order: Order, cursor: Cursor, size: int, first: Callable[[Q, int], list[Row]], *, is_bounded: bool
) -> Page[Row]:
    """Return the page that begins at a cursor.

    `first` returns the first rows of a stretch in the order that match. Where `is_bounded`, at most a window of the
    table is examined.
    """
    end = order.end_of_window(cursor.key) if is_bounded else None
    rows = first(order.stretch(cursor.key, end), size + 1)
    if len(rows) > size:
        return _page(cursor, rows[:size], Cursor(cursor.older, Key.of(rows[size - 1])), None, is_bounded=is_bounded)
    beyond = order.sorted(order.bare.filter(order.stretch(end))).first() if end else None
    # On from there, not from the end of the window: where many rows were removed, that could be a long walk.
    onward = Cursor(cursor.older, Key.of(beyond).nudged(back=not cursor.older)) if beyond else None
    return _page(cursor, rows, onward, beyond, is_bounded=is_bounded)


def _page(cursor: Cursor, rows: list[Row], onward: Cursor | None, beyond: Row | None, *, is_bounded: bool) -> Page[Row]:
    back = _way_back(cursor, rows)
    if not cursor.older:
        rows = rows[::-1]
    newer, older = (back, onward) if cursor.older else (onward, back)
    return Page(rows, newer, older, beyond, cursor, is_bounded)


def _way_back(cursor: Cursor, rows: list[Row]) -> Cursor | None:
    if cursor.key is None or cursor == FIRST:
        return None
    if rows:
        return Cursor(not cursor.older, Key.of(rows[0]))
    # The row at the cursor itself belongs to the other side.
    return Cursor(not cursor.older, cursor.key.nudged(back=cursor.older))
