"""When flows are due, as the list of flows shows it."""

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flows.models import Flow, Schedule, local_text
from flows.tables import is_missing_table

_ATTRIBUTE = "due"


def has_scheduler() -> bool:
    """Whether anybody looks at schedules."""
    return bool(settings.FLOWS_DISPATCH != "thread")


class _Due(NamedTuple):
    """The schedules of a flow, and whether who looks may see the run of the last due time."""

    schedules: list[Schedule]
    may_view_runs: bool


_NONE = _Due([], may_view_runs=False)


def read(flows: Iterable[Flow], *, may_view_runs: bool) -> None:
    """Read the schedules of these flows, by one query."""
    rows = list(flows)
    found = schedules_of(flow.flow_name for flow in rows)
    for flow in rows:
        setattr(flow, _ATTRIBUTE, _Due(found.get(flow.flow_name, []), may_view_runs))


def schedules_of(names: Iterable[str]) -> dict[str, list[Schedule]]:
    """Return the schedules of these flows, by name; none where `migrate` has not made the table."""
    try:
        return Schedule.objects.of_each(names)
    except DatabaseError as error:
        if not is_missing_table(error):
            raise
        return {}


def next_due(flow: Flow) -> SafeString:
    """Return the next due time of a flow, which leads to its schedules."""
    due: _Due = getattr(flow, _ATTRIBUTE, _NONE)
    times = [schedule.next_due_at for schedule in due.schedules if schedule.next_due_at]
    if not times:
        return format_html("{}", "—")
    url = reverse("admin:flows_flow_schedules", args=[flow.pk])
    note = "" if flow.enabled and not flow.deleted else " (flow is off)"
    return format_html('<a href="{}">{}</a>{}', url, local_text(min(times), "minutes"), note)


def last_due(flow: Flow) -> SafeString:
    """Return the last due time of a flow, which leads to its run or to what it says in place of one."""
    due: _Due = getattr(flow, _ATTRIBUTE, _NONE)
    last = max(due.schedules, key=lambda schedule: schedule.last_due or 0, default=None)
    if last is None or last.last_due is None:
        return format_html("{}", "—")
    time = local_text(last.last_due_at, "minutes")
    if last.last_run is None:
        url = reverse("admin:flows_flow_schedules", args=[flow.pk])
        return format_html('<a href="{}">{} <span class="flow-bad">no run</span></a>', url, time)
    if not due.may_view_runs:
        return format_html("{}", time)
    return format_html('<a href="{}">{}</a>', reverse("admin:flows_run_change", args=[last.last_run]), time)
