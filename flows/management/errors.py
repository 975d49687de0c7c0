"""Turn our errors and the database's into one line and an exit code, for every command."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import Error, InterfaceError, OperationalError, connection

from flows.engine import FlowError
from flows.recording.checkpoints import RunCancelled, RunInterrupted, RunLost
from flows.tables import is_missing_table

FAILED = 1
REFUSED = 2
DATABASE_UNAVAILABLE = 3
INTERRUPTED = 4


@contextmanager
def reported() -> Iterator[None]:
    """Let our own errors out as `CommandError` 2, a database that cannot be reached as 3, an interrupted run as 4."""
    try:
        yield
    except RunCancelled as error:
        raise CommandError(str(error), returncode=FAILED) from error
    except (RunInterrupted, RunLost) as error:
        number = getattr(error, "signal", None)
        raise CommandError(str(error), returncode=128 + number if number else INTERRUPTED) from error
    except FlowError as error:
        raise CommandError(str(error), returncode=REFUSED) from error
    except Error as error:
        if is_missing_table(error):
            raise CommandError(
                f"a table is missing ({_text(error)}). Run: python manage.py migrate && python manage.py createtables",
                returncode=REFUSED,
            ) from error
        if isinstance(error, OperationalError | InterfaceError):
            raise CommandError(f"{_place()} is unavailable: {_text(error)}", returncode=DATABASE_UNAVAILABLE) from error
        raise


def _place() -> str:
    settings = connection.settings_dict
    host = settings.get("HOST") or ""
    return f"the database {settings['NAME']}" + (f" on {host}" if host else "")


def _text(error: Error) -> str:
    """Return the server's own words; they name the user and the host, never the password."""
    return str(error.args[-1]) if error.args else type(error).__name__
