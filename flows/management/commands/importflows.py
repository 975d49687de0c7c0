"""Bring flows from files into the database."""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from flows import exchange
from flows.engine.text import visible
from flows.management.errors import reported


class Command(BaseCommand):
    help = (
        "Create or change the flows of JSON files, all of them or none, and show what changes. New flows come in "
        "disabled. Exit codes: 0 done, 2 refused and nothing written, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="PATH", help="a .json file named like its flow, or a folder of them"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would change and write nothing")
        parser.add_argument("--enable", action="store_true", help="enable the flows of these files")
        parser.add_argument("--restore", action="store_true", help="restore those of them that are deleted")

        parser.add_argument("--only-new", action="store_true", help="leave flows that exist, deleted or not, alone")

    def handle(self, *args: Any, paths: list[Path], dry_run: bool, **options: Any) -> None:
        wishes = exchange.Wishes(options["enable"], options["restore"], options["only_new"])
        with reported():
            changes = (exchange.plan_import if dry_run else exchange.import_flows)(paths, wishes)
        for change in changes:
            self._show(change)
        outcomes = Counter(change.outcome for change in changes)
        summary = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        self.stdout.write(f"{summary}. Nothing was written (--dry-run)." if dry_run else f"{summary}.")

    def _show(self, change: exchange.Change) -> None:
        state = f"{change.outcome}, enabled" if change.enables else change.outcome
        if change.outcome in ("created", "restored") and not change.enables:
            state += ", disabled"
        self.stdout.write(f"{visible(change.name)}: {state}")
        for line in change.diff.splitlines():
            self.stdout.write(f"  {line}")
