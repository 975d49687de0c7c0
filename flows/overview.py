"""What a person on duty wants to know first: what runs, what failed, what is lost, and what became slower."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from flows.models import ACTIVE, Run, Status, SysLog
from flows.paging.streams import all_of, values_of

SHOWN = 8
HOURS = 24
# Of the newest runs that succeeded: so many are looked at, and so many of a flow are compared with those before.
_LOOKED_AT = 2_000
_NEW, _LEAST_BEFORE = 5, 10
_SLOWER, _SLOWER_SECONDS = 1.5, 0.5
_DROPS_LOGGER, _DROPS_TEXT = "flows.log_writer", "log records were dropped"
_WARNINGS_LOOKED_AT = 500
_BAD = (Status.FAILED, Status.INTERRUPTED)
MOST_COUNTED = 5_000
"""So many runs of an hour are counted."""
# By the index of time and status alone.
_COUNTED = (
    "SELECT %s AS hour, status, COUNT(*) AS runs FROM (SELECT status FROM wf_run "
    "WHERE created_at >= %s AND created_at < %s ORDER BY created_at DESC LIMIT %s) AS newest GROUP BY status"
)


class Hour(NamedTuple):
    """The runs that were asked for in one hour, by status."""

    since: datetime
    until: datetime
    runs: Counter[str]

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be more runs than were counted."""
        return self.runs.total() >= MOST_COUNTED


class Slower(NamedTuple):
    """A flow whose last runs took longer than those before; medians in seconds."""

    flow: str
    before: float
    now: float


class Overview(NamedTuple):
    """`active` and `ended_badly` are runs, the newest first; a lost one is among the active ones."""

    active: list[Run]
    ended_badly: list[Run]
    hours: list[Hour]
    slower: list[Slower]


def read_overview() -> Overview:
    """Return the state of all runs, in three queries whatever their number."""
    rows = Run.objects.for_lists().order_by("-id")
    # One status each: its index has the rows in this order. Of several at once, all rows would be looked through.
    newest = list(all_of([rows.filter(status=status)[: SHOWN * 2] for status in (*ACTIVE, *_BAD)]))
    newest.sort(key=lambda run: -run.pk)
    active = [run for run in newest if run.status in ACTIVE][: SHOWN * 2]
    bad = [run for run in newest if run.status in _BAD][:SHOWN]
    return Overview(active, bad, runs_by_hour(timezone.now()), slower_flows())


def runs_by_hour(now: datetime) -> list[Hour]:
    """Return the runs of the last day, by hours that begin when the clock strikes."""
    last = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    first = last - timedelta(hours=HOURS)
    edges = [first + timedelta(hours=hour) for hour in range(HOURS + 1)]
    hours = [Hour(since, until, Counter()) for since, until in pairwise(edges)]
    adapted = [connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(edge) for edge in edges]
    statements = [(_COUNTED, (hour, *adapted[hour : hour + 2], MOST_COUNTED)) for hour in range(HOURS)]
    for hour, status, number in values_of(Run.objects.all(), statements):
        hours[hour].runs[status] = number
    return hours


def slower_flows() -> list[Slower]:
    """Return the flows whose last five runs took half as long again as those before, the worst first."""
    took: dict[str, list[float]] = defaultdict(list)
    newest = Run.objects.filter(status=Status.SUCCEEDED).order_by("-id").values_list("flow_name", "seconds")
    for flow, seconds in newest[:_LOOKED_AT]:
        took[flow].append(seconds)
    slower = [
        Slower(flow, median(seconds[_NEW:]), median(seconds[:_NEW]))
        for flow, seconds in took.items()
        if len(seconds) >= _NEW + _LEAST_BEFORE
    ]
    slower = [one for one in slower if one.now > max(one.before * _SLOWER, one.before + _SLOWER_SECONDS)]
    return sorted(slower, key=lambda one: one.before / one.now)[:SHOWN]


def dropped_log_rows() -> list[SysLog]:
    """Return the rows of the last day that say how many log records were dropped, among the newest 500 warnings."""
    warnings = SysLog.objects.one_level("WARNING").order_by("-level", "-id")
    newest = warnings.values_list("id", "logger_name", "created_at")[:_WARNINGS_LOOKED_AT]
    since = timezone.now() - timedelta(hours=HOURS)
    found = [pk for pk, logger, moment in newest if logger == _DROPS_LOGGER and moment and moment > since]
    rows = SysLog.objects.with_heads().filter(pk__in=found[:SHOWN]).order_by("-id") if found else ()
    return [row for row in rows if _DROPS_TEXT in getattr(row, "head", "")]
