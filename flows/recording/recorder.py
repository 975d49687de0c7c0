"""Turn the events of a run into its record: one checkpoint a step, committed before the next step starts."""

import json
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, NoReturn

from django.utils import timezone

from flows.engine import (
    Child,
    Event,
    InChild,
    ItemSucceeded,
    NotStorable,
    RunFailed,
    RunSucceeded,
    Step,
    StepFailed,
    StepRetrying,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from flows.engine.finished import child_path, entry_path, kind_of_error
from flows.engine.text import describe
from flows.engine.values import unstorable
from flows.failpoints import reach
from flows.models.run import Run, Status
from flows.models.step_run import StepStatus
from flows.recording.checkpoints import Checkpoints, InFlight, RunCancelled, RunInterrupted, StepRow
from flows.recording.params import entries_of, entry_scope, params_of, params_of_entries, recorded_params
from flows.recording.progress import Progress, forget_below

_MESSAGE_CHARACTERS = 4_000
_TRACEBACK_CHARACTERS = 32_000


@dataclass(slots=True)
class _Open:
    """A step that has started: what its references name, and the execution of it that is in flight.

    That is an attempt, or one of its entries: `started_at` and, by the clock that never jumps, `started` are its own.
    """

    step: Step
    scope: Mapping[str, Any]
    entries: list[Any] | None
    began_at: datetime
    started_at: datetime
    started: float = 0.0
    entry: int = 0

    @property
    def seconds(self) -> float:
        """How long the execution in flight has taken so far."""
        return perf_counter() - self.started


class Recorder:
    """Called with each event of one run, before the engine goes on.

    `notes` are warnings that others collect meanwhile. `largest` is the size in bytes above which the database takes
    no result. `must_stop` is asked before each start of a step; where it says yes, the run is interrupted there.
    """

    def __init__(
        self,
        run: Run,
        checkpoints: Checkpoints,
        progress: Progress,
        notes: list[str],
        *,
        largest: int,
        must_stop: Callable[[], bool],
    ) -> None:
        self._run = run
        self._checkpoints = checkpoints
        self._finished = dict(progress.finished)
        self._notes = notes
        self._attempts: Counter[str] = Counter(progress.attempts_made)
        self._largest = largest
        self._must_stop = must_stop
        self._began = perf_counter()
        self._open: dict[str, _Open] = {}
        self._rows: list[StepRow] = []
        self._steps_done = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunSucceeded | RunFailed):
            self._finish(event)
        else:
            self._take(event, "")

    def _take(self, event: Event, at: str) -> None:
        if isinstance(event, InChild):
            path = _path(at, event.step)
            self._take_in_child(event.event, path if event.number is None else entry_path(path, event.number))
        elif isinstance(event, StepStarted):
            self._started(event, _path(at, event.step))
        elif isinstance(event, StepSucceeded):
            self._succeeded(event, _path(at, event.step), at)
        elif isinstance(event, StepFailed):
            self._failed(event, _path(at, event.step), at)
        elif isinstance(event, ItemSucceeded):
            self._item_succeeded(event, _path(at, event.step))
        elif isinstance(event, StepRetrying):
            self._retrying(event, _path(at, event.step))
        elif isinstance(event, StepSkipped):
            self._skipped(event, _path(at, event.step), at)
        elif isinstance(event, StepReused):
            self._count_done(at)

    def _take_in_child(self, event: Event, at: str) -> None:
        # How the run of a sub-flow ends is told by the step that runs it.
        if not isinstance(event, RunSucceeded | RunFailed):
            self._take(event, at)

    def _started(self, event: StepStarted, path: str) -> None:
        step, scope = event
        now = timezone.now()
        opened = self._open[path] = _Open(step, scope, entries_of(step, scope), began_at=now, started_at=now)
        if opened.entries is not None:
            opened.entry = self._next_entry(path, 0)
        # Where a sub-flow is run, the first of its steps starts next, and says so.
        if not isinstance(step.target, Child):
            self._checkpoint(self._place(path), now)
        opened.started = perf_counter()
        reach("step.started")

    def _succeeded(self, event: StepSucceeded, path: str, at: str) -> None:
        reach("step.returned")
        opened = self._open.pop(path)
        self._add(
            self._row_of_step(path, opened, StepStatus.SUCCEEDED, event.seconds), event.result, event.not_storable
        )
        self._count_done(at)

    def _item_succeeded(self, event: ItemSucceeded, path: str) -> None:
        reach("step.returned")
        opened = self._open[path]
        self._add(self._row_in_flight(path, opened, StepStatus.SUCCEEDED), event.result, event.not_storable)
        opened.entry = self._next_entry(path, event.number + 1)
        opened.started_at = timezone.now()
        if opened.entry < event.of and not isinstance(event.step.target, Child):
            self._checkpoint(self._place(path), opened.started_at)
        opened.started = perf_counter()

    def _failed(self, event: StepFailed, path: str, at: str) -> None:
        reach("step.returned")
        opened = self._open.pop(path)
        if opened.entries is not None and opened.entry < len(opened.entries):
            self._add_failed(self._row_in_flight(path, opened, StepStatus.FAILED), event.error)
        self._add_failed(self._row_of_step(path, opened, StepStatus.FAILED, event.seconds), event.error)
        self._count_done(at)

    def _retrying(self, event: StepRetrying, path: str) -> None:
        reach("step.returned")
        opened = self._open[path]
        row = self._row_in_flight(path, opened, StepStatus.FAILED)._replace(retry_in=event.wait)
        self._add_failed(row, event.error)
        opened.started_at = timezone.now() + timedelta(seconds=event.wait)
        forget_below(row.path, self._finished)
        self._checkpoint(row.path, opened.started_at)
        opened.started = perf_counter() + event.wait

    def _skipped(self, event: StepSkipped, path: str, at: str) -> None:
        now = timezone.now()
        opened = _Open(event.step, {}, None, began_at=now, started_at=now)
        self._add(self._row(path, opened, StepStatus.SKIPPED, params={}, started_at=now, seconds=0.0), None, None)
        self._count_done(at)

    def _finish(self, last: RunSucceeded | RunFailed) -> None:
        if isinstance(last, RunSucceeded):
            warnings = [*last.warnings, *self._notes]
            self._end(Status.SUCCEEDED, warnings=_dump(warnings), outputs=self._outputs(last.outputs))
            return
        self._end(
            Status.FAILED,
            warnings=_dump(self._notes),
            failed_step=last.step.name if last.step else "",
            error_type=_storable_text(kind_of_error(last.error))[:200],
            error_message=_storable_text(describe(last.error))[:_MESSAGE_CHARACTERS],
        )

    def interrupt(self) -> NoReturn:
        """Commit what has ended and release the run, between two steps; raises `RunInterrupted`."""
        self._end(Status.INTERRUPTED)
        raise RunInterrupted(
            f"{self._run} is interrupted; go on with: python manage.py runflow --resume {self._run.pk}"
        )

    def stop_if_cancelled(self) -> None:
        """End the run here where somebody asked for that: between two attempts of a step."""
        try:
            self._checkpoints.stop_if_cancelled()
        except RunCancelled:
            self._end(Status.CANCELLED)
            raise

    def _end(self, status: Status, **values: Any) -> None:
        seconds = self._run.seconds + perf_counter() - self._began
        self._checkpoints.finish(self._take_rows(), status, seconds=seconds, steps_done=self._steps_done, **values)

    def _checkpoint(self, path: str, started_at: datetime) -> None:
        if self._must_stop():
            self.interrupt()
        in_flight = InFlight(path, self._attempts[path] + 1, started_at)
        self._checkpoints.save(self._take_rows(), in_flight, self._steps_done)

    def _take_rows(self) -> list[StepRow]:
        rows, self._rows = self._rows, []
        return rows

    def _place(self, path: str) -> str:
        """Return the path of what is executed next below a step: itself, or one of its entries."""
        opened = self._open[path]
        return path if opened.entries is None else entry_path(path, opened.entry)

    def _next_entry(self, path: str, number: int) -> int:
        while self._finished and entry_path(path, number) in self._finished:
            number += 1
        return number

    def _count_done(self, at: str) -> None:
        self._steps_done += not at

    def _row_in_flight(self, path: str, opened: _Open, status: StepStatus) -> StepRow:
        """Return the row of an attempt, or of an entry, that has just ended."""
        params = _params(opened) if opened.entries is None else _params_of_entry(opened)
        place = path if opened.entries is None else entry_path(path, opened.entry)
        return self._row(place, opened, status, params=params, started_at=opened.started_at, seconds=opened.seconds)

    def _row_of_step(self, path: str, opened: _Open, status: StepStatus, seconds: float) -> StepRow:
        """Return the row of a step that has ended: that of its last attempt or, with `foreach`, of all its entries."""
        if opened.entries is None:
            return self._row_in_flight(path, opened, status)
        return self._row(path, opened, status, params=_params(opened), started_at=opened.began_at, seconds=seconds)

    def _row(
        self, path: str, opened: _Open, status: StepStatus, *, params: Any, started_at: datetime, seconds: float
    ) -> StepRow:
        text, digest = recorded_params(params)
        self._attempts[path] += 1
        return StepRow(
            run_id=self._run.pk,
            path=path,
            attempt=self._attempts[path],
            status=status,
            procedure=str(opened.step.target)[:255],
            params=text,
            params_digest=digest,
            result="",
            not_storable="",
            error_type="",
            error_message="",
            traceback="",
            started_at=started_at,
            ended_at=timezone.now(),
            seconds=seconds,
            retry_in=None,
            owner=self._run.owner,
        )

    def _add(self, row: StepRow, result: dict[str, Any] | None, reason: NotStorable | None) -> None:
        if result is None:
            self._rows.append(row)
        elif reason is not None:
            self._rows.append(row._replace(not_storable=str(reason)))
        else:
            text = _dump(result)
            too_large = len(text.encode()) > self._largest
            refused = f"the result has {len(text):,} characters; the database takes no statement of that size"
            self._rows.append(row._replace(not_storable=refused) if too_large else row._replace(result=text))

    def _add_failed(self, row: StepRow, error: BaseException) -> None:
        self._rows.append(
            row._replace(
                error_type=_storable_text(kind_of_error(error))[:200],
                error_message=_storable_text(describe(error))[:_MESSAGE_CHARACTERS],
                traceback=_traceback_of(error),
            )
        )

    def _outputs(self, outputs: dict[str, Any]) -> str:
        if unstorable(outputs) is None and len(text := _dump(outputs)) <= self._largest:
            return text
        return _dump({"_not_storable": "the outputs cannot be kept as JSON"})


def _path(at: str, step: Step) -> str:
    return child_path(at, step.name) if at else step.name


def _params(opened: _Open) -> Any:
    """Return the resolved parameters of a step; of one with `foreach`, those of all entries."""
    if opened.entries is None:
        return params_of(opened.step, opened.scope)
    return params_of_entries(opened.step, opened.scope, opened.entries)


def _params_of_entry(opened: _Open) -> Any:
    entry = (opened.entries or [])[opened.entry]
    return params_of(opened.step, entry_scope(opened.scope, entry, opened.entry))


# One encoder for all: json.dumps makes another one each time.
_dump = json.JSONEncoder(ensure_ascii=False).encode


def _storable_text(text: str) -> str:
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")


def _traceback_of(error: BaseException) -> str:
    """Return the end of a traceback, where it says what was raised; empty for our own errors, which say all."""
    if error.__traceback__ is None:
        return ""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001  (an exception of somebody else's making)
        text = "(the traceback cannot be shown)"
    return _storable_text(text[-_TRACEBACK_CHARACTERS:])
