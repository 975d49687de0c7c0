"""Prepare what the templates of the log show; every query has been made before."""

from functools import partial
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.safestring import SafeString

from flows.admin.log_drawing import drawing
from flows.admin.log_text import level_class, logger_name, marked, place_and_line
from flows.admin.paging import query, searched, time_context, time_filters, ways_on
from flows.engine.text import quoted, visible
from flows.log_pages import pages
from flows.log_pages.histogram import Histogram
from flows.log_pages.pages import NewRows, Page
from flows.log_pages.places import Place, split_place
from flows.log_pages.selection import AND_ABOVE, Selection
from flows.models import LEVELS, SysLog
from flows.paging.keys import Cursor, Key

FIELDS = (("logger", "Logger"), ("flow", "Flow"), ("run", "Run"), ("step", "Step"))
_LONGEST_SHOWN = 60


class ShownRow(NamedTuple):
    """A row as a list shows it."""

    id: int
    url: str
    time: str
    level: str
    level_class: str
    logger: SafeString
    place: list[tuple[str, str, str]]
    line: SafeString


def list_context(selection: Selection, page: Page, histogram: Histogram | None) -> dict[str, Any]:
    """Return what the list shows."""
    at_the_top = page.newer is None
    return {
        "selection": selection,
        "rows": [shown_row(row, selection) for row in page.rows],
        "links": ways_on(page, partial(_at, selection)),
        "searched": searched(page, pages.WINDOW, partial(_at, selection)),
        "filters": _filters(selection),
        "levels": _level_choices(selection),
        "fields": [(name, label, getattr(selection, name)) for name, label in FIELDS],
        **time_context(selection, list_url),
        "downloads": [
            (ending, label, url("download", selection, format=ending))
            for ending, label in (("txt", "Text"), ("csv", "CSV"), ("jsonl", "JSON lines"))
        ],
        "histogram": drawing(histogram, selection, list_url) if histogram else None,
        "list_url": reverse("admin:flows_syslog_changelist"),
        "follow_url": url("rows", selection) if at_the_top and page.cursor.older and not selection.until else "",
        "last_id": max((row.pk for row in page.rows), default=0),
        "lowest_id": min((row.pk for row in page.rows), default=0),
    }


def new_rows_context(selection: Selection, new: NewRows) -> dict[str, Any]:
    """Return what the fragment of new rows shows."""
    rows = [shown_row(row, selection) for row in new.rows]
    return {"selection": selection, "rows": rows, "last": new.last, "are_all": new.are_all}


def record_context(selection: Selection, row: SysLog, before: list[SysLog], after: list[SysLog]) -> dict[str, Any]:
    """Return what the page of one row shows."""
    place, text = split_place(row.message)
    plain = Selection()
    return {
        "row": row,
        "level": visible(row.level),
        "level_class": level_class(row.level),
        "logger": logger_name(row),
        "place": _place_links(place, plain),
        "text": marked(text, selection.q),
        "before": [shown_row(one, selection) for one in before],
        "after": [shown_row(one, selection) for one in after],
        "back_url": list_url(selection),
        "around_url": list_url(selection, **Cursor(key=Key(row.pk + 1, row.created_at)).parameters()),
        "all_url": list_url(plain, **Cursor(key=Key(row.pk + 1, row.created_at)).parameters()),
    }


def shown_row(row: SysLog, selection: Selection) -> ShownRow:
    place, line = place_and_line(row, selection.q)
    return ShownRow(
        row.pk,
        reverse("admin:flows_syslog_change", args=[row.pk]) + query(selection.parameters()),
        row.local_time or "—",
        visible(row.level),
        level_class(row.level),
        logger_name(row),
        _place_links(place, selection),
        line,
    )


def url(name: str, selection: Selection, **more: str) -> str:
    """Return the address of a page of the log with this selection."""
    return reverse(f"admin:flows_syslog_{name}") + query(selection.parameters() | more)


def list_url(selection: Selection, **more: str) -> str:
    """Return the address of the list with this selection."""
    return url("changelist", selection, **more)


def _at(selection: Selection, parameters: dict[str, str]) -> str:
    return list_url(selection, **parameters)


def _place_links(place: Place, selection: Selection) -> list[tuple[str, str, str]]:
    """Return name, text and address of each part of a place; an address narrows to the parts before it too."""
    links, narrowed = [], selection.without("flow", "run", "step").parameters()
    for name, value in zip(place._fields, place, strict=True):
        if value:
            narrowed |= {name: value}
            shown = visible(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
            links.append((name, shown, reverse("admin:flows_syslog_changelist") + query(narrowed)))
    return links


def _filters(selection: Selection) -> list[tuple[str, str]]:
    """Return a text for each filter that is set, and the address without it."""
    shown: list[tuple[str, str]] = []
    if selection.level:
        above = " and above" if len(selection.levels) > 1 else ""
        shown.append((f"level {visible(selection.levels[0])}{above}", list_url(selection.without("level"))))
    for name, label in FIELDS:
        if value := getattr(selection, name):
            shown.append((f"{label.lower()} {quoted(value)}", list_url(selection.without(name))))
    if selection.q:
        shown.append((f"text {quoted(selection.q)}", list_url(selection.without("q"))))
    return shown + time_filters(selection, list_url)


def _level_choices(selection: Selection) -> list[tuple[str, str, bool]]:
    above = [(level + AND_ABOVE, f"{level} and above") for level in LEVELS[1:-1]]
    choices = [("", "Any"), *above, *((level, f"Only {level}") for level in LEVELS)]
    if selection.level not in dict(choices):
        choices.append((selection.level, f"Only {visible(selection.level)}"))
    return [(value, label, value == selection.level) for value, label in choices]
