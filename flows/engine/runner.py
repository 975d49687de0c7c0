"""Execute a definition: one loop that yields what happens and keeps nothing."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic, perf_counter
from types import MappingProxyType
from typing import Any, NamedTuple

from flows.engine.context import Contexts
from flows.engine.current import CurrentStep, current_step
from flows.engine.definition import PLAIN, Child, Condition, FlowDefinition, Retry, Step
from flows.engine.errors import (
    FlowError,
    InvalidCondition,
    InvalidInputs,
    InvalidResult,
    StepExited,
    StepTimeout,
    UnresolvedReference,
)
from flows.engine.events import (
    Event,
    InChild,
    ItemSucceeded,
    RunFailed,
    RunSucceeded,
    StepFailed,
    StepRetrying,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from flows.engine.finished import Finished, FinishedSteps, child_path, entry_path, kind_of_error
from flows.engine.inputs import read_inputs
from flows.engine.procedures import Procedure
from flows.engine.references import look_up, resolve, resolve_object
from flows.engine.text import describe
from flows.engine.types import kind_of
from flows.engine.values import InMemory, NotStorable, keep

MAX_ENTRIES = 1000

# Trying again changes nothing about these: the document or the procedure has to change.
_NEVER_RETRIED = (UnresolvedReference, InvalidResult, InvalidCondition, InvalidInputs)

# Makes a named tuple in half the time; a run makes three for each step.
_new = tuple.__new__

logger = logging.getLogger(__name__)

Outcome = dict[str, Any] | InMemory | BaseException
"""What an attempt gave: a result, or what it raised."""


def run(
    definition: FlowDefinition, inputs: Mapping[str, Any] | None = None, *, flow: str = ""
) -> dict[str, dict[str, Any]]:
    """Execute a definition and return the result of each step by its name.

    Raises what the step raised, with a note that names the step; `StepExited` where that is no `Exception`, so that a
    procedure cannot end the caller's process; `InvalidInputs` before anything runs.
    """
    results: dict[str, dict[str, Any]] = {}
    for event in execute(definition, inputs, flow=flow):
        if type(event) is StepSucceeded:
            results[event.step.name] = event.result
        elif type(event) is RunFailed:
            raise _to_the_caller(event, flow)
    return results


def _to_the_caller(event: RunFailed, flow: str) -> Exception:
    error = event.error
    place = f"in step {event.step.name!r}" if event.step else "in the outputs"
    place += f" of flow {flow!r}" if flow else ""
    if isinstance(error, Exception):
        _note(error, place)
        return error
    exited = StepExited(f"{place}: {describe(error)}")
    exited.__cause__ = error
    return exited


def _note(error: BaseException, text: str) -> None:
    # Somebody's exception may be a frozen dataclass, and take none.
    with suppress(Exception):
        error.add_note(text)


def execute(
    definition: FlowDefinition,
    inputs: Mapping[str, Any] | None = None,
    *,
    flow: str = "",
    run_id: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
    start_time: datetime | None = None,
    finished: FinishedSteps = MappingProxyType({}),
    attempts: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[Event]:
    """Execute the steps in order and yield what happens; the last event is `RunSucceeded` or `RunFailed`.

    A step is called when the consumer asks for the event after its `StepStarted`: what the consumer does in between
    (record that the step starts, say) is done before. Nothing that a procedure raises comes out of this generator.
    `sleep` waits between attempts, in seconds; what it raises ends the run there. Raises `InvalidInputs` before
    anything runs.

    A run that goes on gets the local `start_time` that it had, and the outcomes of its `finished` steps: those are
    not executed again, and a `StepReused` tells of each. `attempts` are those that failed before, by path.
    """
    values = read_inputs(definition.inputs, inputs or {})
    course = Course(flow, run_id, sleep, start_time or datetime.now(), finished, attempts)
    return _Run(definition, values, course).events()


class Course(NamedTuple):
    """What the run of a flow and those of its sub-flows have in common; `at` is the path of the step they belong to."""

    flow: str
    run_id: int | None
    sleep: Callable[[float], None]
    start_time: datetime
    finished: FinishedSteps
    attempts: Mapping[str, int]
    at: str = ""

    def path(self, name: str) -> str:
        """Return the path of a step of this flow."""
        return child_path(self.at, name) if self.at else name


class _Run:
    """One execution: the results so far, and until when it may last."""

    def __init__(
        self,
        definition: FlowDefinition,
        inputs: dict[str, Any],
        course: Course,
        deadline: "_Deadline | None" = None,
    ) -> None:
        self.definition = definition
        self.course = course
        self.flow, self.run_id = course.flow, course.run_id
        self.finished = course.finished
        self.deadline = _earlier(deadline, definition.timeout, "the time of the run is over")
        start_time = course.start_time.isoformat(timespec="seconds")
        self.contexts = Contexts()
        self.results = self.contexts.results
        self.contexts.record("_runtime", {"start_time": start_time, "flow": self.flow, "run_id": self.run_id})
        if definition.inputs:
            self.contexts.record("_input", inputs)
        self.warnings: list[str] = []
        self.told = logger.isEnabledFor(logging.INFO)

    def events(self) -> Iterator[Event]:
        began = perf_counter()
        if self.told:
            self._log(logging.INFO, None, "run started, %d steps", len(self.definition.steps))
        failed = yield from self._steps(self.definition.steps)
        last = failed or self._with_outputs()
        if isinstance(last, RunFailed):
            yield from self._handle(last)
            place = f"step {last.step.name}" if last.step else "its outputs"
            self._log(logging.ERROR, None, "run failed at %s: %s", place, describe(last.error))
        elif self.told:
            self._log(logging.INFO, None, "run succeeded in %.1f ms", (perf_counter() - began) * 1000)
        yield last

    def _with_outputs(self) -> RunSucceeded | RunFailed:
        """Resolve the outputs, which is the last thing that can fail."""
        try:
            outputs = keep(resolve(self.definition.outputs, self.results))
        except UnresolvedReference as error:
            return RunFailed(None, error)
        if isinstance(outputs, InMemory):
            self._warn(None, "outputs", outputs.reason)
            outputs = outputs.value
        return RunSucceeded(outputs, tuple(self.warnings))

    def _handle(self, failed: RunFailed) -> Generator[Event, None, None]:
        """Execute `on_failure`; what goes wrong there is recorded and changes neither status nor first error."""
        self.deadline = None
        step = failed.step.name if failed.step else ""
        error = failed.error
        self.contexts.record("_error", {"step": step, "type": kind_of_error(error), "message": describe(error)})
        for handler in self.definition.on_failure:
            yield from self._steps((handler,))

    def _steps(self, steps: tuple[Step, ...]) -> Generator[Event, None, RunFailed | None]:
        """Execute steps in order; return the failure that stops the run."""
        results, told, record = self.results, self.told, self.contexts.record
        goes_on = bool(self.finished)
        for step in steps:
            options = step.options
            if goes_on and (recorded := self.finished.get(self.course.path(step.name))) is not None:
                yield StepReused(step, recorded)
                self._take_over(step, recorded)
                if recorded.error is not None and not options.continue_on_error:
                    return RunFailed(step, recorded.error)
                continue
            holds = True if options is PLAIN or options.when is None else self._holds(options.when)
            if holds is False:
                self._log(logging.INFO, step, "step skipped: %s does not hold", options.when)
                yield StepSkipped(step)
                continue
            yield _new(StepStarted, (step, results))
            if told:
                self._log(logging.INFO, step, "step started: %s", step.target)
            started = perf_counter()
            if options is PLAIN and self.deadline is None and type(target := step.target) is Procedure:
                outcome = self._attempt(step, target, results)
            else:
                outcome = yield from self._elaborate(step, holds)
            seconds = perf_counter() - started
            not_storable = None
            if type(outcome) is not dict:
                outcome, not_storable = self._unpacked(step, outcome)
                if isinstance(outcome, BaseException):
                    self._log_failure(step, outcome, seconds)
                    yield StepFailed(step, outcome, seconds)
                    if self._ends_with(step, outcome):
                        return RunFailed(step, outcome)
                    continue
            record(step.name, outcome)
            if told:
                self._log(logging.INFO, step, "step succeeded in %.1f ms", seconds * 1000)
            yield _new(StepSucceeded, (step, outcome, seconds, not_storable))
        return None

    def _unpacked(self, step: Step, outcome: Outcome) -> tuple[dict[str, Any] | BaseException, NotStorable | None]:
        """Return a result that is kept in memory and why it is, after a warning; any other outcome as it is."""
        if not isinstance(outcome, InMemory):
            return outcome, None
        self._warn(step, f"{step.name}: result", outcome.reason)
        return outcome

    def _ends_with(self, step: Step, error: BaseException) -> bool:
        """Return whether the failure of a step is the run's; where it is not, the run warns of it."""
        if not step.options.continue_on_error or self._is_over():
            return True
        self.warnings.append(f"{step.name} failed: {describe(error)}")
        return False

    def _take_over(self, step: Step, recorded: Finished) -> None:
        """Go on behind a step as if it had just ended so."""
        if recorded.result is not None:
            self.contexts.record(step.name, recorded.result)
        if recorded.error is not None and step.options.continue_on_error:
            self.warnings.append(f"{step.name} failed: {describe(recorded.error)}")

    def _warn(self, step: Step | None, what: str, reason: NotStorable) -> None:
        self._log(
            logging.WARNING,
            step,
            "%s not storable, kept in memory: %s",
            "outputs" if step is None else "result",
            reason,
        )
        self.warnings.append(f"{what} kept in memory only: {reason}")

    def _attempt(self, step: Step, procedure: Procedure, scope: dict[str, Any]) -> Outcome:
        """Call the procedure of a step once; whatever it raises is the outcome."""
        try:
            params = resolve_object(step.template, scope)
            token = current_step.set(_new(CurrentStep, (self.flow, self.run_id, step.name)))
            try:
                result = procedure.function(procedure.owner(procedure.logger), self.contexts.lend(), params)
            finally:
                current_step.reset(token)
        except BaseException as error:  # noqa: BLE001  (whatever a procedure raises is a failed step)
            return error
        try:
            return keep(result)
        except Exception as error:  # noqa: BLE001  (a result may be of a class that lies)
            return _did_run(step, error)
        except BaseException as error:  # noqa: BLE001
            return error

    # --- what only some steps have -----------------------------------------------------------------------------------

    def _holds(self, when: Condition) -> bool | BaseException:
        """Return whether the condition of a step holds, or why that cannot be said."""
        try:
            value = look_up(when.reference, self.results)
        except UnresolvedReference as error:
            return error
        if isinstance(value, bool):
            return value is when.expected
        return InvalidCondition(f'"when": {when.reference} is {kind_of(value)}; it must be true or false')

    def _elaborate(self, step: Step, holds: bool | BaseException) -> Generator[Event, None, Outcome]:
        if isinstance(holds, BaseException):
            return holds
        if step.options.foreach is None:
            return (yield from self._try(step, self.results))
        return (yield from self._each(step))

    def _each(self, step: Step) -> Generator[Event, None, Outcome]:
        """Execute a step for each entry of its list, in order, up to the first that fails."""
        entries = self._entries(step)
        if isinstance(entries, BaseException):
            return entries
        items = []
        for index, entry in enumerate(entries):
            if self.finished and (recorded := self.finished.get(entry_path(self.course.path(step.name), index))):
                items.append(recorded.result)
                continue
            began = perf_counter()
            outcome = yield from self._try(step, self.results | {"_item": entry, "_index": index}, index)
            if isinstance(outcome, BaseException):
                _note(outcome, f"at entry {index} of {len(entries)} of step {step.name!r}")
                self._log(logging.ERROR, step, "entry %d of %d failed", index, len(entries))
                return outcome
            result, not_storable = outcome if isinstance(outcome, InMemory) else (outcome, None)
            items.append(result)
            yield ItemSucceeded(step, index, len(entries), result, perf_counter() - began, not_storable)
        return keep({"items": items, "count": len(items)})

    def _entries(self, step: Step) -> list[Any] | BaseException:
        try:
            entries = resolve(step.options.foreach, self.results)
        except UnresolvedReference as error:
            return error
        if not isinstance(entries, list):
            return InvalidCondition(f'"foreach" is {kind_of(entries)}; it must be a list')
        if len(entries) > MAX_ENTRIES:
            return InvalidCondition(f'"foreach" has {len(entries)} entries; it takes at most {MAX_ENTRIES}')
        return entries

    def _try(self, step: Step, scope: dict[str, Any], number: int | None = None) -> Generator[Event, None, Outcome]:
        """Attempt a step, or the entry of that number, as often as its `retry` says."""
        attempt = 1 + self._attempts_before(step, number)
        course = self.course
        while True:
            if isinstance(step.target, Child):
                outcome = yield from self._child(step, step.target, scope, number, course)
            else:
                outcome = self._attempt_within_limit(step, step.target, scope)
            retry = step.options.retry
            if not isinstance(outcome, BaseException) or retry is None:
                return outcome
            if not self._is_tried_again(retry, attempt, outcome):
                return outcome
            wait = retry.wait_after(attempt)
            if self.deadline is not None and monotonic() + wait >= self.deadline.at:
                return outcome
            self._log(logging.WARNING, step, "attempt %d failed, next in %.1f s: %s", attempt, wait, describe(outcome))
            yield StepRetrying(step, attempt, outcome, wait)
            self.course.sleep(wait)
            attempt += 1
            # What an earlier execution finished in a sub-flow belongs to the attempt that has just failed.
            course = course._replace(finished=MappingProxyType({}), attempts=MappingProxyType({}))

    def _attempts_before(self, step: Step, number: int | None) -> int:
        if not self.course.attempts:
            return 0
        path = self.course.path(step.name)
        return self.course.attempts.get(path if number is None else entry_path(path, number), 0)

    def _is_tried_again(self, retry: Retry, attempt: int, error: BaseException) -> bool:
        if attempt >= retry.max_attempts or isinstance(error, _NEVER_RETRIED) or self._is_over():
            return False
        return retry.covers(error)

    def _attempt_within_limit(self, step: Step, procedure: Procedure, scope: dict[str, Any]) -> Outcome:
        limit, message = self._limit(step)
        if limit is None:
            return self._attempt(step, procedure, scope)
        from flows.engine.deadline import time_limit  # noqa: PLC0415  (loads ctypes, which few flows need)

        before = current_step.get()
        try:
            with time_limit(limit, message):
                outcome = self._attempt(step, procedure, scope)
        except StepTimeout as error:
            return error
        finally:
            # The time may have been up before the attempt could do this itself.
            current_step.set(before)
        return outcome

    def _limit(self, step: Step) -> tuple[float | None, str]:
        """Return the seconds that an attempt may last, and what to say when it lasts longer."""
        timeout = step.options.timeout
        if self.deadline is not None:
            left = self.deadline.at - monotonic()
            if timeout is None or left < timeout:
                return left, self.deadline.reason
        return timeout, _too_long(timeout) if timeout else ""

    def _is_over(self) -> bool:
        return self.deadline is not None and monotonic() >= self.deadline.at

    def _child(
        self, step: Step, child: Child, scope: dict[str, Any], number: int | None, course: Course
    ) -> Generator[Event, None, Outcome]:
        """Run another flow as a step; its outputs are the result."""
        try:
            inputs = read_inputs(child.definition.inputs, resolve(step.template, scope))
        except FlowError as error:
            return error
        timeout = step.options.timeout
        deadline = _earlier(self.deadline, timeout, _too_long(timeout or 0))
        path = course.path(step.name)
        at = path if number is None else entry_path(path, number)
        run = _Run(child.definition, inputs, course._replace(flow=child.flow, at=at), deadline)
        outcome: Outcome = FlowError(f"{child} came to no end")
        for event in run.events():
            yield InChild(step, event, number)
            if isinstance(event, RunSucceeded):
                outcome = keep(event.outputs)
                self.warnings.extend(f"{step.name}: {warning}" for warning in event.warnings)
            elif isinstance(event, RunFailed):
                outcome = event.error
        return outcome

    # --- log ---------------------------------------------------------------------------------------------------------

    def _log_failure(self, step: Step, error: BaseException, seconds: float) -> None:
        # Our own errors say all there is to say; where somebody else's code raised, the traceback tells.
        traceback = None if isinstance(error, FlowError) else error
        self._log(
            logging.ERROR, step, "step failed in %.1f ms: %s", seconds * 1000, describe(error), exc_info=traceback
        )

    def _log(
        self, level: int, step: Step | None, message: str, *arguments: Any, exc_info: BaseException | None = None
    ) -> None:
        extra = {"flow": self.flow, "run_id": self.run_id, "step": step.name if step else None}
        logger.log(level, message, *arguments, exc_info=exc_info, extra=extra, stacklevel=2)


def _did_run(step: Step, error: Exception) -> InvalidResult:
    why = str(error) if isinstance(error, InvalidResult) else f"its result cannot be kept: {describe(error)}"
    told = InvalidResult(f"{step.target} did run, but {why}")
    told.__cause__ = None if isinstance(error, InvalidResult) else error
    return told


class _Deadline(NamedTuple):
    """When the time is up, by the monotonic clock, and what to say then."""

    at: float
    reason: str


def _earlier(deadline: _Deadline | None, timeout: float | None, reason: str) -> _Deadline | None:
    """Return the earlier of a deadline and the end of a timeout that begins now."""
    if timeout is None:
        return deadline
    ends = _Deadline(monotonic() + timeout, reason)
    return ends if deadline is None else min(deadline, ends)


def _too_long(timeout: float) -> str:
    return f"the step took longer than its timeout of {timeout:g} s"
