"""Which step is being executed here: read by log filters, also in threads that carry the context along."""

from contextvars import ContextVar
from typing import NamedTuple


class CurrentStep(NamedTuple):
    """The address of the step whose procedure is running."""

    flow: str
    run_id: int | None
    step: str


current_step: ContextVar[CurrentStep | None] = ContextVar("current_step", default=None)
