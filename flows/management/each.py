"""`runflow NAME --each FILE`: one run a line, with a bar while they run and a summary at the end."""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, OutputWrapper
from django.core.management.color import Style

from flows.each import (
    Batch,
    DatabaseAway,
    Done,
    Failures,
    Fate,
    Line,
    Pool,
    columns_of,
    count_lines,
    is_csv,
    read_lines,
)
from flows.each.lines import STDIN
from flows.each.runs_of_lines import ASKED_AT_ONCE
from flows.engine.text import counted, quoted, visible
from flows.management.errors import DATABASE_UNAVAILABLE, FAILED, INTERRUPTED, REFUSED
from flows.management.progress import write_line
from flows.models import FlowSettings, Run
from flows.outcome import duration
from flows.runs import lets_wait

_TOLD_FAILURES = 10


@dataclass
class Tally:
    """How many lines came out how, so far; `before` of them needed nothing in this call."""

    fates: Counter[Fate] = field(default_factory=Counter)
    before: int = 0

    @property
    def lines(self) -> int:
        return self.fates.total()

    def add(self, done: Done) -> None:
        self.fates[done.fate] += 1
        self.before += done.before

    def __str__(self) -> str:
        told = [f"{self.fates[fate]:,} {fate}" for fate in Fate if self.fates[fate]] or ["nothing to do"]
        return ", ".join(told) + (f"; {self.before:,} of them before" if self.before else "")


class EachLine:
    """Runs a flow for each line of a file and tells how that goes."""

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, style: Style, options: Mapping[str, Any]) -> None:
        self._stdout, self._stderr, self._style = stdout, stderr, style
        self._options = options
        self._path: str = options["each"]
        self._tally = Tally()

    def run(self, batch: Batch) -> None:
        """Do all lines; raises `CommandError` where not all have succeeded."""
        name, inputs = batch.flow.flow.flow_name, batch.flow.definition.inputs
        limits = self._limits(name)
        columns = columns_of(self._path, inputs) if is_csv(self._path) else []
        total = None if self._path == STDIN else count_lines(self._path, inputs)
        began = perf_counter()
        with Failures(self._path, columns) as failures, self._bar(total) as show:
            problem = ""
            pool = Pool(batch.execute, self._processes(limits), quiet=self._options["verbosity"] < 2)

            def take(line: Line, done: Done) -> None:
                # A process may end between the end of its run and the word of it; the table knows.
                if done.fate == Fate.INTERRUPTED and batch.succeeded([line]):
                    done = Done(line.number, Fate.SUCCEEDED)
                self._take(line, done, failures)
                show(self._tally)

            # Lines that come one by one are run as they come.
            at_once = 1 if self._path == STDIN else ASKED_AT_ONCE
            lines = batch.missing(read_lines(self._path, inputs), take, at_once=at_once)
            try:
                with _stopping(pool):
                    for line, done in self._handed_over(batch, lines) if self._options["enqueue"] else pool.run(lines):
                        take(line, done)
            except DatabaseAway as away:
                problem = str(away)
        self._tell(name, total, perf_counter() - began, failures, pool.stopped_by)
        self._end(pool.stopped_by, problem)

    def _limits(self, name: str) -> FlowSettings:
        if not settings.FLOWS_HISTORY:
            raise CommandError("--each needs the record of runs, and FLOWS_HISTORY is off", returncode=REFUSED)
        Run.objects.exists()
        limits = FlowSettings.objects.of(name)
        if self._options["enqueue"] and not lets_wait(limits):
            raise CommandError(
                f"flow {quoted(name)} refuses a run while another one is active, so its runs cannot wait for a worker; "
                "choose “let it wait” in its settings, or FLOWS_WHEN_ACTIVE=queue",
                returncode=REFUSED,
            )
        return limits

    def _processes(self, limits: FlowSettings) -> int:
        wanted: int = self._options["processes"] or len(os.sched_getaffinity(0))
        if limits.max_active < wanted and not self._options["enqueue"]:
            self._stderr.write(
                f"{counted(limits.max_active, 'run')} at a time: the settings of the flow let no more be active at once"
            )
        return min(wanted, limits.max_active)

    @staticmethod
    def _handed_over(batch: Batch, lines: Iterator[Line]) -> Iterator[tuple[Line, Done]]:
        return ((line, batch.hand_over(line)) for line in lines)

    def _take(self, line: Line, done: Done, failures: Failures) -> None:
        self._tally.add(done)
        if done.fate == Fate.FAILED:
            failures.add(line, done.reason)
        if done.reason and self._tally.fates[done.fate] <= _TOLD_FAILURES:
            self._write_above(self._style.ERROR(f"line {done.number} {done.fate}: {visible(done.reason)}"))

    def _write_above(self, text: str) -> None:
        if self._shows_a_bar:
            from tqdm import tqdm  # noqa: PLC0415  (only where a bar is shown)

            tqdm.write(text, file=sys.stderr)
        elif self._options["verbosity"]:
            self._stderr.write(text)

    @property
    def _shows_a_bar(self) -> bool:
        return self._stderr.isatty() and self._options["verbosity"] > 0

    @contextmanager
    def _bar(self, total: int | None) -> Iterator[Any]:
        if not self._shows_a_bar:
            yield lambda _tally: None
            return
        from tqdm import tqdm  # noqa: PLC0415  (only where a bar is shown)

        # The bar's thread would be forked with every process of the pool.
        tqdm.monitor_interval = 0
        with tqdm(total=total, unit="line", file=sys.stderr, leave=False, dynamic_ncols=True) as bar:

            def show(tally: Tally) -> None:
                bar.set_postfix_str(str(tally), refresh=False)
                bar.update()

            yield show

    def _tell(self, name: str, total: int | None, seconds: float, failures: Failures, stopped: int | None) -> None:
        tally, failed = self._tally, str(failures.path) if failures.number else None
        if self._options["json"]:
            told = {fate.value: tally.fates[fate] for fate in Fate}
            left = {} if total is None else {"not_begun": total - tally.lines}
            data = {"flow": name, "lines": tally.lines, **told, **left, "before": tally.before}
            write_line(
                self._stdout, json.dumps(data | {"seconds": round(seconds, 3), "failed_lines": failed}, indent=2)
            )
            return
        of = f" of {total:,}" if total not in (None, tally.lines) else ""
        write_line(self._stdout, f"{tally.lines:,}{of} lines in {duration(seconds)}: {tally}")
        if failed:
            write_line(self._stdout, f"The lines that failed, with their reasons: {visible(failed)}")
        if stopped or tally.fates[Fate.INTERRUPTED]:
            write_line(self._stdout, "Call it again: what is done stays done, and the rest goes on.")

    def _end(self, stopped: int | None, problem: str) -> None:
        fates = self._tally.fates
        if problem:
            raise CommandError(f"the database is unavailable: {problem}", returncode=DATABASE_UNAVAILABLE)
        if stopped:
            raise CommandError("stopped before all lines were done", returncode=128 + stopped)
        if fates[Fate.INTERRUPTED]:
            raise CommandError(f"{counted(fates[Fate.INTERRUPTED], 'run')} interrupted", returncode=INTERRUPTED)
        if fates[Fate.FAILED]:
            raise CommandError(f"{counted(fates[Fate.FAILED], 'line')} failed", returncode=FAILED)


@contextmanager
def _stopping(pool: Pool) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C stop the pool."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, partial(_stop, pool)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _stop(pool: Pool, number: int, _frame: Any) -> None:
    pool.stop(number)
