"""System checks: settings that cannot work, and flows that the code of this deploy would break."""

import importlib.util
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from flows import services
from flows.engine import Report
from flows.engine.text import quoted, visible

_CLOCKS_MAY_DIFFER = timedelta(minutes=5)
_FLOWS_TOLD = 20


@register()
def check_procedure_packages(**_others: Any) -> list[CheckMessage]:
    """E001: a package of FLOWS_PROCEDURE_PACKAGES is not there."""
    return [
        Error(
            f"FLOWS_PROCEDURE_PACKAGES names {quoted(package)}, which is no package.",
            hint="Name packages that Python finds, such as: procedures",
            id="flows.E001",
        )
        for package in settings.FLOWS_PROCEDURE_PACKAGES
        if not _is_package(package)
    ]


def _is_package(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001  (for a dotted name Python imports what is before the dot)
        return False
    return spec is not None and spec.submodule_search_locations is not None


@register()
def check_dispatch(**_others: Any) -> list[CheckMessage]:
    """E002: workers find their runs in the history, and there is none."""
    if settings.FLOWS_DISPATCH == "thread" or settings.FLOWS_HISTORY:
        return []
    hint = "Set FLOWS_HISTORY=on, or FLOWS_DISPATCH=thread."
    return [Error("FLOWS_DISPATCH=celery needs the history of runs, which is off.", hint=hint, id="flows.E002")]


# Imports every procedure, which can take seconds: not for each start of the development server.
@register(deploy=True)
def check_procedure_modules(**_others: Any) -> list[CheckMessage]:
    """W001: a module of a procedure package offers nothing, because it cannot be imported or has no such class."""
    return [
        CheckWarning(visible(reason), hint="Flows that call it are refused.", id="flows.W001")
        for reason in services.procedures().broken.values()
    ]


@register()
def check_stored_flows(app_configs: Sequence[Any] | None, **_others: Any) -> list[CheckMessage]:
    """W002: an enabled flow no longer fits the code. Says nothing where the table cannot be read."""
    if app_configs is not None and all(app.name != "flows" for app in app_configs):
        return []
    try:
        broken = list(islice(services.broken_flows(), _FLOWS_TOLD + 1))
    except DatabaseError:
        return []
    messages = [_broken_flow(flow.flow_name, report) for flow, report in broken[:_FLOWS_TOLD]]
    if len(broken) > _FLOWS_TOLD:
        messages.append(_warning_of_flows("More enabled flows cannot run than are named here."))
    return messages


def _broken_flow(name: str, report: Report) -> CheckMessage:
    findings = "".join(f"\n\t{finding}" for finding in report.findings)
    return _warning_of_flows(f"The enabled flow {quoted(name)} cannot run:{findings}")


def _warning_of_flows(text: str) -> CheckMessage:
    hint = "Mend the flow in the admin, or the code; python manage.py checkflows tells more."
    return CheckWarning(text, hint=hint, id="flows.W002")


@register("database")
def check_clock(databases: Sequence[str] | None, **_others: Any) -> list[CheckMessage]:
    """W003: the server fills in times of another zone than DB_TIME_ZONE."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        server = _server_time(connection) if connection.vendor == "mysql" else None
        here = timezone.localtime(timezone=connection.timezone).replace(tzinfo=None)
        if server is not None and abs(server - here) > _CLOCKS_MAY_DIFFER:
            messages.append(
                CheckWarning(
                    f"The clock of the database says {server:%H:%M}, that of DB_TIME_ZONE={settings.TIME_ZONE} "
                    f"says {here:%H:%M}.",
                    hint="Set DB_TIME_ZONE to the zone in which the server fills in CURRENT_TIMESTAMP.",
                    id="flows.W003",
                )
            )
    return messages


def _server_time(connection: BaseDatabaseWrapper) -> datetime | None:
    """Return what the server would fill in now, or None where it cannot be reached."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT NOW()")
            now: datetime = cursor.fetchone()[0]
    except DatabaseError:
        return None
    return now
