"""memory: what the process of runs keeps in memory, by the number of runs and by the steps of one."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench import draw
from bench.log_sites import sqlite
from bench.ours.memory import LONG_RUN
from bench.outcome import Goal, Outcome
from bench.rounds import Effort, Samples, Spread

_STEPS = (10, 100, LONG_RUN)
_MIB = 2**20


def memory(effort: Effort) -> Outcome:
    """Does a process that executes many runs, or a long one, keep ever more memory?"""
    full = effort.rounds > 5
    runs = (100, 1_000, 10_000) if full else (10, 50, 200)
    with tempfile.TemporaryDirectory(prefix="bench") as name, sqlite(Path(name)) as site:
        found = site.run("ours.memory", json.dumps(runs), json.dumps(_STEPS))
    by_run, by_step = (_by_number(found[what]) for what in ("by_run", "by_step"))
    few, many = runs[-2:]
    grown = by_run[many] / by_run[few]
    return Outcome(
        "memory",
        f"Does a process keep ever more memory: in {runs[-1]:,} runs, in a run of {LONG_RUN} steps?",
        "Resident memory of one process, after a collection of garbage, SQLite, no log lines, results of a few bytes: "
        "a run holds all its results until its end. The allocator gives and takes in steps of a page and more, so a "
        "few bytes a run are noise. One round.",
        [("after", "memory", "growth"),
         *(_row(f"{steps:,} steps of a run", by_step, steps, _STEPS, "a step") for steps in _STEPS),
         *(_row(f"{count:,} runs of 2 steps", by_run, count, runs, "a run") for count in runs)],
        [Goal(f"after {many:,} runs, against after {few:,}", Spread(grown, grown, grown), 1.05)],
        Samples(figures={"bytes": {"by_run": by_run, "by_step": by_step}}),
        draw.lines(
            "Memory of a process",
            "runs, or steps of one run",
            "MiB",
            [_line("runs of 2 steps", by_run), _line(f"a run of {LONG_RUN} steps", by_step)],
        ),
    )  # fmt: skip


def _by_number(found: Mapping[str, int]) -> dict[int, int]:
    return {int(number): size for number, size in found.items()}


def _row(label: str, by_number: Mapping[int, int], number: int, numbers: tuple[int, ...], each: str) -> tuple[str, ...]:
    at = numbers.index(number)
    if not at:
        return label, f"{by_number[number] / _MIB:.1f} MiB", ""
    before = numbers[at - 1]
    growth = (by_number[number] - by_number[before]) / (number - before)
    return label, f"{by_number[number] / _MIB:.1f} MiB", f"{growth:,.0f} bytes {each} since {before:,}"


def _line(label: str, by_number: Mapping[int, int]) -> draw.Line:
    return draw.Line(label, [(number, size / _MIB) for number, size in by_number.items()], "ours")
