"""Times as people read them, and the clock that leases go by."""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone


def local_text(moment: datetime | None, precision: str = "seconds") -> str:
    """Return a time in the zone of the site, `2026-01-31 15:30:00`; empty where a row holds no valid one."""
    return timezone.localtime(moment).replace(tzinfo=None).isoformat(" ", precision) if moment else ""


def iso_text(moment: datetime | None) -> str | None:
    """Return a time with its offset from UTC, for programs."""
    return timezone.localtime(moment).isoformat(timespec="milliseconds") if moment else None


class DatabaseSeconds(models.Func):
    """Seconds since 1970 by the clock of the database, whole ones.

    Not a date: a server in a zone with daylight saving sets its local time back once a year, and the clock of this
    machine may be wrong.
    """

    output_field = models.BigIntegerField()
    arity = 0

    def as_sql(self, compiler: Any, connection: Any, **_options: Any) -> tuple[str, tuple[()]]:  # type: ignore[override]
        return DATABASE_SECONDS[connection.vendor], ()


DATABASE_SECONDS = {
    "mysql": "UNIX_TIMESTAMP()",
    "sqlite": "CAST(strftime('%%s', 'now') AS INTEGER)",
}
