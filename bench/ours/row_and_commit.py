"""The limit for a durable step: the row of our record and a COMMIT, over the driver of Django."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from bench.contest import serve
from bench.ours import durable
from bench.ours.site import commits_of, open_site


def prepare(steps: int) -> Callable[[], Any]:
    from django.db import connection

    durable.prepare(steps)()
    columns, rows = _rows_of_the_last_run(steps)
    places = ", ".join(["?" if connection.vendor == "sqlite" else "%s"] * len(columns))
    insert = f"INSERT INTO wf_step_run ({', '.join(map(connection.ops.quote_name, columns))}) VALUES ({places})"
    begin, attempt, result = _begin(connection.connection), columns.index("attempt"), columns.index("result")
    cursor, commit, numbers = connection.connection.cursor(), connection.connection.commit, count(2)

    def run() -> Any:
        number = next(numbers)
        for row in rows:
            row[attempt] = number
            begin()
            cursor.execute(insert, row)
            commit()
        return json.loads(rows[-1][result])["msg"]

    return run


def _rows_of_the_last_run(steps: int) -> tuple[list[str], list[list[Any]]]:
    """Return the columns but the id, and rows of just the values that a run writes."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM wf_step_run ORDER BY id DESC LIMIT {steps}")
        columns = [column[0] for column in cursor.description]
        at = columns.index("id")
        rows = [[*row[:at], *row[at + 1 :]] for row in cursor.fetchall()]
    return [column for column in columns if column != "id"], rows[::-1]


def _begin(raw: Any) -> Callable[[], Any]:
    """Return what begins a transaction; in MySQL, the last one's end does."""
    if hasattr(raw, "autocommit"):
        raw.autocommit(False)
        return lambda: None
    return lambda: raw.execute("BEGIN IMMEDIATE")


if __name__ == "__main__":
    open_site()
    serve(prepare, commits_of=commits_of)
