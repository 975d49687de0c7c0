"""The use-cases: what the command, the admin and a schedule ask for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, connections

from flows.engine import (
    Child,
    Event,
    FlowDefinition,
    FlowError,
    InvalidFlow,
    Registry,
    Report,
    RunFailed,
    RunSucceeded,
    Step,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    check,
    execute,
    inputs_from_text,
    parse,
    read_inputs,
)
from flows.engine.references import references_in
from flows.engine.text import counted, describe, did_you_mean, named, quoted
from flows.models import Flow

if TYPE_CHECKING:
    from flows.engine.catalogue import Catalogue


class FlowRefused(FlowError):
    """The flow cannot be run as it is; nothing of it was executed."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended: succeeded, failed or skipped; `warning` says why its result was not stored."""

    name: str
    status: str
    seconds: float
    error: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended.

    `context` holds the results by step, `error` what made the run fail, `failed_step` the step that raised it (None
    where the run succeeded, or where its outputs could not be resolved), `warnings` what went wrong on the way.
    """

    flow: str
    steps: tuple[StepOutcome, ...]
    seconds: float
    context: dict[str, dict[str, Any]] = field(repr=False)
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)
    error: BaseException | None = None
    failed_step: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        return self.error is None

    @property
    def summary(self) -> str:
        """Return one sentence for people."""
        if self.error is not None:
            return f"{self.flow} failed at {self.failed_step or 'its outputs'}: {describe(self.error)}"
        warned = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        return f"{self.flow} succeeded: {counted(len(self.steps), 'step')} in {duration(self.seconds)}{warned}"


def duration(seconds: float) -> str:
    """Return a length of time for people: `0.04 ms`, `3.45 s`, `2 min 05 s`."""
    if seconds < 1:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def registry() -> Registry:
    """Return the procedures that this site allows; one registry serves the process."""
    return _registry(tuple(settings.FLOWS_PROCEDURE_PACKAGES))


@lru_cache(maxsize=8)
def _registry(packages: tuple[str, ...]) -> Registry:
    return Registry(packages)


def check_document(text: str, name: str = "", others: Mapping[str, str] = MappingProxyType({})) -> Report:
    """Check a document against the procedures and flows of this site.

    `name` is its own, where it has one; `others` are documents by name that count instead of the stored ones.
    """
    return check(text, registry(), lambda flow: others.get(flow) or _stored_document(flow), name=name)


def _stored_document(name: str) -> str:
    flow = find_flow(name)
    if flow.deleted:
        raise FlowRefused(f"flow {quoted(name)} is deleted")
    return flow.flow_json


def _enabled_document(name: str) -> str:
    flow = find_flow(name)
    if flow.deleted or not flow.enabled:
        raise FlowRefused(f"flow {quoted(name)} is {'deleted' if flow.deleted else 'disabled'}")
    return flow.flow_json


def procedures() -> "Catalogue":
    """Return what the procedures of this site are, as plain data."""
    from flows.engine.catalogue import catalogue  # noqa: PLC0415  (a run needs none)

    return catalogue(registry())


def flow_schema() -> dict[str, Any]:
    """Return the JSON Schema of a flow document of this site.

    It names the flows that can be sub-flows; where there is no database, it names none.
    """
    from flows.engine import schema  # noqa: PLC0415  (a run needs none)

    names: list[str] = []
    with suppress(DatabaseError):
        names = list(Flow.objects.not_deleted().values_list("flow_name", flat=True))
    return schema.flow_schema(procedures(), names)


def broken_flows() -> Iterator[tuple[Flow, Report]]:
    """Yield each enabled flow that the code of this site cannot run as it is stored, with the findings."""
    for flow in Flow.objects.enabled().iterator(chunk_size=100):
        report = check(flow.flow_json, registry(), _enabled_document, name=flow.flow_name)
        if report.findings:
            yield flow, report


def check_flows(names: Iterable[str] = ()) -> Iterator[tuple[Flow, Report]]:
    """Check the flows of these names, or all that are not deleted, in the order of their names.

    Raises `FlowRefused` for a name that no flow bears, before any is checked.
    """
    flows = [find_flow(name) for name in names] or Flow.objects.not_deleted().iterator(chunk_size=100)
    for flow in flows:
        yield flow, check_document(flow.flow_json, flow.flow_name)


def find_flow(name: str) -> Flow:
    """Return the flow of exactly this name, deleted or not; raises `FlowRefused` where there is none."""
    # Some collations take "Hello" for "hello"; a run should not depend on the server's.
    flow = next((found for found in Flow.objects.filter(flow_name=name) if found.flow_name == name), None)
    if flow is None:
        known = list(Flow.objects.not_deleted().values_list("flow_name", flat=True))
        raise FlowRefused(f"no flow is named {quoted(name)} (flows: {named(known)}).{did_you_mean(name, known)}")
    return flow


def runnable(name: str) -> FlowDefinition:
    """Return the definition of an enabled flow; raises `FlowRefused` where it cannot be run."""
    flow = find_flow(name)
    if flow.deleted:
        raise FlowRefused(f"flow {quoted(name)} is deleted; restore it in the admin before you run it")
    if not flow.enabled:
        raise FlowRefused(f"flow {quoted(name)} is disabled; enable it in the admin before you run it")
    try:
        return parse(flow.flow_json, registry(), _enabled_document, name=name)
    except InvalidFlow as error:
        raise FlowRefused(f"flow {quoted(name)} is invalid:\n{error}") from error


def inputs_for(definition: FlowDefinition, texts: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a run from values and from texts, which are converted by their declared types.

    Raises `InvalidInputs` for whatever is missing, unknown or not accepted.
    """
    return read_inputs(definition.inputs, {**values, **inputs_from_text(definition.inputs, texts)})


