"""Read one page of the log, from a place in its order on."""

from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db.models import Q

from flows.log_pages.selection import Selection
from flows.models import SysLog, SysLogQuerySet
from flows.paging import pages
from flows.paging.keys import FIRST, HIGHEST_ID, NEWEST, Cursor, Key
from flows.paging.pages import Order, newest_id
from flows.paging.streams import all_of

PAGE = 100
WINDOW = 100_000
# What the index of the times holds.
_BARE = SysLog.objects.only("id", "created_at")

Page = pages.Page[SysLog]


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


def order_of(selection: Selection, *, older: bool) -> Order:
    """Return the order in which a selection is read."""
    return Order(_BARE, WINDOW, selection.is_timed, older, *selection.period())


def _read(selection: Selection, cursor: Cursor, size: int, rows_to_read: SysLogQuerySet) -> Page:
    order = order_of(selection, older=cursor.older)
    first = partial(_first, order, selection, rows_to_read)
    return pages.read(order, cursor, size, first, is_bounded=selection.is_bounded)


def _first(order: Order, selection: Selection, rows_to_read: SysLogQuerySet, stretch: Q, number: int) -> list[SysLog]:
    """Return the first rows of a stretch that match."""
    rows = selection.examine(rows_to_read.filter(stretch))
    if not selection.levels:
        return list(order.sorted(rows)[:number])
    if order.by_time:
        return list(order.sorted(rows.any_of_levels(selection.levels))[:number])
    sign = "-" if order.older else ""
    streams = [rows.one_level(level).order_by(f"{sign}level", f"{sign}id")[:number] for level in selection.levels]
    return sorted(all_of(streams), key=lambda row: row.pk, reverse=order.older)[:number]


def at_time(selection: Selection, moment: datetime) -> Cursor:
    """Return the cursor of the page that begins at the newest row of this time or before."""
    if selection.is_timed:
        return Cursor(key=Key(HIGHEST_ID, moment))
    row = _BARE.filter(created_at__lte=moment).order_by("-created_at", "-id").first()
    return Cursor(key=Key(min(row.pk + 1, HIGHEST_ID), row.created_at)) if row else FIRST


class NewRows(NamedTuple):
    """What came after a row: the rows that match, newest first, and the newest id of all."""

    rows: list[SysLog]
    last: int
    are_all: bool


def read_newer(selection: Selection, after: int) -> NewRows:
    """Return the newest rows with a higher id; two queries, whatever happened meanwhile."""
    last = newest_id(_BARE)
    rows = heads_of(selection).filter(selection.in_period(), id__gt=max(after, last - WINDOW), id__lte=last)
    if selection.levels:
        rows = rows.any_of_levels(selection.levels)
    found = list(selection.examine(rows).order_by("-id")[: PAGE + 1])
    return NewRows(found[:PAGE], last, len(found) <= PAGE and after >= last - WINDOW)


def newest_rows(selection: Selection, number: int, window: int) -> list[SysLog]:
    """Return the newest rows that match among a window of the newest; two queries."""
    order = order_of(selection, older=True)._replace(window=window)
    end = order.end_of_window(None)
    return _first(order, selection, heads_of(selection), order.stretch(None, end), number) if end else []


def neighbours(row: SysLog, number: int = 5) -> tuple[list[SysLog], list[SysLog]]:
    """Return the rows before and after a row in time, whatever they are, the newest first."""
    by_time = row.created_at is not None
    # On SQLite a time is a text, and one that others wrote with fewer digits sorts beside itself.
    others = SysLog.objects.with_heads().exclude(pk=row.pk)
    sides = [
        list(order.sorted(others.filter(order.stretch(Key.of(row))))[:number])
        for order in (Order(_BARE, WINDOW, by_time, older) for older in (True, False))
    ]
    return sides[0], sides[1][::-1]
