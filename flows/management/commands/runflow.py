"""Run one flow and print what happens."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import services
from flows.engine.text import describe, visible
from flows.management.errors import FAILED, reported
from flows.management.progress import Progress
from flows.models import Flow

EXIT_CODES = "Exit codes: 0 succeeded, 1 failed, 2 refused before it began, 3 database unavailable."


class Command(BaseCommand):
    help = f"Run a flow. Without a name, list the flows. {EXIT_CODES}"
    # The checks of the whole site take longer than a short flow; the flow itself is checked always.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="the flow to run")
        parser.add_argument("--json", action="store_true", help="print one JSON document with the context")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        with reported():
            if name is None:
                self._list()
            elif options["json"]:
                self._run_as_json(name)
            else:
                self._run(name)

    def _list(self) -> None:
        flows = Flow.objects.not_deleted().only("flow_name", "enabled")
        for flow in flows:
            state = self.style.SUCCESS("enabled") if flow.enabled else "disabled"
            self.stdout.write(f"{visible(flow.flow_name)}  {state}")
        if not flows:
            self.stdout.write("There are no flows. Add one in the admin, or: python manage.py importflows samples")

    def _run(self, name: str) -> None:
        definition = services.runnable(name)
        progress = Progress(self.stdout, self.style, len(definition.steps))
        try:
            outcome = services.run_definition(name, definition, progress)
        finally:
            progress.close()
        if outcome.error is not None:
            raise CommandError(visible(outcome.summary), returncode=FAILED) from outcome.error
        progress.write(visible(outcome.summary))

    def _run_as_json(self, name: str) -> None:
        outcome = services.run_flow(name)
        self.stdout.write(json.dumps(as_json(outcome), indent=2, ensure_ascii=False))
        if outcome.error is not None:
            raise CommandError(visible(outcome.summary), returncode=FAILED) from outcome.error


def as_json(outcome: services.RunOutcome) -> dict[str, Any]:
    """Return the outcome as a JSON object; a result that is not storable is replaced by the reason."""
    warnings = {step.name: step.warning for step in outcome.steps if step.warning}
    return {
        "flow": outcome.flow,
        "status": "succeeded" if outcome.succeeded else "failed",
        "error": None if outcome.error is None else describe(outcome.error),
        "seconds": round(outcome.seconds, 6),
        "steps": [asdict(step) for step in outcome.steps],
        "context": {
            name: {"_not_storable": warnings[name]} if name in warnings else result
            for name, result in outcome.context.items()
        },
    }
