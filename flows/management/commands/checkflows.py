"""Check stored flows and report every finding."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import services
from flows.engine.text import visible
from flows.management.errors import REFUSED, reported


class Command(BaseCommand):
    help = "Check the named flows, or all that are not deleted, and report every finding. Exit code 2 if there is one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="a flow; without one, all are checked")

    def handle(self, *args: Any, names: list[str], **options: Any) -> None:
        invalid = checked = 0
        with reported():
            for flow, report in services.check_flows(names):
                checked += 1
                invalid += bool(report.findings)
                name = visible(flow.flow_name)
                if not report.findings:
                    self.stdout.write(f"{name}: {self.style.SUCCESS('valid')}")
                for finding in report.findings:
                    self.stdout.write(f"{name}: {self.style.ERROR(str(finding))}")
        if invalid:
            raise CommandError(f"{invalid} of {checked} flows are invalid.", returncode=REFUSED)
        if not checked:
            self.stdout.write("There are no flows. Add one in the admin, or: python manage.py importflows samples")
