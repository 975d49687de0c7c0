"""Choose the steps of a run that its page shows: as many as one can look through, and where the others are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from flows.models import ACTIVE, Run, Status
from flows.run_pages.steps import Entry, step_of

STEPS = 25


class Part(NamedTuple):
    """Steps that are shown together, by their numbers from 1 on.

    So many of them have failed; `is_current` says that the run is at one of them, or ended there.
    """

    first: int
    last: int
    failed: int = 0
    is_current: bool = False
    is_shown: bool = False


class Window(NamedTuple):
    """The steps that are shown, and the numbers of the first of them and of all."""

    entries: Sequence[Entry]
    first: int
    total: int

    @property
    def is_all(self) -> bool:
        return len(self.entries) == self.total


def window_of(run: Run, steps: Sequence[Entry], number: int | None) -> Window:
    """Return the part of the steps that holds the one of this number, or else the one that the run is or ended at."""
    place = _place_of(run, steps) if number is None else min(max(number, 1), max(len(steps), 1)) - 1
    begin = place // STEPS * STEPS
    return Window(steps[begin : begin + STEPS], begin + 1, len(steps))


def may_be_reached(run: Run, steps: Iterable[Entry]) -> list[Entry]:
    """Leave the handlers out, where there is no failure to handle."""
    is_fine = run.status in (Status.QUEUED, Status.SUCCEEDED)
    return [entry for entry in steps if not (entry.handler and is_fine)]


def parts_of(run: Run, steps: Sequence[Entry], window: Window, failed: Iterable[str]) -> list[Part]:
    """Return all parts of the steps; `failed` are the names of those that failed."""
    places = {entry.name: place for place, entry in enumerate(steps)}
    failures = Counter(places[name] // STEPS for name in failed if name in places)
    current = places.get(_current(run), -1)
    return [
        Part(
            begin + 1,
            min(begin + STEPS, len(steps)),
            failures[begin // STEPS],
            begin <= current < begin + STEPS,
            begin + 1 == window.first,
        )
        for begin in range(0, len(steps), STEPS)
    ]


def _place_of(run: Run, steps: Sequence[Entry]) -> int:
    name = _current(run)
    return next((place for place, entry in enumerate(steps) if entry.name == name), 0) if name else 0


def _current(run: Run) -> str:
    """Return the name of the step that a run is at, or that it failed or was interrupted at."""
    return step_of(run.step if run.status in ACTIVE or run.step_in_doubt else run.failed_step)
