"""Tell a supervisor whether somebody makes the runs that are due."""

import argparse
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from flows.engine.text import counted, quoted
from flows.management.errors import FAILED, REFUSED, reported
from flows.models import Schedule, local_text

_LATE_SECONDS = 120


class Command(BaseCommand):
    help = (
        "Check that no due time of a flow has passed without anybody looking. Exit codes: 0 none has, 1 the scheduler "
        "does not run or does not keep up, 2 refused, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=float,
            default=_LATE_SECONDS,
            metavar="SECONDS",
            help=f"how late a scheduler may be; default {_LATE_SECONDS}",
        )

    def handle(self, *args: Any, older_than: float, **options: Any) -> None:
        if settings.FLOWS_DISPATCH == "thread":
            raise CommandError("this site has no scheduler: FLOWS_DISPATCH=thread", returncode=REFUSED)
        with reported():
            overdue = list(Schedule.objects.due(timezone.now() - timedelta(seconds=older_than)))
            next_due = Schedule.objects.next_due_at()
        if overdue:
            first = overdue[0]
            raise CommandError(
                f"nobody looked at {counted(len(overdue), 'schedule')} in time: {first} of {quoted(first.flow_name)} "
                f"was due at {local_text(first.next_due_at)}. Start: celery -A wfsite beat",
                returncode=FAILED,
            )
        self.stdout.write(f"next due: {local_text(next_due)}" if next_due else "nothing is scheduled")
