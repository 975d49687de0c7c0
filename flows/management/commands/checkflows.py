"""Check stored flows and report every finding."""

import argparse
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import services
from flows.engine import Report
from flows.engine.plan import summary
from flows.engine.text import visible
from flows.management.errors import REFUSED, reported


class Command(BaseCommand):
    help = "Check the named flows, or all that are not deleted, and report every finding. Exit code 2 if there is one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="a flow; without one, all are checked")
        parser.add_argument("--json", action="store_true", help="print one JSON document with findings and verdicts")

    def handle(self, *args: Any, names: list[str], **options: Any) -> None:
        with reported():
            reports = [(visible(flow.flow_name), report) for flow, report in services.check_flows(names)]
        if options["json"]:
            self.stdout.write(json.dumps({"flows": [_as_data(*one) for one in reports]}, indent=2, ensure_ascii=False))
        else:
            self._write(reports)
        invalid = sum(bool(report.findings) for _, report in reports)
        if invalid:
            raise CommandError(f"{invalid} of {len(reports)} flows are invalid.", returncode=REFUSED)

    def _write(self, reports: list[tuple[str, Report]]) -> None:
        for name, report in reports:
            if not report.findings:
                self.stdout.write(f"{name}: {self.style.SUCCESS('valid')}, {summary(report)}")
            for finding in report.findings:
                self.stdout.write(f"{name}: {self.style.ERROR(str(finding))}")
            for hint in report.hints:
                self.stdout.write(f"{name}: hint: {hint}")
        if not reports:
            self.stdout.write("There are no flows. Add one in the admin, or: python manage.py importflows samples")


def _as_data(name: str, report: Report) -> dict[str, Any]:
    return {
        "flow": name,
        "valid": not report.findings,
        "findings": [finding.as_data() for finding in report.findings],
        "hints": [hint.as_data() for hint in report.hints],
        "verdicts": [
            {
                "pointer": verdict.pointer,
                "reference": str(verdict.reference),
                "verdict": verdict.certainty.value,
                "reason": verdict.reason,
            }
            for verdict in report.verdicts
        ],
    }
