"""Bring forward what got stuck: reap lost runs, let go on what may, send again what waits too long."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from flows import runs, tasks
from flows.dispatch import broker
from flows.models import FlowSettings, Run

WAITS_TOO_LONG_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did; `trouble` says why nothing could be sent."""

    reaped: list[Run]
    resumed: list[Run]
    sent: list[Run]
    trouble: str = ""


def sweep(older_than: float = WAITS_TOO_LONG_SECONDS) -> Swept:
    """Do all of it once. Any number of sweeps may run at the same time, and none too many does harm."""
    reaped = runs.reap_runs()
    resumed = [run for pk in _going_on() if (run := runs.resume_dropped(pk))]
    if settings.FLOWS_DISPATCH == "thread":
        return Swept(reaped, resumed, [])
    troubles: list[str] = []
    for run in resumed:
        tasks.enqueue(run, troubles.append)
    sent = []
    try:
        sent = list(_missing(older_than, {run.pk for run in resumed}))
    except broker.BrokerUnavailable as error:
        troubles.append(str(error))
    for run in sent:
        tasks.enqueue(run, troubles.append)
    return Swept(reaped, resumed, sent, troubles[0] if troubles else "")


def _going_on() -> list[int]:
    return list(runs.runs_that_may_go_on().order_by("id").values_list("pk", flat=True))


class _Waiting(NamedTuple):
    pk: int
    flow_name: str
    has_place: bool


def _missing(older_than: float, but: set[int]) -> Iterator[Run]:
    """Yield the runs that wait too long and could begin, where a queue holds fewer messages than runs wait for it."""
    before = timezone.now() - timedelta(seconds=older_than)
    rows = Run.objects.waiting().filter(created_at__lt=before).exclude(pk__in=but).order_by("id")
    waiting = [_Waiting(pk, name, bool(held)) for pk, name, held in rows.values_list("pk", "flow_name", "active_flow")]
    limits = FlowSettings.objects.of_each({run.flow_name for run in waiting})
    by_queue: dict[str, list[_Waiting]] = {}
    for run in waiting:
        by_queue.setdefault(limits[run.flow_name].queue, []).append(run)
    for queue, all_of_it in by_queue.items():
        if broker.messages_in(queue) < len(all_of_it):
            able = _able_to_begin(all_of_it, limits)
            yield from Run.objects.without_texts().filter(pk__in=able).order_by("id")


def _able_to_begin(waiting: Sequence[_Waiting], limits: Mapping[str, FlowSettings]) -> list[int]:
    """Return those that hold a place of their flow, and the oldest of each flow for the places that are free."""
    names = {run.flow_name for run in waiting if not run.has_place}
    active = Counter(Run.objects.filter(active_flow__in=names).values_list("active_flow", flat=True))
    able = []
    for run in waiting:
        if run.has_place:
            able.append(run.pk)
        elif active[run.flow_name] < limits[run.flow_name].max_active:
            active[run.flow_name] += 1
            able.append(run.pk)
    return able
