"""Execute runs: the one place where a flow runs."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from flows.engine import Child, Event, FlowDefinition, InChild, Step, execute, parse
from flows.engine.references import references_in
from flows.engine.text import named, quoted
from flows.models import FlowSettings, Run, Status, StepStatus, Trigger
from flows.outcome import Observer, RunOutcome, follow, unobserved
from flows.recording.checkpoints import Checkpoints, RunInterrupted, RunStopped
from flows.recording.lease import Lease
from flows.recording.progress import MOST_INTERRUPTIONS, NO_PROGRESS, Progress, read_progress
from flows.recording.recorder import Recorder
from flows.runs.creating import Asked, create_run
from flows.runs.deadlocks import again_after_deadlock
from flows.runs.ending import (
    RunNotTaken,
    add_step_run,
    interrupt,
    interrupt_lost,
    over_own_connection,
)
from flows.runs.finding import definition_of, find_run
from flows.runs.room import MustWait, count_start, with_place
from flows.runs.stopping import Stop, stopped_from_outside
from flows.runs.surroundings import undisturbed
from flows.services import FlowRefused, Runnable, registry, runnable, stored_document

logger = logging.getLogger(__name__)

_LARGEST_RESULT = 8 * 2**20
_ROOM_FOR_THE_REST = 640 * 2**10
_LOOK_FOR_CANCEL_SECONDS = 2.0
_LOOK_FOR_ROOM_SECONDS = 0.5


class RunEnded(FlowRefused):
    """The run of a key has ended already; nothing was executed."""

    def __init__(self, run: Run) -> None:
        self.run = run
        super().__init__(f"{run} is {run.status} already")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.run,)


def run_flow(name: str, observe: Observer = unobserved, *, inputs: Mapping[str, Any] | None = None) -> RunOutcome:
    """Run an enabled flow to its end and return how it went.

    Raises `FlowRefused` or `InvalidInputs` before anything is executed. A step that fails does not raise: it is in
    the outcome.
    """
    return run_now(runnable(name), inputs or {}, Asked(Trigger.API), observe)


def run_now(flow: Runnable, inputs: Mapping[str, Any], asked: Asked, observe: Observer = unobserved) -> RunOutcome:
    """Run a flow in this process to its end, with a record where there is a history.

    Raises what `create_run` and `execute_run` raise, and `RunEnded` where the run of the key has ended already.
    """
    created = create_run(flow, inputs, asked, owner=_new_owner())
    if created is None:
        return run_unrecorded(flow.flow.flow_name, flow.definition, inputs, observe)
    run, is_new = created
    if run.is_ended:
        raise RunEnded(run)
    if is_new and run.status == Status.RUNNING:
        return _execute(run, flow.definition, NO_PROGRESS, observe)
    return execute_when_free(run.pk, observe)


def run_unrecorded(
    name: str, definition: FlowDefinition, inputs: Mapping[str, Any], observe: Observer = unobserved
) -> RunOutcome:
    """Run a checked definition under the name of its flow, and keep no record of it."""
    notes: list[str] = []
    events = undisturbed(execute(definition, inputs, flow=name), partial(_report, name, None, notes))
    outcome = follow(name, events, observe)
    return replace(outcome, warnings=(*outcome.warnings, *notes))


def run_step(name: str, step_name: str, params: Mapping[str, Any] | None = None) -> RunOutcome:
    """Run the procedure of one step alone, with an empty context and without a record, for its author.

    Without `params` the step's own are taken, which must then be constants. Raises `FlowRefused` before anything is
    executed.
    """
    definition = parse(stored_document(name), registry(), stored_document, name=name)
    steps = {step.name: step for step in (*definition.steps, *definition.on_failure)}
    step = steps.get(step_name)
    if step is None:
        raise FlowRefused(f"flow {quoted(name)} has no step {quoted(step_name)} (steps: {named(steps)})")
    if isinstance(step.target, Child):
        raise FlowRefused(f"step {quoted(step_name)} runs another flow; run that by its own name")
    if params is None and references_in(step.template, ()):
        raise FlowRefused(f"step {quoted(step_name)} refers to earlier results; give its parameters with --params")
    chosen = step.template if params is None else dict(params)
    return run_unrecorded(name, FlowDefinition((Step(step.name, chosen, chosen, step.target),)), {})


def execute_when_free(run_id: int, observe: Observer = unobserved) -> RunOutcome:
    """Execute a run as soon as the limits of its flow let it begin; raises what `execute_run` raises but `MustWait`."""
    again_after_deadlock(find_run(run_id).wait_here)
    while True:
        try:
            return execute_run(run_id, observe)
        except MustWait:
            time.sleep(_LOOK_FOR_ROOM_SECONDS)


def execute_run(run_id: int, observe: Observer = unobserved) -> RunOutcome:
    """Execute a run that waits or was interrupted, from the first step without an outcome to its end.

    Raises `RunNotTaken` where somebody else has it, `MustWait` where its flow has no room now, `FlowRefused` where its
    procedures are gone, `RunLost`, `RunInterrupted` and `RunCancelled` where it stopped on the way.
    """
    run = find_run(run_id)
    if run.is_lost:
        interrupt_lost(run)
    try:
        return _execute_claimed(run, run.claim, observe)
    except RunNotTaken:
        # Who took it meanwhile may be dead: a COMMIT can come in after the process that sent it has gone.
        now = find_run(run_id)
        if not (now.is_lost and interrupt_lost(now)):
            raise
    return execute_run(run_id, observe)


def execute_waiting(run_id: int) -> RunOutcome:
    """Execute a run that waits; raises what `execute_run` raises.

    Who has no right to decide that an interrupted run goes on calls this: a message may be an old one.
    """
    run = find_run(run_id)
    if run.status != Status.QUEUED:
        # Who claims it decides; where a message came again, this spares the database a write.
        raise _not_taken(run)
    return _execute_claimed(run, run.claim_waiting, unobserved)


def _execute_claimed(run: Run, claim: Callable[[str], bool], observe: Observer) -> RunOutcome:
    definition = definition_of(run)
    _take(run, claim)
    # Read behind the claim: another process may have had the run, and left it, since it was looked at.
    return _execute(run, definition, _progress_of(run), observe)


def _take(run: Run, claim: Callable[[str], bool]) -> None:
    """Take a run and its place among the active ones of its flow; raises `RunNotTaken` and `MustWait`."""
    limits = FlowSettings.objects.of(run.flow_name)
    if with_place(run, limits, partial(_claimed, claim, limits)):
        return
    raise _not_taken(find_run(run.pk))


def _not_taken(run: Run) -> RunNotTaken:
    return RunNotTaken(f"{run} is {run.shown_status} since {run.began}; this process leaves it alone")


def _claimed(claim: Callable[[str], bool], limits: FlowSettings) -> bool:
    if limits.starts_per_minute is None:
        return claim(_new_owner())
    with transaction.atomic():
        count_start(limits)
        taken = claim(_new_owner())
        # Where nothing begins, nothing is counted.
        transaction.set_rollback(not taken)
    return taken


def _progress_of(run: Run) -> Progress:
    """Return how far a run came; a step that was interrupted too often has failed."""
    progress = read_progress(run)
    for path, times in progress.interruptions.items():
        # An entry of a foreach fails as the step does.
        failing = path.rpartition("[")[0] if path.endswith("]") else path
        if times >= MOST_INTERRUPTIONS and path not in progress.finished and failing not in progress.finished:
            message = f"{path} was interrupted {times} times; it may be what ends its process"
            add_step_run(run, failing, StepStatus.FAILED, error_type="StepInterrupted", error_message=message)
            return read_progress(run)
    return progress


def _execute(run: Run, definition: FlowDefinition, progress: Progress, observe: Observer) -> RunOutcome:
    """Execute a run that is this process's."""
    notes: list[str] = []
    give_up = partial(interrupt, run, run.owner)
    with Lease(run, run.owner) as lease, stopped_from_outside(partial(over_own_connection, give_up)) as stop:
        checkpoints = Checkpoints(run, lease)
        recorder = Recorder(run, checkpoints, progress, notes, largest=largest_result(), must_stop=lambda: bool(stop))
        events = execute(
            definition,
            json.loads(run.inputs),
            flow=run.flow_name,
            run_id=run.pk,
            sleep=partial(_sleep, recorder, stop),
            start_time=timezone.localtime(run.started_at).replace(tzinfo=None),
            finished=progress.finished,
            attempts=progress.failed_attempts,
        )
        try:
            outcome = follow(
                run.flow_name,
                undisturbed(events, partial(_report, run.flow_name, run.pk, notes)),
                recorder,
                observe,
                run_id=run.pk,
            )
        except RunInterrupted as error:
            error.signal = stop.number
            if stop.is_by_a_person:
                again_after_deadlock(partial(run.stay_interrupted, run.owner))
            raise
        except RunStopped:
            raise
        except BaseException:
            # Nobody's fault but ours, or an observer's: the run can go on from here.
            with suppress(DatabaseError, InterfaceError):
                give_up()
            raise
    return replace(outcome, warnings=(*outcome.warnings, *notes))


