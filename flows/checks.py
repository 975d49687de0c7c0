"""System checks: settings that cannot work, and flows that the code of this deploy would break."""

import importlib.util
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import Error as DatabaseError
from django.db import connections
from django.utils import timezone

from flows import services
from flows.engine.text import quoted, visible

_CLOCKS_MAY_DIFFER = timedelta(minutes=5)


@register()
def check_procedure_packages(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001: a package of FLOWS_PROCEDURE_PACKAGES is not there. W001: a module of one cannot be imported."""
    messages: list[CheckMessage] = [
        Error(
            f"FLOWS_PROCEDURE_PACKAGES names {quoted(package)}, which is no package.",
            hint="Name packages that Python finds, such as: procedures",
            id="flows.E001",
        )
        for package in settings.FLOWS_PROCEDURE_PACKAGES
        if not _is_package(package)
    ]
    for reason in services.procedures().broken.values():
        messages.append(Warning(visible(reason), hint="Flows that call it are refused.", id="flows.W001"))
    return messages


def _is_package(name: str) -> bool:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.submodule_search_locations is not None


@register()
def check_stored_flows(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """W002: an enabled flow no longer fits the code. Says nothing where the table cannot be read."""
    try:
        return list(_broken_flows())
    except DatabaseError:
        return []


def _broken_flows() -> Iterator[CheckMessage]:
    for flow, report in services.broken_flows():
        for finding in report.findings:
            yield Warning(
                f"The enabled flow {quoted(flow.flow_name)} cannot run: {finding}",
                hint="Mend the flow in the admin, or the code; python manage.py checkflows tells more.",
                id="flows.W002",
            )


@register("database")
def check_clock(app_configs: Sequence[Any] | None, databases: Sequence[str] | None, **kwargs: Any) -> list[CheckMessage]:
    """W003: the server fills in times of another zone than DB_TIME_ZONE."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "mysql":
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT NOW()")
            server: datetime = cursor.fetchone()[0]
        here = timezone.localtime(timezone=connection.timezone).replace(tzinfo=None)
        if abs(server - here) > _CLOCKS_MAY_DIFFER:
            messages.append(
                Warning(
                    f"The clock of the database says {server:%H:%M}, DB_TIME_ZONE={settings.TIME_ZONE} says {here:%H:%M}.",
                    hint="Set DB_TIME_ZONE to the zone in which the server fills in CURRENT_TIMESTAMP.",
                    id="flows.W003",
                )
            )
    return messages
