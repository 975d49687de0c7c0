"""Print the steps of a run as they end, over a progress bar where a person watches a long one."""

import os
import sys
from contextlib import suppress
from typing import Any

from django.core.management.base import OutputWrapper
from django.core.management.color import Style

from flows.engine import Event, StepFailed, StepReused, StepSkipped, StepStarted, StepSucceeded
from flows.outcome import duration

LONG_FLOW_STEPS = 20


def write_line(stdout: OutputWrapper, text: str) -> None:
    """Print a line, also where nobody reads it any more or the terminal has not all of its characters.

    Raises OSError where it cannot be written, as on a full disk.
    """
    # Without one (`>&-`) Python has no stdout at all.
    if sys.stdout is None:
        return
    try:
        stdout.write(text)
        stdout.flush()
    except UnicodeEncodeError:
        stdout.write(text.encode("ascii", "backslashreplace").decode())
    except BrokenPipeError:
        # What follows goes nowhere, and Python finds nothing to complain of at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """Tell the events of one run on a stream; a stream that is closed meanwhile (`| head`) does not touch the run."""

    def __init__(self, stdout: OutputWrapper, style: Style, steps: int) -> None:
        self._stdout = stdout
        self._style = style
        self._bar = _bar(steps) if steps >= LONG_FLOW_STEPS and stdout.isatty() else None

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            if self._bar is not None:
                self._bar.set_description(event.step.name)
        elif isinstance(event, StepSucceeded):
            self._line(event.step.name, self._style.SUCCESS("succeeded"), event.seconds)
            if event.not_storable:
                self.write(f"  {self._style.WARNING(f'kept in memory only: {event.not_storable}')}")
        elif isinstance(event, StepFailed):
            self._line(event.step.name, self._style.ERROR("failed"), event.seconds)
        elif isinstance(event, StepReused):
            self._line(event.step.name, "reused", 0.0)
        elif isinstance(event, StepSkipped):
            self._line(event.step.name, "skipped", 0.0)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def write(self, text: str) -> None:
        """Print a line above the bar."""
        with suppress(OSError):
            if self._bar is None:
                write_line(self._stdout, text)
            else:
                self._bar.write(text, file=sys.stdout)

    def _line(self, name: str, outcome: str, seconds: float) -> None:
        self.write(f"{name}  {outcome}  {duration(seconds)}")
        if self._bar is not None:
            self._bar.update()


def _bar(steps: int) -> Any:
    from tqdm import tqdm  # noqa: PLC0415  (only where a bar is shown)

    return tqdm(total=steps, unit="step", file=sys.stderr, leave=False, dynamic_ncols=True)
