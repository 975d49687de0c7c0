"""Tell what differs between two runs of a flow."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows.engine.text import visible
from flows.management.errors import FAILED, reported
from flows.models import Run
from flows.outcome import duration
from flows.run_diff import RunDiff, Section, Side, StepDiff, read_diff
from flows.run_diff.comparing import Verdict
from flows.runs import find_run

_MARKS = {Verdict.EQUAL: "=", Verdict.DIFFERS: "!", Verdict.ONLY_OLD: "-", Verdict.ONLY_NEW: "+"}


class Command(BaseCommand):
    help = (
        "Compare two runs of a flow step by step: outcomes, parameters, results. Durations are told and are no "
        "difference. Exit codes: 0 equal, 1 different, 2 refused, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("old", type=int, metavar="A", help="the number of the first run")
        parser.add_argument("new", type=int, metavar="B", help="the number of the second run, of the same flow")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, old: int, new: int, **options: Any) -> None:
        with reported():
            diff = read_diff(find_run(old), find_run(new))
        if options["json"]:
            self.stdout.write(json.dumps(_as_data(diff), indent=2, ensure_ascii=False))
        else:
            for line in self._lines(diff):
                self.stdout.write(line)
        if not diff.is_equal:
            where = f"; they part at step {diff.first.path}" if diff.first else ""
            raise CommandError(f"the runs differ{where}.", returncode=FAILED)

    def _lines(self, diff: RunDiff) -> Iterator[str]:
        yield f"A: {_told_run(diff.old)}"
        yield f"B: {_told_run(diff.new)}"
        yield from _lines_of_sections(diff.sections, "")
        for step in diff.steps:
            here = self.style.WARNING("  <- first divergence") if step is diff.first else ""
            yield f"{_told_step(step)}{here}"
            yield from _lines_of_sections(step.sections, "  " * (step.place.depth + 2))
        yield ", ".join(f"{count} {verdict}" for verdict, count in diff.counts.items()) or "no steps"


def _told_run(run: Run) -> str:
    return f"{run}, {run.shown_status}, {run.began}, {duration(run.seconds)}"


def _told_step(step: StepDiff) -> str:
    name = f"{_MARKS[step.verdict]} {'  ' * step.place.depth}{visible(step.path)}"
    both = [side for side in (step.old, step.new) if side]
    ratio = f" (x{step.ratio:.2f})" if step.ratio is not None else ""
    notes = [step.verdict.value] if len(both) == 1 else []
    notes += ["kept in memory only, not compared"] if step.is_not_compared else []
    return "  ".join([name, " -> ".join(map(_told_side, both)) + ratio, *notes])


def _told_side(side: Side) -> str:
    attempts = f" in {side.attempts} attempts" if side.attempts > 1 else ""
    return f"{side.status}{attempts} {duration(side.seconds)}"


def _lines_of_sections(sections: tuple[Section, ...], indent: str) -> Iterator[str]:
    for name, changes, more in sections:
        for change in changes:
            old, new = ("nothing" if text is None else visible(text) for text in (change.old, change.new))
            yield f"{indent}{name}{change.place and f' {change.place}'}: {old} -> {new}"
        if more:
            yield f"{indent}{name}: and {more:,} more"


def _as_data(diff: RunDiff) -> dict[str, Any]:
    return {
        "flow": diff.old.flow_name,
        "equal": diff.is_equal,
        "first_divergence": diff.first.path if diff.first else None,
        "runs": [
            {"id": run.pk, "status": run.shown_status, "seconds": round(run.seconds, 6)} for run in (diff.old, diff.new)
        ],
        "changes": _changes_as_data(diff.sections),
        "steps": [
            {
                "path": step.path,
                "verdict": step.verdict,
                "runs": [side and side._asdict() for side in (step.old, step.new)],
                "ratio": step.ratio,
                "changes": _changes_as_data(step.sections),
            }
            for step in diff.steps
        ],
    }


def _changes_as_data(sections: tuple[Section, ...]) -> list[dict[str, Any]]:
    return [
        {
            "of": name,
            "changes": [{"pointer": each.pointer, "how": each.how, "a": each.old, "b": each.new} for each in changes],
            "more": more,
        }
        for name, changes, more in sections
    ]
