"""Recorders that are broken on purpose, and other changes to a worker: by name, for the fork that wants them."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.utils import timezone

from flows import engine
from flows.engine import RunSucceeded
from flows.models import run as run_module
from flows.recording import checkpoints, lease
from flows.recording.checkpoints import Checkpoints, InFlight, StepRow
from flows.runs import executing

_save = Checkpoints.save
_finish = Checkpoints.finish
_execute = engine.execute
_held: list[StepRow] = []


def late() -> None:
    """Commit the outcome of a step only after the next one has ended."""

    def save(self: Checkpoints, rows: Sequence[StepRow], in_flight: InFlight, steps_done: int) -> None:
        before = _held[:]
        _held[:] = rows
        _save(self, before, in_flight, steps_done)

    Checkpoints.save = save  # type: ignore[method-assign]
    _finish_with_what_is_held()


def at_the_end() -> None:
    """Start each step before the outcomes before it are committed: all are committed at the end."""

    def save(self: Checkpoints, rows: Sequence[StepRow], in_flight: InFlight, steps_done: int) -> None:
        _held.extend(rows)
        _save(self, [], in_flight, steps_done)

    Checkpoints.save = save  # type: ignore[method-assign]
    _finish_with_what_is_held()


def _finish_with_what_is_held() -> None:
    def finish(self: Checkpoints, rows: Sequence[StepRow], status: Any, **values: Any) -> None:
        _finish(self, [*_held, *rows], status, **values)

    Checkpoints.finish = finish  # type: ignore[method-assign]


def twice() -> None:
    """Write each outcome twice."""

    def save(self: Checkpoints, rows: Sequence[StepRow], in_flight: InFlight, steps_done: int) -> None:
        _save(self, [*rows, *(row._replace(attempt=row.attempt + 1) for row in rows)], in_flight, steps_done)

    Checkpoints.save = save  # type: ignore[method-assign]


def forgetful() -> None:
    """Forget the outcome that the second checkpoint should write."""
    calls: list[int] = []

    def save(self: Checkpoints, rows: Sequence[StepRow], in_flight: InFlight, steps_done: int) -> None:
        calls.append(1)
        _save(self, [] if len(calls) == 2 else rows, in_flight, steps_done)

    Checkpoints.save = save  # type: ignore[method-assign]


def anybodys() -> None:
    """Ask at no checkpoint whether the run is still this process's."""
    checkpoints._ADVANCE = checkpoints._ADVANCE.replace("AND owner = %s AND status = 'running'", "AND %s <> ''")


def short_of_a_step() -> None:
    """Let a run succeed after half of its events."""

    def execute(*arguments: Any, **keywords: Any) -> Iterator[Any]:
        yield from islice(_execute(*arguments, **keywords), 6)
        yield RunSucceeded({}, ())

    executing.execute = execute  # type: ignore[attr-defined]


def a_day_ahead() -> None:
    """Let the clock of this process be a day ahead."""
    _shift(86_400)


def a_day_behind() -> None:
    """Let the clock of this process be a day behind."""
    _shift(-86_400)


def _shift(seconds: int) -> None:
    now, clock = timezone.now, time.time
    timezone.now = lambda: now() + timedelta(seconds=seconds)
    time.time = lambda: clock() + seconds


def at_a_fixed_time() -> None:
    """Let it be one and the same moment always."""
    moment = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    timezone.now = lambda: moment


def with_a_lease_of_two_seconds() -> None:
    """Let a lease last 2 seconds, and be renewed each half second."""
    for module in (run_module, checkpoints, lease):
        module.LEASE_SECONDS = 2  # type: ignore[attr-defined]
    lease._RENEW_SECONDS = 0.5
    lease._AGAIN_SECONDS = 0.2


CHANGES: dict[str, Callable[[], None]] = {
    change.__name__: change
    for change in (
        late,
        at_the_end,
        twice,
        forgetful,
        anybodys,
        short_of_a_step,
        a_day_ahead,
        a_day_behind,
        at_a_fixed_time,
        with_a_lease_of_two_seconds,
    )
}
