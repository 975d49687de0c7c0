"""Do nothing."""

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Do nothing, without the system checks, as runflow does."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Do nothing."""
