"""Make, execute or hand over the run of one line; a line that had its run gets no second one."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Any

from flows import runs, tasks
from flows.each.lines import Line
from flows.engine import FlowError, InvalidInputs
from flows.models import ACTIVE, Run, Status, Trigger
from flows.outcome import RunOutcome
from flows.services import FlowRefused, Runnable, inputs_for

_LOOK_AGAIN_SECONDS = 0.5
ASKED_AT_ONCE = 200


class Fate(StrEnum):
    """What became of a line."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    QUEUED = "queued"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Done:
    """How a line came out: why, where it did not succeed, and whether its run had ended before this call."""

    number: int
    fate: Fate
    reason: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """What the lines of a file have in common: the flow, who asks, further inputs, and a name.

    The run of a line bears a key that is made of the name and of its inputs. So it does not matter where a line stands,
    two equal lines are one run, and another name makes other runs.
    """

    flow: Runnable
    by: str = ""
    name: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    retries_failed: bool = False

    def missing(
        self, lines: Iterable[Line], done: Callable[[Line, Done], object], *, at_once: int = ASKED_AT_ONCE
    ) -> Iterator[Line]:
        """Yield the lines whose run has not succeeded yet; `done` is called with the others.

        The table is asked for so many lines `at_once`.
        """
        for some in _in_chunks(lines, at_once):
            succeeded = self.succeeded(some)
            for line in some:
                if line.number in succeeded:
                    done(line, Done(line.number, Fate.SUCCEEDED, before=True))
                else:
                    yield line

    def succeeded(self, lines: Sequence[Line]) -> set[int]:
        """Return the numbers of the lines whose run has succeeded, by one query."""
        numbers: dict[str, list[int]] = {}
        for line in lines:
            with suppress(InvalidInputs):
                key = self.key_of(self._inputs_of(line)) if not line.problem else ""
                numbers.setdefault(runs.digest_of_key(self.flow.flow.flow_name, key), []).append(line.number)
        found = Run.objects.filter(key_digest__in=numbers, status=Status.SUCCEEDED)
        return {number for digest in found.values_list("key_digest", flat=True) for number in numbers[str(digest)]}

    def execute(self, line: Line) -> Done:
        """Run the flow with the inputs of a line, here, as soon as the limits of the flow allow it."""
        return self._treated(line, self._executed)

    def hand_over(self, line: Line) -> Done:
        """Have a worker run the flow with the inputs of a line."""
        return self._treated(line, self._handed_over)

    def key_of(self, inputs: Mapping[str, Any]) -> str:
        canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
        return f"{self.name or 'each'}:{sha256(canonical.encode(errors='surrogatepass')).hexdigest()}"

    def _treated(self, line: Line, treat: Callable[[Line, dict[str, Any]], Done]) -> Done:
        if line.problem:
            return Done(line.number, Fate.FAILED, line.problem)
        try:
            return treat(line, self._inputs_of(line))
        except (runs.RunInterrupted, runs.RunLost) as error:
            return Done(line.number, Fate.INTERRUPTED, str(error))
        except FlowError as error:
            return Done(line.number, Fate.FAILED, str(error))

    def _inputs_of(self, line: Line) -> dict[str, Any]:
        """Return the inputs of a line, its own before the common ones; raises `InvalidInputs`."""
        common = {name: text for name, text in self.texts.items() if name not in line.values}
        own = {name: text for name, text in line.texts.items() if text or self._is_text(name)}
        return inputs_for(self.flow.definition, {**common, **own}, {**self.values, **line.values})

    def _is_text(self, name: str) -> bool:
        # A field of CSV cannot be left out: an empty one that is no text is not given.
        return self.flow.definition.inputs[name].type == "string"

    def _executed(self, line: Line, inputs: dict[str, Any]) -> Done:
        asked = self._asked(self.key_of(inputs))
        while True:
            try:
                return _outcome(line, runs.run_now(self.flow, inputs, asked))
            except runs.RunEnded as ended:
                last = _last_of(ended.run)
                if self._is_done(last):
                    return _ended(line, last)
                return _outcome(line, runs.execute_when_free(runs.resume_run(last.pk, self._asked()).pk))
            except (runs.MustWait, runs.RunNotTaken):
                # Another run of the flow has the room, or another process has this one; both come to an end.
                time.sleep(_LOOK_AGAIN_SECONDS)

    def _handed_over(self, line: Line, inputs: dict[str, Any]) -> Done:
        created = runs.create_run(self.flow, inputs, self._asked(self.key_of(inputs)))
        if created is None:
            raise FlowRefused("a run without a record cannot be handed over; see FLOWS_HISTORY")
        first, is_new = created
        run = first if is_new else _last_of(first)
        if self._is_done(run):
            return _ended(line, run)
        if run.status in ACTIVE and not (is_new or run.is_lost):
            return Done(line.number, Fate.QUEUED, before=True)
        if not is_new:
            run = runs.resume_run(run.pk, self._asked())
        tasks.enqueue(run)
        return Done(line.number, Fate.QUEUED)

    def _asked(self, key: str = "") -> runs.Asked:
        return runs.Asked(Trigger.COMMAND, self.by, key)

    def _is_done(self, run: Run) -> bool:
        return run.is_ended and (run.status == Status.SUCCEEDED or not self.retries_failed)


def _in_chunks(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    waiting = iter(lines)
    while some := list(islice(waiting, size)):
        yield some


def _last_of(run: Run) -> Run:
    """Return the run that went on from this one last, or itself."""
    while (later := Run.objects.with_lease().going_on_from(run.pk).order_by("-pk").first()) is not None:
        run = later
    return run


def _outcome(line: Line, outcome: RunOutcome) -> Done:
    if outcome.succeeded:
        return Done(line.number, Fate.SUCCEEDED)
    return Done(line.number, Fate.FAILED, f"run {outcome.run_id}: {outcome.summary}")


def _ended(line: Line, run: Run) -> Done:
    if run.status == Status.SUCCEEDED:
        return Done(line.number, Fate.SUCCEEDED, before=True)
    at = f" at {run.failed_step}" if run.failed_step else ""
    why = f": {run.error_message}" if run.error_message else ""
    return Done(line.number, Fate.FAILED, f"{run} {run.status}{at}{why}", before=True)