def plan_flow(name: str, texts: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that say what a run of the flow would do; run nothing.

    A disabled flow can be planned too. Inputs may be missing; those that are given are checked.
    """
    from flows.engine import plan  # noqa: PLC0415  (a run needs none)

    report = check_document(_stored_document(name), name)
    if report.definition is None:
        raise FlowRefused(f"flow {quoted(name)} is invalid:\n{InvalidFlow(report.findings)}")
    declared = report.definition.inputs
    given = {**values, **inputs_from_text(declared, texts)}
    read_inputs({key: one for key, one in declared.items() if key in given}, given)
    yield from plan.plan(report, given)


def run_step(name: str, step_name: str, params: Mapping[str, Any] | None = None) -> RunOutcome:
    """Run the procedure of one step alone, with an empty context, for its author.

    Without `params` the step's own are taken, which must then be constants. Raises `FlowRefused` before anything is
    executed.
    """
    definition = parse(_stored_document(name), registry(), _stored_document, name=name)
    steps = {step.name: step for step in (*definition.steps, *definition.on_failure)}
    step = steps.get(step_name)
    if step is None:
        raise FlowRefused(f"flow {quoted(name)} has no step {quoted(step_name)} (steps: {named(steps)})")
    if isinstance(step.target, Child):
        raise FlowRefused(f"step {quoted(step_name)} runs another flow; run that by its own name")
    if params is None and references_in(step.template, ()):
        raise FlowRefused(f"step {quoted(step_name)} refers to earlier results; give its parameters with --params")
    chosen = step.template if params is None else dict(params)
    return run_definition(name, FlowDefinition((Step(step.name, chosen, chosen, step.target),)))


def _unobserved(event: Event) -> None:
    """Tell nobody."""


def run_flow(
    name: str, observe: Callable[[Event], None] = _unobserved, *, inputs: Mapping[str, Any] | None = None
) -> RunOutcome:
    """Run an enabled flow to its end and return how it went.

    Raises `FlowRefused` or `InvalidInputs` before anything is executed. A step that fails does not raise: it is in
    the outcome.
    """
    return run_definition(name, runnable(name), observe, inputs)


def run_definition(
    name: str,
    definition: FlowDefinition,
    observe: Callable[[Event], None] = _unobserved,
    inputs: Mapping[str, Any] | None = None,
) -> RunOutcome:
    """Run a checked definition under the name of its flow; `observe` is told each event as it happens.

    Raises `InvalidInputs` before anything is executed.
    """
    steps: list[StepOutcome] = []
    context: dict[str, dict[str, Any]] = {}
    last: Event | None = None
    began = perf_counter()
    for last in execute(definition, inputs, flow=name):
        if isinstance(last, StepStarted):
            _drop_old_connections()
        elif isinstance(last, StepSucceeded | StepFailed | StepSkipped):
            steps.append(_step_outcome(last))
        if isinstance(last, StepSucceeded) and not last.step.handler:
            context[last.step.name] = last.result
        observe(last)
    seconds = perf_counter() - began
    if isinstance(last, RunFailed):
        failed_step = last.step.name if last.step else None
        return RunOutcome(name, tuple(steps), seconds, context, error=last.error, failed_step=failed_step)
    outputs, warnings = (last.outputs, last.warnings) if isinstance(last, RunSucceeded) else ({}, ())
    return RunOutcome(name, tuple(steps), seconds, context, outputs, warnings=warnings)


def _drop_old_connections() -> None:
    """Close connections that the server dropped meanwhile, or that a procedure left unusable.

    `django.db.close_old_connections` would close one in the middle of its caller's transaction too.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _step_outcome(event: StepSucceeded | StepFailed | StepSkipped) -> StepOutcome:
    """Return the outcome that ends a step."""
    name = event.step.name
    if isinstance(event, StepSkipped):
        return StepOutcome(name, "skipped", 0.0)
    if isinstance(event, StepFailed):
        return StepOutcome(name, "failed", event.seconds, describe(event.error))
    warning = f"result kept in memory only: {event.not_storable}" if event.not_storable else ""
    return StepOutcome(name, "succeeded", event.seconds, warning=warning)
