"""What a person on duty wants to know first: what runs, what failed, what is lost, and what became slower."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from django.utils import timezone

from flows.log_pages.pages import read_page
from flows.log_pages.selection import Selection
from flows.models import ACTIVE, Run, Status, SysLog

SHOWN = 8
HOURS = 24
# Of the newest runs that succeeded: so many are looked at, and so many of a flow are compared with those before.
_LOOKED_AT = 2_000
_NEW, _LEAST_BEFORE = 5, 10
_SLOWER, _SLOWER_SECONDS = 1.5, 0.5
_DROPS = Selection(level="WARNING", logger="flows.log_writer", time="24h")


class Hour(NamedTuple):
    """The runs that were asked for in one hour, by status."""

    since: datetime
    until: datetime
    runs: Counter[str]


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
    """Return the state of all runs, in five queries whatever their number."""
    rows = Run.objects.with_lease().without_texts().order_by("-id")
    active = list(rows.filter(status__in=ACTIVE)[: SHOWN * 2])
    # One status each: its index has the rows in this order.
    bad = [run for status in (Status.FAILED, Status.INTERRUPTED) for run in rows.filter(status=status)[:SHOWN]]
    bad.sort(key=lambda run: -run.pk)
    return Overview(active, bad[:SHOWN], runs_by_hour(timezone.now()), slower_flows())


def runs_by_hour(now: datetime) -> list[Hour]:
    """Return the runs of the last day, by hours that begin when the clock strikes."""
    last = timezone.localtime(now).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    first = last - timedelta(hours=HOURS)
    counts = [Counter[str]() for _ in range(HOURS)]
    for hour, status, number in Run.objects.counted_by_hour(first, HOURS):
        counts[hour][status] += number
    return [
        Hour(first + timedelta(hours=hour), first + timedelta(hours=hour + 1), runs) for hour, runs in enumerate(counts)
    ]


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
    """Return the rows of the last day that say how many log records were dropped, among the newest 100,000."""
    return [row for row in read_page(_DROPS).rows if "log records were dropped" in getattr(row, "head", "")][:SHOWN]
