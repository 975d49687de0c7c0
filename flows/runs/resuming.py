"""Let a run go on, or run its flow once more."""

import json

from flows.models import FlowSettings, Run, RunQuerySet, Status
from flows.runs.creating import Asked, create_run
from flows.runs.ending import RunNotTaken, interrupt_lost
from flows.runs.finding import definition_of, find_run
from flows.runs.room import MustWait, with_place
from flows.runs.taking_over import take_over
from flows.services import FlowRefused, runnable


def resume_run(run_id: int, asked: Asked) -> Run:
    """Let a run go on, and return the one that waits to be executed now.

    An interrupted (or lost) run goes on as itself; for a failed or cancelled one a new run is made, which takes over
    the finished steps with the old definition. Raises `RunNotTaken` for one that runs or has succeeded.
    """
    run = find_run(run_id)
    if run.is_lost:
        interrupt_lost(run)
    if run.status in (Status.FAILED, Status.CANCELLED):
        return take_over(run, asked)
    if run.status == Status.INTERRUPTED:
        definition_of(run)
        _requeue(run)
    elif run.status != Status.QUEUED:
        raise RunNotTaken(f"{run} is {run.status}; only a run that did not come to its end can be resumed")
    return run


def _requeue(run: Run) -> None:
    if with_place(run, FlowSettings.objects.of(run.flow_name), run.requeue):
        return
    now = find_run(run.pk)
    raise RunNotTaken(f"{now} is {now.shown_status} since {now.began}; somebody else resumed it")


def resume_dropped(run_id: int) -> Run | None:
    """Let a run wait again whose process died or was stopped, where it may go on by itself; return it if it waits."""
    run = find_run(run_id)
    if run.is_lost:
        interrupt_lost(run)
    if not runs_that_may_go_on().filter(pk=run.pk).exists():
        return None
    try:
        _requeue(run)
    except (MustWait, RunNotTaken):
        # The sweep comes by again.
        return None
    return run


def runs_that_may_go_on() -> RunQuerySet:
    """Return the interrupted runs that go on by themselves."""
    return Run.objects.may_go_on(FlowSettings.objects.filter(resume_lost=True).values("flow_name"))


def run_again(run_id: int, asked: Asked) -> Run:
    """Let the flow of a run be run once more with the same inputs, as it is stored now; return the new run."""
    run = find_run(run_id)
    created = create_run(runnable(run.flow_name), json.loads(run.inputs), asked)
    if created is None:
        raise FlowRefused("the history is off (FLOWS_HISTORY), so no run can wait to be executed")
    return created[0]
