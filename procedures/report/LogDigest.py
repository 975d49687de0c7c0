"""The log of the last hours, digested: how much, from whom, and which errors most often."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from django.db.models import Count, Max, Min
from django.db.models.functions import Substr
from django.template import Context, Engine
from django.utils import timezone

from flows.engine.text import visible
from flows.models import SysLog
from procedures.common import _files

LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
ERRORS = ("CRITICAL", "ERROR")
LONGEST_WINDOW_HOURS = 31 * 24
MOST_SHOWN = 100

_TEMPLATE = Path(__file__).with_name("log_digest.html")

# Memory stays small however much was logged: rows come in pages, messages are cut, kinds are counted up to a limit.
_PAGE = 2_000
_CHARACTERS = 400
_KINDS = 10_000


class CollectParams(TypedDict):
    hours: NotRequired[float]


class Window(TypedDict):
    """Rows from `since` up to but without `until` (ISO 8601), whose ids are `first_id` to `last_id` (null: no row)."""

    since: str
    until: str
    first_id: int | None
    last_id: int | None


class LevelCount(TypedDict):
    level: str
    count: int


class LoggerCount(TypedDict):
    logger: str
    count: int
    errors: int


class CollectResult(TypedDict):
    window: Window
    total: int
    errors: int
    levels: list[LevelCount]
    loggers: list[LoggerCount]


class FrequentParams(TypedDict):
    window: Window
    top: NotRequired[int]


class Kind(TypedDict):
    """One kind of error: the first line with its numbers as #, one real example, and when it was last seen."""

    text: str
    count: int
    logger: str
    example: str
    last_seen: str


class FrequentResult(TypedDict):
    kinds: list[Kind]
    errors: int
    other: int


class WriteParams(TypedDict):
    folder: NotRequired[str]
    title: NotRequired[str]
    top: NotRequired[int]
    counts: CollectResult
    frequent: FrequentResult


class WriteResult(TypedDict):
    path: str
    bytes: int


