"""List the runs, the newest first."""

import argparse
import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand

from flows.engine.text import visible
from flows.management.errors import reported
from flows.models import Run
from flows.models.run import LOST, Status, newest_runs
from flows.models.times import iso_text
from flows.outcome import duration

SHOWN = 20


class Command(BaseCommand):
    help = "List runs, the newest first. Exit codes: 0 done, 2 refused, 3 database unavailable."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="only the runs of this flow")
        parser.add_argument("--status", choices=[*Status.values, LOST], metavar="S", help=", ".join([*Status, LOST]))
        parser.add_argument("--limit", type=int, default=SHOWN, metavar="N", help=f"at most so many; default {SHOWN}")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, *args: Any, name: str | None, status: str | None, limit: int, **options: Any) -> None:
        with reported():
            runs = list(newest_runs(name, status)[: max(limit, 0)])
        for line in map(_as_json, runs) if options["json"] else self._table(runs):
            self.stdout.write(line)

    def _table(self, runs: list[Run]) -> Iterator[str]:
        if not runs:
            yield "There are no such runs."
        for run in runs:
            steps = f"{run.steps_done}/{run.steps_total}"
            took = duration(run.seconds) if run.seconds else ""
            by = f"by {visible(run.asked_by)}" if run.asked_by else ""
            cells = (visible(run.flow_name), self._styled(run.shown_status), run.began, steps, took, run.trigger, by)
            yield f"{run.pk:>6}  {'  '.join(filter(None, cells))}"

    def _styled(self, status: str) -> str:
        styles = {Status.SUCCEEDED: self.style.SUCCESS, Status.FAILED: self.style.ERROR, LOST: self.style.ERROR}
        return styles.get(status, str)(status)


def _as_json(run: Run) -> str:
    return json.dumps(
        {
            "id": run.pk,
            "flow": run.flow_name,
            "status": run.shown_status,
            "trigger": run.trigger,
            "asked_by": run.asked_by,
            "key": run.key,
            "continues": run.continues,
            "created_at": iso_text(run.created_at),
            "started_at": iso_text(run.started_at),
            "ended_at": iso_text(run.ended_at),
            "seconds": round(run.seconds, 6),
            "steps_done": run.steps_done,
            "steps_total": run.steps_total,
            "step": run.step,
            "error": run.error_message or None,
        },
        ensure_ascii=False,
    )
