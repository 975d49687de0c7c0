"""Go on from a run that failed or was cancelled: a new run takes over the steps that finished."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from flows.engine import Child, FlowDefinition, InvalidInputs, Step, read_inputs
from flows.models import Run, Status, StepRun, StepStatus
from flows.recording.progress import read_progress
from flows.runs.comparing import Comparison
from flows.runs.creating import Asked, new_run, stored
from flows.runs.ending import RunNotTaken
from flows.runs.finding import definition_of, find_run, flow_as_it_was
from flows.services import FlowRefused, Runnable, runnable


def take_over(run: Run, asked: Asked) -> Run:
    """Make a run that goes on behind the finished steps of another one, with its definition."""
    definition = definition_of(run)
    flow = Runnable(flow_as_it_was(run), definition, json.loads(run.subflows))
    return _continued(run, flow, json.loads(run.inputs), reusable_steps(run, definition), asked)


def take_over_edited(run_id: int, asked: Asked) -> Run:
    """Make a run that goes on with the flow as it is stored now.

    The finished steps are taken over where they would be executed in the same order, by the same code, with the same
    parameters; otherwise `FlowRefused` lists every difference.
    """
    run = find_run(run_id)
    if run.status not in (Status.FAILED, Status.CANCELLED):
        raise RunNotTaken(f"{run} is {run.shown_status}; only a failed or cancelled run goes on with the edited flow")
    flow, was = runnable(run.flow_name), definition_of(run)
    finished = reusable_steps(run, was)
    inputs = _inputs_of(run, flow.definition)
    differences = list(Comparison(run, was, flow, finished, inputs).differences())
    if differences:
        listed = "\n".join(f"- {difference}" for difference in differences)
        raise FlowRefused(f"{run} cannot go on with the edited flow; its finished steps would differ:\n{listed}")
    return _continued(run, flow, inputs, finished, asked)


def _inputs_of(run: Run, definition: FlowDefinition) -> dict[str, Any]:
    """Return the inputs of a run as another definition takes them."""
    known = {name: value for name, value in json.loads(run.inputs).items() if name in definition.inputs}
    try:
        return read_inputs(definition.inputs, known)
    except InvalidInputs as error:
        raise FlowRefused(f"{run} cannot go on with the edited flow:\n{error}") from error


def reusable_steps(run: Run, definition: FlowDefinition) -> dict[str, StepRun]:
    """Return the rows of a run that another one can take over, by path, in the order in which they were written."""
    progress = read_progress(run)
    rows = StepRun.objects.in_bulk(progress.rows.values())
    reusable = {}
    for path, outcome in progress.finished.items():
        step = _step_at(definition, path)
        # A handler belongs to the failure that it handled; so does a step that failed and stopped the run.
        if step and not step.handler and (outcome.error is None or step.options.continue_on_error):
            reusable[path] = rows[progress.rows[path]]
    return reusable


def _step_at(definition: FlowDefinition, path: str) -> Step | None:
    step = None
    for part in path.split("/"):
        name = part.partition("[")[0]
        step = next((one for one in (*definition.steps, *definition.on_failure) if one.name == name), None)
        if step is None or not isinstance(step.target, Child):
            return step
        definition = step.target.definition
    return step


def _continued(run: Run, flow: Runnable, inputs: dict[str, Any], finished: Mapping[str, StepRun], asked: Asked) -> Run:
    another = new_run(flow, inputs, asked)
    another.continues = run.pk
    with transaction.atomic():
        another, is_new = stored(another)
        if is_new:
            StepRun.objects.bulk_create([_reused(row, another) for row in finished.values()], batch_size=100)
    return another


def _reused(row: StepRun, run: Run) -> StepRun:
    origin = row.reused_from or row.pk
    row.pk, row.run, row.attempt, row.owner = None, run, 1, ""
    row.status, row.reused_from, row.retry_in = StepStatus.REUSED, origin, None
    return row
