"""Print the JSON Schema of a flow document."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from flows import services
from flows.management.errors import reported


class Command(BaseCommand):
    help = "Print the JSON Schema (draft-07) of a flow document, with the procedures of this installation, for editors."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with reported():
            schema = services.flow_schema()
        self.stdout.write(json.dumps(schema, indent=2, ensure_ascii=False))
