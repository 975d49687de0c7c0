"""Remove old runs with their steps, so that the history stays small."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from flows.management.errors import reported
from flows.management.pruning import STOPPING, follow
from flows.retention.runs import Rule, count_prunable_runs, prune_runs


class Command(BaseCommand):
    help = (
        "Remove runs that ended long ago, or of which a flow has too many, with their steps. Queued and running runs "
        f"never go, and interrupted ones only by age. It works {STOPPING}"
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--older-than", default="", metavar="AGE", help="such as 12h, 90d or 8w")
        parser.add_argument("--most", type=int, metavar="N", help="keep at most the newest N ended runs of each flow")
        parser.add_argument(
            "--keep-failures", default="", metavar="AGE", help="keep what did not succeed up to this age in any case"
        )
        parser.add_argument(
            "--keep-last", action="store_true", help="keep the newest ended run of each flow, whatever its age"
        )
        parser.add_argument("--dry-run", action="store_true", help="count the runs that would go, and remove none")

    def handle(
        self, *args: Any, older_than: str, most: int | None, keep_failures: str, keep_last: bool, **options: Any
    ) -> None:
        with reported():
            rule = Rule.of_options(older_than, keep_failures, most, keep_last=keep_last)
            if options["dry_run"]:
                follow(count_prunable_runs(rule), "Would remove", "runs", self.stdout)
            else:
                follow(prune_runs(rule), "Removed", "runs", self.stdout)
