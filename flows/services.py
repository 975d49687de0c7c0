"""The use-cases: what the command, the admin and a schedule ask for."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from flows.engine import (
    Event,
    FlowDefinition,
    FlowError,
    InvalidFlow,
    Registry,
    Report,
    StepFailed,
    StepSucceeded,
    check,
    execute,
)
from flows.engine.text import describe, did_you_mean, named, quoted
from flows.models import Flow


class FlowRefused(FlowError):
    """The flow cannot be run as it is; nothing of it was executed."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended; `error` is one line, empty where it succeeded; `warning` says why a result was not stored."""

    name: str
    status: str
    seconds: float
    error: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended; `context` holds the results by step, `error` what the failing step raised."""

    flow: str
    steps: tuple[StepOutcome, ...]
    seconds: float
    context: dict[str, dict[str, Any]] = field(repr=False)
    error: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        return self.error is None

    @property
    def failed_step(self) -> str | None:
        return None if self.error is None else self.steps[-1].name

    @property
    def summary(self) -> str:
        """Return one sentence for people."""
        if self.error is not None:
            return f"{self.flow} failed at {self.failed_step}: {describe(self.error)}"
        plural = "" if len(self.steps) == 1 else "s"
        return f"{self.flow} succeeded: {len(self.steps)} step{plural} in {duration(self.seconds)}"


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


def check_document(text: str) -> Report:
    """Check a document against the procedures of this site."""
    return check(text, registry())


def check_flows(names: Iterable[str] = ()) -> Iterator[tuple[Flow, Report]]:
    """Check the flows of these names, or all that are not deleted, in the order of their names.

    Raises `FlowRefused` for a name that no flow bears, before any is checked.
    """
    flows = [find_flow(name) for name in names] or Flow.objects.not_deleted().iterator(chunk_size=100)
    for flow in flows:
        yield flow, check_document(flow.flow_json)


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
        return check_document(flow.flow_json).definition_or_raise()
    except InvalidFlow as error:
        raise FlowRefused(f"flow {quoted(name)} is invalid:\n{error}") from error


def _unobserved(event: Event) -> None:
    """Tell nobody."""


def run_flow(name: str, observe: Callable[[Event], None] = _unobserved) -> RunOutcome:
    """Run an enabled flow to its end and return how it went.

    Raises `FlowRefused` before anything is executed. A step that fails does not raise: it is in the outcome.
    """
    return run_definition(name, runnable(name), observe)


def run_definition(name: str, definition: FlowDefinition, observe: Callable[[Event], None]) -> RunOutcome:
    """Run a checked definition under the name of its flow; `observe` is told each event as it happens."""
    context: dict[str, dict[str, Any]] = {}
    steps: list[StepOutcome] = []
    error: BaseException | None = None
    began = perf_counter()
    for event in execute(definition, registry(), flow=name):
        if isinstance(event, StepSucceeded):
            context[event.step.name] = event.result
            warning = f"result kept in memory only: {event.not_storable}" if event.not_storable else ""
            steps.append(StepOutcome(event.step.name, "succeeded", event.seconds, warning=warning))
        elif isinstance(event, StepFailed):
            error = event.error
            steps.append(StepOutcome(event.step.name, "failed", event.seconds, describe(error)))
        else:
            # A connection that the server dropped meanwhile, or that a procedure left unusable, is not handed on.
            close_old_connections()
        observe(event)
    return RunOutcome(name, tuple(steps), perf_counter() - began, context, error)
