"""Read one page of the log, from a place in its order on."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self

from django.db.models import Q

from flows.log_pages.selection import Selection, read_time
from flows.log_pages.streams import all_of, last_of
from flows.models import SysLog, SysLogQuerySet, local_text

PAGE = 100
WINDOW = 100_000
HIGHEST_ID = 2**63 - 1
# What the index of the times holds.
_BARE = SysLog.objects.only("id", "created_at")


class Key(NamedTuple):
    """The place of a row in both orders."""

    id: int
    created_at: datetime | None = None

    @classmethod
    def of(cls, row: SysLog) -> Self:
        return cls(row.pk, row.created_at)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the key that an address holds, such as ``12@2026-03-01 08:39:02.007``; None where it is none."""
        number, _, moment = text.partition("@")
        if not (number.isascii() and number.isdecimal() and len(number) < 20) or int(number) > HIGHEST_ID:
            return None
        return cls(int(number), read_time(moment) if moment else None)

    def __str__(self) -> str:
        return f"{self.id}@{local_text(self.created_at, 'microseconds')}" if self.created_at else str(self.id)


class Cursor(NamedTuple):
    """Where a page begins: at rows older than the key, or at newer ones; without a key at that end of the log."""

    older: bool = True
    key: Key | None = None

    def parameters(self) -> dict[str, str]:
        """Return the cursor as the parameters of an address."""
        if self.key is None:
            return {} if self.older else {"from": "oldest"}
        return {"before" if self.older else "after": str(self.key)}


