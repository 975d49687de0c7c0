"""Prepare what every page of a long table shows: the ways on, what was searched, the time range."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from flows.models import local_text
from flows.paging.keys import OLDEST
from flows.paging.pages import Page
from flows.paging.periods import PERIODS, TimedSelection, read_time

Selected = TypeVar("Selected", bound=TimedSelection)
Address = Callable[[dict[str, str]], str]


def query(parameters: dict[str, str]) -> str:
    """Return the end of an address with these parameters."""
    # A lone surrogate in a stored name has no place in an address.
    return "?" + urlencode(parameters, errors="replace") if parameters else ""


def ways_on(page: Page[Any], address: Address) -> dict[str, str]:
    """Return the addresses of the pages around this one, empty where there is none."""
    at_the_newest = page.cursor.older and page.cursor.key is None
    at_the_oldest = not page.cursor.older and page.cursor.key is None
    return {
        "newest": "" if at_the_newest else address({}),
        "newer": address(page.newer.parameters()) if page.newer else "",
        "older": address(page.older.parameters()) if page.older else "",
        "oldest": "" if at_the_oldest or not page.older else address(OLDEST.parameters()),
    }


def searched(page: Page[Any], window: int, address: Address) -> dict[str, Any] | None:
    """Return what to say about the window of a page; None where an index found the rows."""
    if not page.is_bounded:
        return None
    return {
        "window": f"{window:,}",
        "is_full": bool(page.older if page.cursor.older else page.newer) and page.beyond is None,
        "beyond": local_text(page.beyond.created_at, "milliseconds") if page.beyond else "",
        "direction": "older" if page.cursor.older else "newer",
        "url": address(page.further.parameters()) if page.further else "",
        "from_start": page.cursor.key is None,
    }


def time_context(selection: Selected, list_url: Callable[..., str]) -> dict[str, Any]:
    """Return what the fields and links of the time range show."""
    return {
        "periods": [
            (label, list_url(selection.without("since", "until"), time=key), selection.time == key)
            for key, (label, _) in PERIODS.items()
        ],
        "any_time": list_url(selection.without("time", "since", "until")),
        "ends": {name: _field_value(getattr(selection, name)) for name in ("since", "until")},
    }


def time_filters(selection: Selected, list_url: Callable[[Selected], str]) -> list[tuple[str, str]]:
    """Return a text for each end of the time range that is set, and the address without it."""
    shown = []
    if selection.time:
        shown.append((PERIODS[selection.time][0].lower(), list_url(selection.without("time"))))
    for name, label in (("since", "from"), ("until", "to")):
        if value := getattr(selection, name):
            shown.append((f"{label} {local_text(read_time(value), 'milliseconds')}", list_url(selection.without(name))))
    return shown


def _field_value(text: str) -> str:
    return local_text(read_time(text), "milliseconds").replace(" ", "T") if text else ""
