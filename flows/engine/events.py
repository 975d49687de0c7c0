"""What happens in a run, as the engine tells it. Named tuples: one is made for each step, and they are cheap."""

from typing import Any, NamedTuple

from flows.engine.definition import Step
from flows.engine.values import NotStorable


class StepStarted(NamedTuple):
    """A step is about to be executed; nothing of it has been."""

    step: Step


class StepSucceeded(NamedTuple):
    """A step returned. `result` is what later steps read; `not_storable` says why it can only be kept in memory."""

    step: Step
    result: dict[str, Any]
    seconds: float
    not_storable: NotStorable | None


class StepFailed(NamedTuple):
    """A step raised, or could not be called; nothing runs after it."""

    step: Step
    error: BaseException
    seconds: float


Event = StepStarted | StepSucceeded | StepFailed
