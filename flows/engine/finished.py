"""Outcomes of steps that an earlier execution recorded, so that a run can go on behind them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flows.engine.errors import FlowError


class RecordedError(FlowError):
    """What made a step fail in an earlier execution: the name of the exception's class, and its text."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.kind, str(self))


class Finished(NamedTuple):
    """How a step ended: with a result, with an error, or, where it has neither, skipped."""

    result: dict[str, Any] | None = None
    error: RecordedError | None = None

    @property
    def is_skipped(self) -> bool:
        return self.result is None and self.error is None


FinishedSteps = Mapping[str, Finished]
"""Outcomes by the path of the step: `load`, `each[3]` for an entry of a `foreach`, `sub/load` inside of a sub-flow."""


def entry_path(path: str, number: int) -> str:
    """Return the path of one entry of a step with `foreach`."""
    return f"{path}[{number}]"


def child_path(path: str, name: str) -> str:
    """Return the path of a step in the flow that the step at `path` runs."""
    return f"{path}/{name}"


def kind_of_error(error: BaseException) -> str:
    """Return the name of an exception's class, also of one that was recorded."""
    return error.kind if isinstance(error, RecordedError) else type(error).__name__