NEWEST = Cursor()
OLDEST = Cursor(older=False)
# The same, without a look for the lowest id.
_FIRST = Cursor(older=False, key=Key(0))


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and the ways on."""

    rows: list[SysLog]
    newer: Cursor | None = None
    older: Cursor | None = None
    # Set where the page stopped at its window: the first row that it did not examine.
    beyond: SysLog | None = None
    cursor: Cursor = NEWEST
    is_bounded: bool = False

    @property
    def further(self) -> Cursor | None:
        """Return the way to the next window, where this one ended before the page was full."""
        return (self.older if self.cursor.older else self.newer) if self.beyond else None


def read_page(selection: Selection, cursor: Cursor = NEWEST, size: int = PAGE) -> Page:
    """Return the rows that match, from the cursor on, with the beginning of each message; at most three queries."""
    return _read(selection, cursor, size, heads_of(selection))


def whole_page(selection: Selection, cursor: Cursor = NEWEST, size: int = PAGE) -> Page:
    """Return the same with the whole messages."""
    return _read(selection, cursor, size, SysLog.objects.all())


def heads_of(selection: Selection) -> SysLogQuerySet:
    """Return the rows with what a list shows of a message."""
    rows = SysLog.objects.with_heads()
    return rows.with_hits(selection.q) if selection.q else rows


def _read(selection: Selection, cursor: Cursor, size: int, rows_to_read: SysLogQuerySet) -> Page:
    order = _Order(selection.is_timed, cursor.older, *selection.period())
    end = order.end_of_window(cursor.key) if selection.is_bounded else None
    rows = order.first(rows_to_read.filter(order.stretch(cursor.key, end)), selection, size + 1)
    if len(rows) > size:
        return _page(selection, cursor, rows[:size], Cursor(cursor.older, Key.of(rows[size - 1])))
    beyond = order.sorted(_BARE.filter(order.stretch(end))).first() if end else None
    # On from there, not from the end of the window: where many rows were removed, that could be a long walk.
    onward = Cursor(cursor.older, _nudged(Key.of(beyond), back=not cursor.older)) if beyond else None
    return _page(selection, cursor, rows, onward, beyond)


def _page(
    selection: Selection, cursor: Cursor, rows: list[SysLog], onward: Cursor | None, beyond: SysLog | None = None
) -> Page:
    back = _way_back(cursor, rows)
    if not cursor.older:
        rows = rows[::-1]
    newer, older = (back, onward) if cursor.older else (onward, back)
    return Page(rows, newer, older, beyond, cursor, selection.is_bounded)


def _way_back(cursor: Cursor, rows: list[SysLog]) -> Cursor | None:
    if cursor.key is None or cursor == _FIRST:
        return None
    if rows:
        return Cursor(not cursor.older, Key.of(rows[0]))
    # The row at the cursor itself belongs to the other side.
    return Cursor(not cursor.older, _nudged(cursor.key, back=cursor.older))


def _nudged(key: Key, *, back: bool) -> Key:
    """Return the key that stands right beside another one, on the side of the older or the newer rows."""
    return key._replace(id=min(max(key.id + (-1 if back else 1), 0), HIGHEST_ID))


def at_time(selection: Selection, moment: datetime) -> Cursor:
    """Return the cursor of the page that begins at the newest row of this time or before."""
    if selection.is_timed:
        return Cursor(key=Key(HIGHEST_ID, moment))
    row = _BARE.filter(created_at__lte=moment).order_by("-created_at", "-id").first()
    return Cursor(key=Key(min(row.pk + 1, HIGHEST_ID), row.created_at)) if row else _FIRST


class NewRows(NamedTuple):
    """What came after a row: the rows that match, newest first, and the newest id of all."""

    rows: list[SysLog]
    last: int
    are_all: bool


def read_newer(selection: Selection, after: int) -> NewRows:
    """Return the newest rows with a higher id; two queries, whatever happened meanwhile."""
    last = newest_id()
    rows = heads_of(selection).filter(selection.in_period(), id__gt=max(after, last - WINDOW), id__lte=last)
    if selection.levels:
        rows = rows.any_of_levels(selection.levels)
    found = list(selection.examine(rows).order_by("-id")[: PAGE + 1])
    return NewRows(found[:PAGE], last, len(found) <= PAGE and after >= last - WINDOW)


def newest_id() -> int:
    row = SysLog.objects.only("id").order_by("-id").first()
    return row.pk if row else 0


def neighbours(row: SysLog, number: int = 5) -> tuple[list[SysLog], list[SysLog]]:
    """Return the rows before and after a row in time, whatever they are, the newest first."""
    by_time = row.created_at is not None
    # On SQLite a time is a text, and one that others wrote with fewer digits sorts beside itself.
    others = SysLog.objects.with_heads().exclude(pk=row.pk)
    sides = [
        list(order.sorted(others.filter(order.stretch(Key.of(row))))[:number])
        for order in (_Order(by_time, older=True), _Order(by_time, older=False))
    ]
    return sides[0], sides[1][::-1]


class _Order(NamedTuple):
    """One of the two orders of the log, in one of its two directions."""

    by_time: bool
    older: bool
    since: datetime | None = None
    until: datetime | None = None

    def sorted(self, rows: SysLogQuerySet) -> SysLogQuerySet:
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
            row = last_of(self.sorted(_BARE.filter(self.stretch(key)))[:WINDOW])
            return Key.of(row) if row else None
        if self.older:
            return Key(max((key.id - 1 if key else newest_id()) - WINDOW + 1, 0))
        first = key.id + 1 if key else self._lowest_id()
        return Key(min(first + WINDOW - 1, HIGHEST_ID))

    def _lowest_id(self) -> int:
        row = SysLog.objects.only("id").order_by("id").first()
        return row.pk if row else 0

    def first(self, area: SysLogQuerySet, selection: Selection, number: int) -> list[SysLog]:
        """Return the first rows of an area that match."""
        rows = selection.examine(area)
        if not selection.levels:
            return list(self.sorted(rows)[:number])
        if self.by_time:
            return list(self.sorted(rows.any_of_levels(selection.levels))[:number])
        sign = "-" if self.older else ""
        streams = [rows.one_level(level).order_by(f"{sign}level", f"{sign}id")[:number] for level in selection.levels]
        return sorted(all_of(streams), key=lambda row: row.pk, reverse=self.older)[:number]
