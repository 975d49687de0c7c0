"""Remove old log rows, so that the table stays small."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from flows.management.errors import reported
from flows.management.pruning import STOPPING, follow
from flows.retention.log_rows import Rule, count_prunable, prune


class Command(BaseCommand):
    help = f"Remove log rows that are older than an age, {STOPPING}"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--older-than", required=True, metavar="AGE", help="such as 12h, 90d or 8w")
        parser.add_argument("--keep-errors", default="", metavar="AGE", help="keep ERROR and CRITICAL up to this age")
        parser.add_argument("--dry-run", action="store_true", help="count the rows that would go, and remove none")

    def handle(self, *args: Any, older_than: str, keep_errors: str, dry_run: bool, **options: Any) -> None:
        with reported():
            rule = Rule.of_ages(older_than, keep_errors)
            if dry_run:
                follow(count_prunable(rule), "Would remove", "rows", self.stdout)
            else:
                follow(prune(rule), "Removed", "rows", self.stdout)