class LogDigest:
    """Digest wf_syslog and write a report about it, in three steps: collect, frequent, write."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def collect(self, context: dict[str, Any], params: CollectParams) -> CollectResult:
        """Count the log rows of the last hours by level and by logger.

        The database counts, over its index on `created_at`; nothing but one line for each level and logger is read.

        Params: `hours`, how far to look back from now, default 24, at most 744 (31 days).

        Result: `window`, for the next step; `total` rows; `errors`, those of level ERROR and CRITICAL; `levels` and
        `loggers` with their counts, the worst level and the busiest logger first.

        Raises `ValueError` for hours out of range.
        """
        hours = _hours(params.get("hours", 24))
        until = timezone.now()
        since = until - timedelta(hours=hours)
        groups = list(
            SysLog.objects.filter(created_at__gte=since, created_at__lt=until)
            .order_by()
            .values("level", "logger_name")
            .annotate(rows=Count("id"), first_id=Min("id"), last_id=Max("id"))
        )
        result = _counts(groups, since, until)
        self.logger.info("%d rows in the last %g hours, %d errors", result["total"], hours, result["errors"])
        return result

    def frequent(self, context: dict[str, Any], params: FrequentParams) -> FrequentResult:
        """Find the errors that occur most often in a window.

        Two errors are of one kind where the first lines of their messages differ in nothing but numbers.

        Params: `window`, of `collect`; `top`, how many kinds to return, default 10, at most 100.

        Result: `kinds`, the most frequent first; `errors`, how many rows were looked at; `other`, how many of them
        are in none of these kinds.

        Raises `ValueError` for a `top` out of range. Memory is bounded: from the 10,001st kind on, new ones count as
        other.
        """
        top = _top(params.get("top", 10))
        counts: Counter[str] = Counter()
        latest: dict[str, Kind] = {}
        errors = 0
        for row in _errors(params["window"]):
            errors += 1
            kind = _kind(row)
            text = kind["text"]
            if text in counts or len(counts) < _KINDS:
                counts[text] += 1
                latest[text] = max(latest.get(text, kind), kind, key=itemgetter("last_seen"))
        kinds: list[Kind] = [{**latest[text], "count": count} for text, count in counts.most_common(top)]
        self.logger.info("%d errors are of %d kinds", errors, len(counts))
        return {"kinds": kinds, "errors": errors, "other": errors - sum(kind["count"] for kind in kinds)}

    def write(self, context: dict[str, Any], params: WriteParams) -> WriteResult:
        """Write the report as one HTML file that needs no other, named after the start of the run.

        Params: `counts`, the result of `collect`; `frequent`, that of `frequent`; `folder`, default `var/reports`, made
        where it is missing; `title`, default "Log digest"; `top`, how many loggers to list, default 10, at most 100.

        Result: `path` of the file, relative to the project's folder; `bytes`, its size.

        Raises `ValueError` for a folder that is not one for output, `OSError` where the disk refuses.
        """
        started = context["_runtime"]["start_time"]
        name = f"log-digest-{started.replace(':', '-').replace('T', '_')}.html"
        path = _files.writable(f"{params.get('folder', 'var/reports')}/{name}", (".html",))
        top = _top(params.get("top", 10))
        size = _files.write_text(
            path, _page(params["counts"], params["frequent"], params.get("title", "Log digest"), top)
        )
        self.logger.info("wrote %s, %d bytes", _files.shown(path), size)
        return {"path": _files.shown(path), "bytes": size}


def _hours(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_WINDOW_HOURS:
        raise ValueError(f"params.hours is a number above 0 and up to {LONGEST_WINDOW_HOURS}, not {value!r}")
    return value


def _top(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_SHOWN:
        raise ValueError(f"params.top is an integer from 1 to {MOST_SHOWN}, not {value!r}")
    return value


def _counts(groups: Sequence[Mapping[str, Any]], since: datetime, until: datetime) -> CollectResult:
    levels: Counter[str] = Counter()
    loggers: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for group in groups:
        levels[group["level"]] += group["rows"]
        loggers[group["logger_name"]] += group["rows"]
        errors[group["logger_name"]] += group["rows"] if group["level"] in ERRORS else 0
    window: Window = {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "first_id": min((group["first_id"] for group in groups), default=None),
        "last_id": max((group["last_id"] for group in groups), default=None),
    }
    return {
        "window": window,
        "total": levels.total(),
        "errors": errors.total(),
        "levels": [{"level": level, "count": levels[level]} for level in sorted(levels, key=_severity)],
        "loggers": [
            {"logger": logger, "count": count, "errors": errors[logger]}
            for logger, count in loggers.most_common(MOST_SHOWN)
        ],
    }


def _severity(level: str) -> tuple[int, str]:
    return (LEVELS.index(level) if level in LEVELS else len(LEVELS), level)


def _errors(window: Window) -> Iterator[Mapping[str, Any]]:
    """Yield the errors of a window, oldest id first, a page at a time along the primary key.

    Not by iterator(): on MySQL that would still hold all rows in the client's memory.
    """
    if window["first_id"] is None or window["last_id"] is None:
        return
    rows = (
        SysLog.objects.filter(level__in=ERRORS, id__lte=window["last_id"])
        .filter(created_at__gte=datetime.fromisoformat(window["since"]))
        .filter(created_at__lt=datetime.fromisoformat(window["until"]))
        .order_by("id")
        .values("id", "created_at", "logger_name", start=Substr("message", 1, _CHARACTERS))
    )
    after = window["first_id"] - 1
    while page := list(rows.filter(id__gt=after)[:_PAGE]):
        yield from page
        after = page[-1]["id"]


_NUMBERS = re.compile(
    r"""[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}  # a UUID
      | 0x[0-9a-f]+
      | [0-9]+([.,:][0-9]+)*                       # 17, 3.14, 1,000, 12:30:01, 10.0.0.1
    """,
    re.IGNORECASE | re.VERBOSE,
)


def _kind(row: Mapping[str, Any]) -> Kind:
    line = row["start"].strip().partition("\n")[0].strip()
    return {
        "text": _NUMBERS.sub("#", line) or "(empty message)",
        "count": 1,
        "logger": row["logger_name"],
        "example": line,
        "last_seen": row["created_at"].isoformat(),
    }


def _page(counts: CollectResult, frequent: FrequentResult, title: str, top: int) -> str:
    """Return the report; the template engine escapes each value, and `visible` shows what would act unseen."""
    template = Engine().from_string(_TEMPLATE.read_text(encoding="utf-8"))
    busiest = counts["loggers"][:top]
    values = {
        "title": visible(title),
        "since": _local(counts["window"]["since"]),
        "until": _local(counts["window"]["until"]),
        "zone": timezone.get_current_timezone_name(),
        "total": f"{counts['total']:,}",
        "errors": f"{counts['errors']:,}",
        "other": f"{frequent['other']:,}",
        "levels": [_bar(level["level"], level["count"], counts["total"]) for level in counts["levels"]],
        "loggers": [
            _bar(logger["logger"], logger["count"], counts["total"]) | {"errors": f"{logger['errors']:,}"}
            for logger in busiest
        ],
        "other_rows": f"{counts['total'] - sum(logger['count'] for logger in busiest):,}",
        "kinds": [
            {
                "count": f"{kind['count']:,}",
                "text": visible(kind["text"]),
                "example": visible(kind["example"]),
                "logger": visible(kind["logger"]),
                "seen": _local(kind["last_seen"]),
            }
            for kind in frequent["kinds"]
        ],
    }
    return template.render(Context(values))


def _bar(name: str, count: int, total: int) -> dict[str, str]:
    # Numbers as text: the template would write them in the site's language, and CSS knows a decimal point only.
    css = name.lower() if name in LEVELS else ""
    return {"name": visible(name), "count": f"{count:,}", "percent": f"{100 * count / total:.1f}", "css": css}


def _local(moment: str) -> str:
    return f"{timezone.localtime(datetime.fromisoformat(moment)):%Y-%m-%d %H:%M:%S}"
