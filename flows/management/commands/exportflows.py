"""Write flows as files."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flows import exchange
from flows.engine.text import visible
from flows.management.errors import FAILED, reported


class Command(BaseCommand):
    help = (
        "Write the named flows, or all that are not deleted, as one readable JSON file each. Exit codes: 0 all "
        "written, 1 some could not be written, 2 refused before anything was written, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="where the files go; made where it is missing")
        parser.add_argument("names", nargs="*", metavar="NAME", help="a flow; without one, all are exported")

    def handle(self, *args: Any, folder: Path, names: list[str], **options: Any) -> None:
        with reported():
            report = exchange.export_flows(folder, names)
        for file in report.files:
            self.stdout.write(f"{visible(file.path.name)}: {file.outcome}")
        if not report.files and not report.skipped:
            self.stdout.write("There are no flows.")
        if report.skipped:
            raise CommandError("not exported:\n" + "\n".join(report.skipped), returncode=FAILED)
