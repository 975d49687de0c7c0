"""Interrupt the runs whose process is gone: for cron."""

from typing import Any

from django.core.management.base import BaseCommand

from flows import runs
from flows.management.errors import reported


class Command(BaseCommand):
    help = (
        "Turn each lost run, whose process is gone, into an interrupted one that can be resumed. "
        "Exit codes: 0 done, 2 refused, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with reported():
            for run in runs.reap_runs():
                doubt = f" at step {run.step}" if run.step else ""
                self.stdout.write(f"{run} is interrupted{doubt}; python manage.py runflow --resume {run.pk}")
