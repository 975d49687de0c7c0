"""Transactions over the driver itself: through Django a checkpoint costs the processor twice as much."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# The mode that the settings of the site choose for SQLite: writers wait for each other instead of failing.
_BEGIN = {"mysql": "BEGIN", "sqlite": "BEGIN IMMEDIATE"}


def for_driver(statement: str, vendor: str) -> str:
    """Return a statement as the driver of that database takes it, whose places are `%s` and which doubles other `%`."""
    if vendor != "sqlite":
        return statement
    return re.sub(r"(?<!%)%s", "?", statement).replace("%%", "%")


@contextmanager
def driver_transaction(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """Give a cursor of the driver, and commit what was done over this connection meanwhile, or nothing of it.

    Inside a transaction of somebody else's it is a savepoint of that one. Raises the errors of django.db.
    """
    if connection.in_atomic_block:
        with transaction.atomic(connection.alias), connection.wrap_database_errors, _cursor(connection) as cursor:
            yield cursor
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, _cursor(connection) as cursor:
        cursor.execute(_BEGIN[connection.vendor])
        try:
            yield cursor
            connection.connection.commit()
        except BaseException:
            _roll_back(connection)
            raise


def _cursor(connection: BaseDatabaseWrapper) -> closing[Any]:
    return closing(connection.connection.cursor())


def _roll_back(connection: BaseDatabaseWrapper) -> None:
    try:
        connection.connection.rollback()
    except Exception:  # noqa: BLE001  (drivers raise many kinds; closed, a connection has nothing open)
        with suppress(Exception):
            connection.close()
