"""Make realistic log rows, ten million if need be: python -m bench.log_rows 10_000_000 (into an empty wf_syslog)."""

import argparse
import os
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from time import perf_counter
from typing import Any

Values = tuple[str, str, str, str]

DAYS = 120
_ROWS_A_STATEMENT = 2_000
_STATEMENTS_A_TRANSACTION = 25

_INSERT = "INSERT INTO wf_syslog (created_at, level, logger_name, message) VALUES "
_FLOWS = [f"flow_{number:02d}" for number in range(40)]
_STEPS = ("load", "clean", "join", "check", "write", "report")
_LOGGERS = ("procedures.common.Kt", "procedures.sales.Orders", "procedures.stock.Sync", "flows.engine.runner",
            "django.request", "urllib3.connectionpool", "procedures.mail.Send")  # fmt: skip
_LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")
_SHARES = (74, 18, 6, 1.9, 0.1)
_TEXTS = (
    "loaded {number} rows from {name} in {milli} ms",
    "step succeeded in {milli} ms",
    "GET https://api.example.com/v2/{name}/{number} 200 {milli}",
    "skipped order {number}: already sent",
    "wrote {number} rows, {milli} of them changed",
    "缺货 {name}: {number}",
    "retry {milli} of {name} after a timeout",
)
_TRACEBACK = """\
step failed
Traceback (most recent call last):
  File "/srv/site/procedures/sales/Orders.py", line {milli}, in {name}
    response = client.post(f"/orders/{{order.number}}", json=payload, timeout=30)
  File "/srv/site/.venv/lib/python3.11/site-packages/requests/sessions.py", line 637, in post
    return self.request("POST", url, data=data, json=json, **kwargs)
requests.exceptions.ConnectionError: order {number}: Connection refused"""


def rows(count: int, end: datetime, days: float = DAYS) -> Iterator[Values]:
    """Yield rows whose times go up to `end` over so many days: runs of flows, a few errors with tracebacks."""
    chance = random.Random(count)
    step = timedelta(days=days) / count
    levels = chance.choices(_LEVELS, _SHARES, k=10_007)
    moment = end - timedelta(days=days)
    run, left, where = 0, 0, ""
    for number in range(count):
        if not left:
            run, left = run + 1, chance.randrange(5, 60)
            where = f"flow={chance.choice(_FLOWS)} run={run}" if chance.random() < 0.85 else ""
        left -= 1
        level = levels[number % len(levels)]
        name = _STEPS[left % len(_STEPS)]
        prefix = f"[{where} step={name}] " if where else ""
        text = _TRACEBACK if level in ("ERROR", "CRITICAL") else _TEXTS[(number * 7 + run) % len(_TEXTS)]
        message = text.format(number=number, name=name, milli=chance.randrange(1, 999))
        yield str(moment)[:23].ljust(23, "0"), level, _LOGGERS[run % len(_LOGGERS)], prefix + message
        moment += step


def fill(connection: Any, count: int, end: datetime, days: float = DAYS) -> None:
    """Write so many rows over a connection of Django."""
    # SQLite compares times as texts, so they have the six digits that Django writes.
    digits = "000" if connection.vendor == "sqlite" else ""
    made = ((moment + digits, *columns) for moment, *columns in rows(count, end, days))
    began = perf_counter()
    while part := list(islice(made, _ROWS_A_STATEMENT * _STATEMENTS_A_TRANSACTION)):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for start in range(0, len(part), _ROWS_A_STATEMENT):
                insert(cursor, part[start : start + _ROWS_A_STATEMENT])
            cursor.execute("COMMIT")
    print(f"  {count:,} rows, {count / (perf_counter() - began):,.0f} a second", file=sys.stderr)


def insert(cursor: Any, part: Sequence[Sequence[str]]) -> None:
    """Write rows by one statement."""
    cursor.execute(_INSERT + ", ".join(["(%s, %s, %s, %s)"] * len(part)), [column for row in part for column in row])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.log_rows", description=__doc__)
    parser.add_argument("count", type=int, help="how many rows; 10_000_000 take about three minutes")
    parser.add_argument("--days", type=float, default=DAYS, help=f"over how many days up to now; {DAYS}")
    parser.add_argument("--add", action="store_true", help="also into a table that holds rows")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfsite.settings")
    import django  # noqa: PLC0415  (the settings are named now)

    django.setup()
    from django.db import connection  # noqa: PLC0415  (the same)

    from flows.models import SysLog  # noqa: PLC0415  (the same)
    from flows.tables import create_missing_tables  # noqa: PLC0415  (the same)

    create_missing_tables(connection)
    if SysLog.objects.exists() and not options.add:
        raise SystemExit("wf_syslog holds rows. Name an empty database by DATABASE_URL, or say --add.")
    fill(connection, options.count, datetime.now(connection.timezone).replace(tzinfo=None), options.days)


if __name__ == "__main__":
    main()
