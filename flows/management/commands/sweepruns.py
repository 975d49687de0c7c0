"""Bring forward the runs that got stuck: for cron, each minute."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import sweeping
from flows.management.errors import FAILED, reported


class Command(BaseCommand):
    help = (
        "Turn lost runs into interrupted ones, let those go on that stopped between two steps, and tell the workers "
        "again of runs that wait too long. Exit codes: 0 done, 1 the broker is unavailable, 2 refused, 3 database "
        "unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=float,
            default=sweeping.WAITS_TOO_LONG_SECONDS,
            metavar="SECONDS",
            help=f"what is too long; default {sweeping.WAITS_TOO_LONG_SECONDS}",
        )

    def handle(self, *args: Any, older_than: float, **options: Any) -> None:
        with reported():
            swept = sweeping.sweep(older_than)
        for runs, done in ((swept.reaped, "was lost"), (swept.resumed, "goes on"), (swept.sent, "is sent again")):
            for run in runs:
                self.stdout.write(f"{run} {done}")
        if swept.trouble:
            raise CommandError(swept.trouble, returncode=FAILED)
