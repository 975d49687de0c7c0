"""A site of this process alone, without logs: in its folder, or on the server of DATABASE_URL."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from bench.chain import document
from tests.environment import site_environment

if TYPE_CHECKING:
    from flows.services import Runnable


def open_site() -> None:
    """Load Django and make the tables that are missing."""
    given = {name: os.environ[name] for name in ("DATABASE_URL",) if name in os.environ}
    os.environ.update(site_environment(Path.cwd()) | {"FLOWS_PROCEDURE_PACKAGES": "bench.procedures"} | given)
    django.setup()
    logging.disable()
    from django.core.management import call_command
    from django.db import connection

    from flows.tables import create_missing_tables

    call_command("migrate", verbosity=0)
    create_missing_tables(connection)


def chain_of(steps: int) -> "Runnable":
    """Store a chain of that many steps, and return it checked."""
    from flows.models import Flow
    from flows.services import runnable

    name = f"chain of {steps}"
    Flow.objects.update_or_create(flow_name=name, defaults={"flow_json": document(steps), "enabled": True})
    return runnable(name)


def commits_of(work: Callable[[], Any]) -> int:
    """Return how often something commits over the connection of this thread."""
    from django.db import connection

    if connection.vendor == "mysql":
        before = _com_commit()
        work()
        return _com_commit() - before
    statements: list[str] = []
    connection.connection.set_trace_callback(statements.append)
    work()
    connection.connection.set_trace_callback(None)
    return statements.count("COMMIT")


def _com_commit() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Com_commit'")
        return int(cursor.fetchone()[1])
