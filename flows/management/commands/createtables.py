"""Create wf_flow and wf_syslog where they are missing."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from flows.management.errors import reported
from flows.tables import create_missing_tables


class Command(BaseCommand):
    help = "Create the tables wf_flow and wf_syslog where they are missing. A table that exists is never touched."

    def handle(self, *args: Any, **options: Any) -> None:
        with reported():
            created = create_missing_tables(connection)
        if options["verbosity"] > 0:
            self.stdout.write(f"Created: {', '.join(created)}." if created else "Both tables exist; nothing was done.")
