"""Turn our errors and the database's into one line and an exit code, for every command."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import Error, InterfaceError, OperationalError, ProgrammingError, connection

from flows.engine import FlowError

FAILED = 1
REFUSED = 2
DATABASE_UNAVAILABLE = 3

_MISSING_TABLE_OF_MYSQL = 1146


@contextmanager
def reported() -> Iterator[None]:
    """Let our own errors out as `CommandError` 2, a database that cannot be reached as 3."""
    try:
        yield
    except FlowError as error:
        raise CommandError(str(error), returncode=REFUSED) from error
    except Error as error:
        if _table_is_missing(error):
            raise CommandError(
                f"a table is missing ({_text(error)}). Run: python manage.py migrate && python manage.py createtables",
                returncode=REFUSED,
            ) from error
        if isinstance(error, OperationalError | InterfaceError):
            raise CommandError(f"{_place()} is unavailable: {_text(error)}", returncode=DATABASE_UNAVAILABLE) from error
        raise


def _table_is_missing(error: Error) -> bool:
    if isinstance(error, ProgrammingError):
        return bool(error.args) and error.args[0] == _MISSING_TABLE_OF_MYSQL
    return isinstance(error, OperationalError) and "no such table" in str(error)


def _place() -> str:
    settings = connection.settings_dict
    host = settings.get("HOST") or ""
    return f"the database {settings['NAME']}" + (f" on {host}" if host else "")


def _text(error: Error) -> str:
    """Return the server's own words; they name the user and the host, never the password."""
    return str(error.args[-1]) if error.args else type(error).__name__
