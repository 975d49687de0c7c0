"""Make the runs that are due: one for one due time, whoever looks, how late and how often."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from flows import runs, services, tasks
from flows.engine import FlowError
from flows.engine.text import describe
from flows.models import Run, Schedule, Trigger, WhenActive, WhenMissed, local_text
from flows.schedules.cron import InvalidCron
from flows.schedules.due import times_of
from flows.services import FlowRefused, Runnable

logger = logging.getLogger(__name__)

ON_TIME = timedelta(minutes=5)
"""A due time that is looked at within this makes its run whatever the schedule says of missed ones."""

_MISSED = "it was missed, because no scheduler was running"


class _Turn(NamedTuple):
    """The due time that is dealt with, whether it is too late for a run, and the due time after it."""

    due: datetime
    is_let_go: bool
    following: datetime | None


def look(now: datetime) -> datetime | None:
    """Make the runs that are due, and return when the next ones are; in the past where a schedule has to wait."""
    next_due = Schedule.objects.next_due_at()
    if next_due is None or next_due > now:
        return next_due
    for run in tick(now):
        logger.info("%s is due: %s", run.asked_by, run)
    return Schedule.objects.next_due_at()


def tick(now: datetime) -> list[Run]:
    """Make the runs of the due times up to now, and return them.

    Any number of schedulers may do this at the same time. What one schedule cannot do is logged, and does not keep
    the others from their runs.
    """
    return [run for schedule in Schedule.objects.due(now) for run in _runs_of(schedule, now)]


def _runs_of(schedule: Schedule, now: datetime) -> Iterator[Run]:
    while schedule.next_due is not None and schedule.next_due <= now.timestamp():
        try:
            run = _take_turn(schedule, now)
        except Exception as error:
            logger.error("%s is looked at again: %s", schedule, describe(error), exc_info=error, extra=_place(schedule))
            return
        if run is not None:
            yield run


def _take_turn(schedule: Schedule, now: datetime) -> Run | None:
    """Deal with one due time: nobody else does until the transaction is over, and then it is done."""
    try:
        turn = _turn(schedule, now)
    except InvalidCron as error:
        _note(schedule, f"it is due no more: {error}")
        schedule.go_on(None, trouble=str(error))
        return None
    # Before the transaction: what imports procedures may take its time.
    flow, trouble = (None, _MISSED) if turn.is_let_go else _flow_of(schedule)
    with transaction.atomic():
        if not schedule.go_on(turn.following, last_due=int(turn.due.timestamp())):
            schedule.next_due = None
            return None
        run, trouble = (None, trouble) if flow is None else _started(schedule, flow, turn.due)
        Schedule.objects.filter(pk=schedule.pk).update(last_run=run and run.pk, trouble=trouble)
    if trouble:
        _note(schedule, f"the due time {local_text(turn.due)} makes no run: {trouble}")
    return run


def _turn(schedule: Schedule, now: datetime) -> _Turn:
    cron, zone = times_of(schedule)
    due = datetime.fromtimestamp(schedule.next_due or 0, UTC)
    is_late = now - due > ON_TIME
    is_let_go = is_late and schedule.when_missed != WhenMissed.ONCE
    if is_late:
        newest = cron.last_until(now - ON_TIME if is_let_go else now, zone)
        due = max(due, newest or due)
    return _Turn(due, is_let_go, cron.first_after(due, zone))


def _flow_of(schedule: Schedule) -> tuple[Runnable | None, str]:
    """Return the flow, or why it cannot be run."""
    try:
        return services.runnable(schedule.flow_name), ""
    except FlowError as refused:
        return None, str(refused)


def _started(schedule: Schedule, flow: Runnable, due: datetime) -> tuple[Run | None, str]:
    """Return the run of a due time, or why there is none."""
    try:
        return _start(schedule, flow, due), ""
    except FlowError as refused:
        return None, str(refused)


def _start(schedule: Schedule, flow: Runnable, due: datetime) -> Run:
    if schedule.overlap == WhenActive.REFUSE:
        _refuse_behind_others(schedule.flow_name)
    asked = runs.Asked(Trigger.SCHEDULE, str(schedule), key_of(schedule, due), WhenActive(schedule.overlap))
    created = runs.create_run(flow, inputs_of(schedule), asked)
    if created is None:
        raise FlowRefused("the history of runs is off")
    run, is_new = created
    if is_new:
        tasks.enqueue(run)
    return run


def _refuse_behind_others(flow_name: str) -> None:
    """Count a run that waits for room as active: this one must not overtake it."""
    waiting = Run.objects.of_flow(flow_name).waiting().filter(active_flow=None).without_texts().first()
    if waiting is not None:
        raise runs.FlowIsActive(f"{waiting} is {waiting.status} since {waiting.began}")


def key_of(schedule: Schedule, due: datetime) -> str:
    """Return the key of the run of a due time."""
    return f"schedule:{schedule.pk}:{due.astimezone(UTC).isoformat()}"


def inputs_of(schedule: Schedule) -> dict[str, Any]:
    """Return the inputs of a schedule; raises `FlowRefused` for what is none."""
    try:
        inputs = json.loads(schedule.inputs)
    except ValueError:
        inputs = None
    if not isinstance(inputs, dict):
        raise FlowRefused("the stored inputs of the schedule are no JSON object")
    return inputs


def _note(schedule: Schedule, text: str) -> None:
    logger.warning("%s: %s", schedule, text, extra=_place(schedule))


def _place(schedule: Schedule) -> dict[str, Any]:
    return {"flow": schedule.flow_name}
