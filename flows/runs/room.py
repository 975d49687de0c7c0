"""Keep the limits of a flow: how many of its runs are active, and how many begin in a minute."""

from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError

from flows.engine.text import counted, quoted
from flows.models import FlowSettings, Run
from flows.runs.deadlocks import Done, again_after_deadlock
from flows.runs.ending import interrupt_lost
from flows.services import FlowRefused

# So often somebody else may be quicker in taking the place that was free, before the error is taken for another one.
_TRIES = 1000


class MustWait(FlowRefused):
    """The run cannot begin now, and can later."""


class FlowIsActive(MustWait):
    """As many runs of the flow are queued or running as may be."""


class TooManyStarts(MustWait):
    """As many runs of the flow have begun in this minute as may."""


def lets_wait(limits: FlowSettings) -> bool:
    """Return whether a run waits where it finds no room, instead of being refused."""
    return (limits.when_active or settings.FLOWS_WHEN_ACTIVE) == "queue"


def free_place(limits: FlowSettings) -> int:
    """Return the number of a place that no active run of the flow holds, the lost ones sent away.

    Nobody keeps it free: whoever takes it first has it. Raises `FlowIsActive`.
    """
    rows = Run.objects.with_lease().without_texts().filter(active_flow=limits.flow_name)
    holders = {run.active_place: run for run in rows}
    for place in range(1, limits.max_active + 1):
        holder = holders.get(place)
        if holder is None:
            return place
        if holder.is_lost:
            # Where somebody else interrupts it first, the place is free too.
            interrupt_lost(holder)
            return place
    if limits.max_active == 1:
        raise FlowIsActive(
            f"{holders[1]} is {holders[1].status} since {holders[1].began}, and one run of a flow is active at a time; "
            f"wait for its end, or cancel it"
        )
    held = counted(len(holders), "run")
    raise FlowIsActive(
        f"{held} of flow {quoted(limits.flow_name)} are active, and no more may be; wait for the end of one"
    )


def with_place(run: Run, limits: FlowSettings, act: Callable[[], Done]) -> Done:
    """Do what takes a place for a run: once more, in the next place that is free, where somebody else was quicker.

    Raises `FlowIsActive`.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            return again_after_deadlock(act)
        except IntegrityError:
            if not tries_left:
                raise
            run.active_place = free_place(limits)
    raise AssertionError("the last try returns or raises")


def count_start(limits: FlowSettings) -> None:
    """Count the start of a run; raises `TooManyStarts`. What is counted is forgotten where the transaction fails."""
    if not limits.count_start():
        starts = counted(limits.starts_per_minute or 0, "run")
        raise TooManyStarts(f"{starts} of flow {quoted(limits.flow_name)} began in this minute, and no more may")
