"""Find a run, and what it keeps of its flow."""

import json
from collections.abc import Mapping

from flows.engine import Child, FlowDefinition, InvalidFlow, parse
from flows.engine.procedures import Procedure
from flows.engine.text import quoted
from flows.models import Flow, Run, RunQuerySet, document_hash
from flows.services import FlowRefused, registry


class UnknownRun(FlowRefused):
    """No run has this number."""


def find_run(run_id: int) -> Run:
    """Return a run, with its lease; raises `UnknownRun`."""
    return find_run_among(Run.objects.all(), run_id)


def find_run_among(rows: RunQuerySet, run_id: int) -> Run:
    """Return a run, with its lease, as these rows are read; raises `UnknownRun`."""
    run = rows.with_lease().filter(pk=run_id).first() if 0 < run_id < 2**63 else None
    if run is None:
        raise UnknownRun(f"there is no run {run_id}; `python manage.py listruns` lists them")
    return run


def definition_of(run: Run) -> FlowDefinition:
    """Return the definition that a run keeps; raises `FlowRefused` where the code no longer offers what it calls."""
    subflows = json.loads(run.subflows)
    try:
        return parse(run.definition, registry(), lambda name: _pinned(subflows, name), name=run.flow_name)
    except InvalidFlow as error:
        raise FlowRefused(f"{run} cannot go on with the code of this site:\n{error}") from error


def _pinned(subflows: Mapping[str, str], name: str) -> str:
    if name not in subflows:
        raise FlowRefused(f"flow {quoted(name)} was no part of this run")
    return subflows[name]


def flow_as_it_was(run: Run) -> Flow:
    """Return the flow of a run with the document that the run keeps."""
    return Flow(pk=run.flow_id, flow_name=run.flow_name, flow_json=run.definition)


def code_of(definition: FlowDefinition) -> dict[str, str]:
    """Return the hash of each module that a definition calls, its sub-flows included."""
    code: dict[str, str] = {}
    for step in (*definition.steps, *definition.on_failure):
        if isinstance(step.target, Child):
            code |= code_of(step.target.definition)
        elif isinstance(step.target, Procedure):
            code[step.target.mod] = registry().fingerprint(step.target.mod)
    return code


def changes_since(run: Run) -> list[str]:
    """Return what differs from the time when a run began: the code of its procedures, the stored flow."""
    was = json.loads(run.code)
    now = code_of(definition_of(run))
    changes = [f"module {quoted(mod)} has changed" for mod in was if now.get(mod) != was[mod]]
    flow = Flow.objects.filter(flow_name=run.flow_name).first()
    if flow is None or flow.deleted:
        changes.append(f"flow {quoted(run.flow_name)} is deleted")
    elif document_hash(flow.flow_json) != run.definition_hash:
        changes.append(f"flow {quoted(run.flow_name)} has changed; the run keeps its own definition")
    return changes
