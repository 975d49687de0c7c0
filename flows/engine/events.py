"""What happens in a run, as the engine tells it. Named tuples: two are made for each step, and they are cheap."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flows.engine.definition import Step
from flows.engine.finished import Finished
from flows.engine.values import NotStorable


class StepSkipped(NamedTuple):
    """The `when` of a step did not hold; it has no result."""

    step: Step


class StepReused(NamedTuple):
    """The outcome of a step was recorded by an earlier execution; nothing was executed."""

    step: Step
    outcome: Finished


class StepStarted(NamedTuple):
    """A step is about to be executed; nothing of it has been. `scope` holds what its references name."""

    step: Step
    scope: Mapping[str, Any]


class StepRetrying(NamedTuple):
    """An attempt failed and another one follows after `wait` seconds; the first attempt is number 1."""

    step: Step
    attempt: int
    error: BaseException
    wait: float


class ItemSucceeded(NamedTuple):
    """One entry of a `foreach` is done; `number` counts from 0, `of` says how many there are."""

    step: Step
    number: int
    of: int
    result: dict[str, Any]
    seconds: float
    not_storable: NotStorable | None


class InChild(NamedTuple):
    """Something happened in the flow that a step runs; `number` is that of the entry where it runs one for each."""

    step: Step
    event: "Event"
    number: int | None


class StepSucceeded(NamedTuple):
    """A step returned. `result` is what later steps read; `not_storable` says why it can only be kept in memory."""

    step: Step
    result: dict[str, Any]
    seconds: float
    not_storable: NotStorable | None


class StepFailed(NamedTuple):
    """A step raised, or could not be called. The run goes on only after a step with `continue_on_error`."""

    step: Step
    error: BaseException
    seconds: float


class RunSucceeded(NamedTuple):
    """The last event of a run that reached its end; `warnings` names what went wrong on the way."""

    outputs: dict[str, Any]
    warnings: tuple[str, ...]


class RunFailed(NamedTuple):
    """The last event of a run that failed. `step` is None where its outputs could not be resolved."""

    step: Step | None
    error: BaseException


Event = (
    StepReused
    | StepSkipped
    | StepStarted
    | StepRetrying
    | ItemSucceeded
    | InChild
    | StepSucceeded
    | StepFailed
    | RunSucceeded
    | RunFailed
)
