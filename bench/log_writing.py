"""What runs in the writer's process: it times ways to write log rows to the database of DATABASE_URL; prints JSON."""
# ruff: noqa: E402  (models can be imported when Django is loaded)

import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any

import django

django.setup()

from django.db import connection, transaction

from bench.log_rows import rows
from flows.log_queue import LogQueue
from flows.log_writer import LogWriter
from flows.models import SysLog
from flows.tables import create_missing_tables

BATCH = 500

Write = Callable[[list[Any]], None]


def main() -> None:
    rounds, count = (int(text) for text in sys.argv[1:])
    create_missing_tables(connection)
    # At five thousand rows a second, as a busy site makes them.
    given = list(rows(count, datetime.now(), count / 5_000 / 86_400))
    contestants: dict[str, Write] = {
        "bulk_create": bulk_create,
        "executemany": executemany,
        "ours": ours,
        "ready-made INSERT text": ready_made,
    }
    seconds: dict[str, list[float]] = {label: [] for label in contestants}
    for number in range(rounds + 1):
        for label, write in contestants.items():
            took = _timed(write, given)
            # The first round warms up.
            if number:
                seconds[label].append(took)
    print(json.dumps(seconds))


def _timed(write: Write, given: list[tuple[str, str, str, str]]) -> float:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE wf_syslog" if connection.vendor == "mysql" else "DELETE FROM wf_syslog")
    took = _seconds_of(write, given)
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM wf_syslog")
        found = cursor.fetchone()[0]
    if found != len(given):
        raise SystemExit(f"{write.__name__} wrote {found} rows of {len(given)}: nothing is measured")
    return took


def _seconds_of(write: Write, given: list[tuple[str, str, str, str]]) -> float:
    prepare = PREPARED.get(write)
    prepared = prepare(given) if prepare else given
    began = perf_counter()
    write(prepared)
    return perf_counter() - began


def _parts(given: list[Any]) -> list[list[Any]]:
    return [given[start : start + BATCH] for start in range(0, len(given), BATCH)]


def bulk_create(given: list[Any]) -> None:
    """Django's own: model instances, as a handler would make them of records."""
    for part in _parts(given):
        SysLog.objects.bulk_create(
            [
                SysLog(created_at=moment, level=level, logger_name=name, message=message)
                for moment, level, name, message in part
            ]
        )


def aware_times(given: list[Any]) -> list[Any]:
    return [(datetime.fromisoformat(row[0]).replace(tzinfo=connection.timezone), *row[1:]) for row in given]


def executemany(given: list[Any]) -> None:
    """The driver's own, in one transaction a batch: without one, mysqlclient may leave half of it."""
    sql = "INSERT INTO wf_syslog (created_at, level, logger_name, message) VALUES (%s, %s, %s, %s)"
    for part in _parts(given):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(sql, part)


def ours(given: list[Any]) -> None:
    """The product's writer, from the queue to the table."""
    [queue] = given
    writer = LogWriter(queue, alias="default", batch_characters=256 * 1024, flush_seconds=0.2)
    writer.start()
    if not queue.wait_until_settled(300):
        raise SystemExit("the writer did not come to an end")
    queue.close()
    writer.join()


def as_queue(given: list[Any]) -> list[Any]:
    queue = LogQueue(2 * len(given), 2**32, BATCH)
    levels = logging.getLevelNamesMapping()
    for text, level, name, message in given:
        queue.put((levels[level], datetime.fromisoformat(text).timestamp(), level, name, message))
    return [queue]


def ready_made(given: list[Any]) -> None:
    """The limit: statements whose text was made before."""
    for statement in given:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def as_text(given: list[Any]) -> list[str]:
    head = "INSERT INTO wf_syslog (created_at, level, logger_name, message) VALUES "
    return [head + ", ".join(f"({', '.join(map(_literal, row))})" for row in part) for part in _parts(given)]


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


PREPARED: dict[Write, Callable[[list[Any]], list[Any]]] = {
    bulk_create: aware_times,
    ours: as_queue,
    ready_made: as_text,
}

if __name__ == "__main__":
    main()
