"""Tell a supervisor whether the queues have workers."""

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from flows.dispatch.overview import overview
from flows.engine.text import named
from flows.management.errors import FAILED, REFUSED, reported


class Command(BaseCommand):
    help = (
        "Check that each queue that flows are sent to has a worker that answers. Exit codes: 0 each has one, 1 one has "
        "none or the broker is unavailable, 2 refused, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--worker", metavar="NAME", help="only whether this worker answers, such as celery@host")

    def handle(self, *args: Any, worker: str | None, **options: Any) -> None:
        if settings.FLOWS_DISPATCH == "thread":
            raise CommandError("this site has no workers: FLOWS_DISPATCH=thread", returncode=REFUSED)
        with reported():
            seen = overview()
        if seen.trouble:
            raise CommandError(seen.trouble, returncode=FAILED)
        if worker and worker not in [one.name for one in seen.workers]:
            raise CommandError(f"no worker {worker} answers", returncode=FAILED)
        forsaken = [queue.name for queue in seen.queues if queue.is_forsaken]
        if not worker and forsaken:
            raise CommandError(f"nobody takes from the queues {named(forsaken)}", returncode=FAILED)
        for one in seen.workers:
            self.stdout.write(f"{one.name}: {one.busy} of {one.processes} busy, takes from {', '.join(one.queues)}")
