"""Create the groups of people that a site usually has, with their permissions."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand
from django.db import transaction

from flows.management.errors import reported

VIEWER = ("view_flow", "view_syslog", "view_run")
EDITOR = (*VIEWER, "add_flow", "change_flow", "delete_flow", "schedule_flow")
OPERATOR = (*VIEWER, "run_flow", "schedule_flow", "resume_run", "cancel_run", "prune_syslog")
GROUPS = {"viewer": VIEWER, "editor": EDITOR, "operator": OPERATOR}


class Command(BaseCommand):
    help = (
        "Create the groups viewer, editor and operator where they are missing, and give them the permissions that "
        "they lack; what a group has beyond that stays. Exit codes: 0 done, 3 database unavailable."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with reported(), transaction.atomic():
            for name, codenames in GROUPS.items():
                self.stdout.write(f"{name}: {self._completed(name, codenames)}")

    def _completed(self, name: str, codenames: tuple[str, ...]) -> str:
        group, is_new = Group.objects.get_or_create(name=name)
        had = set(group.permissions.values_list("codename", flat=True))
        missing = Permission.objects.filter(content_type__app_label="flows", codename__in=set(codenames) - had)
        added = list(missing)
        group.permissions.add(*added)
        if is_new:
            return "created"
        return f"{len(added)} permissions added" if added else "complete"