def _report(flow: str, run_id: int | None, notes: list[str], event: Event, change: str) -> None:
    """Take down what a step changed around itself."""
    while isinstance(event, InChild):
        event = event.event
    step = getattr(event, "step", None)
    name = step.name if step else None
    logger.warning("%s", change, extra={"flow": flow, "run_id": run_id, "step": name})
    notes.append(f"{name}: {change}" if name else change)


def _sleep(recorder: Recorder, stop: Stop, seconds: float) -> None:
    """Wait between two attempts, and stop there where the process or the run is told to."""
    looked = time.monotonic()

    def look() -> None:
        nonlocal looked
        if stop:
            recorder.interrupt()
        if time.monotonic() - looked > _LOOK_FOR_CANCEL_SECONDS:
            looked = time.monotonic()
            recorder.stop_if_cancelled()

    stop.sleep(seconds, look)


@lru_cache(maxsize=1)
def largest_result() -> int:
    """Return the size in bytes above which the database takes no result: its packet, halved for what is escaped."""
    if connection.vendor != "mysql":
        return _LARGEST_RESULT
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@max_allowed_packet")
        return int(min(_LARGEST_RESULT, max(cursor.fetchone()[0] // 2 - _ROOM_FOR_THE_REST, 0)))


def _new_owner() -> str:
    return uuid.uuid4().hex
