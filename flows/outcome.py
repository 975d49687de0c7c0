"""How a run went, collected from its events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from flows.engine import (
    Event,
    RunFailed,
    RunSucceeded,
    StepFailed,
    StepReused,
    StepSkipped,
    StepSucceeded,
)
from flows.engine.text import counted, describe

Observer = Callable[[Event], None]


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
    run_id: int | None = None
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
    """Return a length of time for people: `0.04 ms`, `3.45 s`, `2 min 05 s`, `16 h 43 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.2f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def unobserved(event: Event) -> None:
    """Tell nobody."""


def follow(flow: str, events: Iterator[Event], *observers: Observer, run_id: int | None = None) -> RunOutcome:
    """Execute a run to its end and return how it went; each observer is told each event before the engine goes on."""
    steps: list[StepOutcome] = []
    context: dict[str, dict[str, Any]] = {}
    last: Event | None = None
    began = perf_counter()
    for last in events:
        if isinstance(last, StepSucceeded | StepFailed | StepSkipped | StepReused):
            steps.append(_step_outcome(last))
            _take_result(last, context)
        for observe in observers:
            observe(last)
    seconds = perf_counter() - began
    if isinstance(last, RunFailed):
        failed_step = last.step.name if last.step else None
        return RunOutcome(flow, tuple(steps), seconds, context, run_id, error=last.error, failed_step=failed_step)
    outputs, warnings = (last.outputs, last.warnings) if isinstance(last, RunSucceeded) else ({}, ())
    return RunOutcome(flow, tuple(steps), seconds, context, run_id, outputs, warnings=warnings)


def _take_result(event: StepSucceeded | StepFailed | StepSkipped | StepReused, context: dict[str, Any]) -> None:
    if event.step.handler:
        return
    if isinstance(event, StepSucceeded):
        context[event.step.name] = event.result
    elif isinstance(event, StepReused) and event.outcome.result is not None:
        context[event.step.name] = event.outcome.result


def _step_outcome(event: StepSucceeded | StepFailed | StepSkipped | StepReused) -> StepOutcome:
    """Return the outcome that ends a step."""
    name = event.step.name
    if isinstance(event, StepSkipped):
        return StepOutcome(name, "skipped", 0.0)
    if isinstance(event, StepReused):
        return StepOutcome(name, "reused", 0.0)
    if isinstance(event, StepFailed):
        return StepOutcome(name, "failed", event.seconds, describe(event.error))
    warning = f"result kept in memory only: {event.not_storable}" if event.not_storable else ""
    return StepOutcome(name, "succeeded", event.seconds, warning=warning)
