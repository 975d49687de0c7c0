"""Compare two runs of a flow with their steps; nothing is read from the database here."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from flows.diff import Difference, differences
from flows.models import Run, StepStatus
from flows.run_diff.aligning import Place, aligned, is_below
from flows.run_diff.values import Change

MOST_CHANGES = 20
"""How many changes are kept of a step, and of each section of a run; the others are counted."""


class Verdict(StrEnum):
    """How a step of one run stands to that of the other."""

    EQUAL = "equal"
    DIFFERS = "different"
    ONLY_OLD = "only in the first"
    ONLY_NEW = "only in the second"


class Section(NamedTuple):
    """The changes of one part, such as `inputs` or `result`; `more` are those beyond the limit."""

    name: str
    changes: tuple[Change, ...]
    more: int


class Execution(NamedTuple):
    """What is compared of a row of the table of step runs; no time is, and times take longest to read."""

    path: str
    attempt: int
    seconds: float
    status: str
    procedure: str
    params: str
    params_digest: str
    result: str
    not_storable: str
    error_type: str
    error_message: str

    @property
    def compared(self) -> tuple[object, ...]:
        """Return all that would be a difference."""
        return self[3:]


class Side(NamedTuple):
    """A step in one of the runs, as its last attempt ended."""

    status: str
    attempts: int
    seconds: float
    error: str
    procedure: str
    is_in_memory: bool

    @classmethod
    def of(cls, row: Execution) -> "Side":
        kept_in_memory = bool(row.not_storable)
        return cls(row.status, row.attempt, row.seconds, row.error_message, row.procedure, kept_in_memory)


@dataclass(frozen=True, slots=True)
class StepDiff:
    """A step of both runs, or of one; durations and numbers of attempts are told and are no difference."""

    place: Place
    old: Side | None
    new: Side | None
    sections: tuple[Section, ...] = ()

    @property
    def path(self) -> str:
        return self.place.path

    @property
    def verdict(self) -> Verdict:
        if self.new is None:
            return Verdict.ONLY_OLD
        if self.old is None:
            return Verdict.ONLY_NEW
        return Verdict.DIFFERS if self.sections else Verdict.EQUAL

    @property
    def is_equal(self) -> bool:
        return self.verdict is Verdict.EQUAL

    @property
    def is_not_compared(self) -> bool:
        """Whether both results were kept in memory only, so that nobody knows whether they differ."""
        return bool(self.old and self.new and self.old.is_in_memory and self.new.is_in_memory)

    @property
    def ratio(self) -> float | None:
        """Return how many times as long the step took in the second run."""
        if self.old is None or self.new is None or not self.old.seconds:
            return None
        return self.new.seconds / self.old.seconds


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two runs of a flow: what differs of the runs, and their steps in the order in which they ran."""

    old: Run
    new: Run
    sections: tuple[Section, ...]
    steps: tuple[StepDiff, ...]

    @property
    def is_equal(self) -> bool:
        return not self.sections and all(step.is_equal for step in self.steps)

    @property
    def first(self) -> StepDiff | None:
        """Return the step where the runs part: the first that differs, or the first of what is below it."""
        found: StepDiff | None = None
        for step in self.steps:
            if not step.is_equal and (found is None or is_below(step.path, found.path)):
                found = step
        return found

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(step.verdict for step in self.steps)


def compare(old: Run, new: Run, old_rows: Iterable[Execution], new_rows: Iterable[Execution]) -> RunDiff:
    """Compare two runs; the rows of each are given in the order in which they were written."""
    last_old, last_new = ({row.path: row for row in rows} for rows in (old_rows, new_rows))
    steps = (_step(place, last_old, last_new) for place in aligned(last_old, last_new))
    return RunDiff(old, new, tuple(_sections_of_runs(old, new)), tuple(filter(None, steps)))


def _step(place: Place, old_rows: Mapping[str, Execution], new_rows: Mapping[str, Execution]) -> StepDiff | None:
    """Compare one step; None where neither run has an outcome of it, only of what is below it."""
    old, new = old_rows.get(place.path), new_rows.get(place.path)
    if old is None and new is None:
        return None
    sections = tuple(_sections_of_steps(old, new)) if old and new else ()
    return StepDiff(place, Side.of(old) if old else None, Side.of(new) if new else None, sections)


def _sections_of_steps(old: Execution, new: Execution) -> Iterator[Section]:
    if old.compared == new.compared:
        return
    room = MOST_CHANGES
    for name, found in (
        ("status", _differences_of_words(_outcome(old), _outcome(new))),
        ("procedure", _differences_of_words(old.procedure, new.procedure)),
        ("parameters", _differences_of_params(old, new)),
        ("result", _differences_of_texts(_result(old), _result(new))),
        ("error", _differences_of_texts(_error(old), _error(new))),
    ):
        section = _section(name, found, room)
        if section:
            room -= len(section.changes)
            yield section


def _sections_of_runs(old: Run, new: Run) -> Iterator[Section]:
    for name, found in (
        ("status", _differences_of_words(old.shown_status, new.shown_status)),
        ("error", _differences_of_texts(_quoted(old.error_message), _quoted(new.error_message))),
        ("definition hash", _differences_of_words(old.definition_hash, new.definition_hash)),
        ("definition", _differences_of_texts(old.definition, new.definition)),
        ("sub-flows", differences(_documents(old), _documents(new))),
        ("inputs", _differences_of_texts(old.inputs, new.inputs)),
        ("code", _differences_of_texts(old.code, new.code)),
        ("outputs", _differences_of_texts(old.outputs, new.outputs)),
    ):
        section = _section(name, found, MOST_CHANGES)
        if section:
            yield section


def _section(name: str, found: Sequence[Difference], room: int) -> Section | None:
    return Section(name, tuple(map(Change.of, found[:room])), len(found[room:])) if found else None


def _outcome(row: Execution) -> str:
    """Return how a step ended; a reused outcome is what it was in the run that it comes from."""
    if row.status != StepStatus.REUSED:
        return row.status
    return StepStatus.FAILED if row.error_type else StepStatus.SUCCEEDED if row.result else StepStatus.SKIPPED


def _result(row: Execution) -> str:
    return json.dumps({"_not_storable": row.not_storable}) if row.not_storable else row.result


def _error(row: Execution) -> str:
    return _quoted(row.error_message or row.error_type)


def _quoted(text: str) -> str:
    return json.dumps(text) if text else ""


def _differences_of_params(old: Execution, new: Execution) -> Sequence[Difference]:
    found = _differences_of_texts(old.params, new.params)
    if not found and old.params_digest != new.params_digest:
        # Too large to be recorded: only their digests are known.
        return _differences_of_words(f"SHA-256 {old.params_digest}", f"SHA-256 {new.params_digest}")
    return found


def _differences_of_words(old: str, new: str) -> Sequence[Difference]:
    return () if old == new else differences(str(old), str(new))


def _differences_of_texts(old: str, new: str) -> Sequence[Difference]:
    """Compare two JSON texts, of which one may be empty where there is no value; equal ones are not read."""
    if old == new:
        return ()
    if not old:
        return (Difference("added", (), "", None, _value(new)),)
    if not new:
        return (Difference("removed", (), "", _value(old), None),)
    return differences(_value(old), _value(new))


def _documents(run: Run) -> Any:
    subflows = _value(run.subflows)
    return {name: _value(text) for name, text in subflows.items()} if isinstance(subflows, dict) else subflows


def _value(text: str) -> Any:
    """Return what a JSON text holds; what is no JSON is compared as it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
