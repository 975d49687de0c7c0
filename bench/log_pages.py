"""What do the log pages cost, from ten thousand rows to ten million? `python -m bench.log_pages`.

A private MariaDB server, the tables as their owner has them, rows by plain multi-row INSERTs. Each round asks every
page of every size in turn through Django's test client, so that whatever else the machine does hits all alike. The
figure is the median of the rounds: the whole request, session, user and template included.

Caveat: one client, a warm server, and rows that all look alike.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.environment import site_environment
from tests.servers import FAST, MariaDB

SIZES = (10_000, 100_000, 10_000_000)
ROUNDS = 9
DAYS = 200
BEGIN = 1_777_564_800
LOGGERS = ("flows.engine.runner", "procedures.common.Kt", "procedures.shop.Prices", "root")
TABLES = Path(__file__).parent.parent / "tests" / "legacy_tables.sql"

# With `{middle}`: an id in the middle of the table; the range holds three quarters of the rows.
PAGES = {
    "newest rows": "",
    "older rows, in the middle": "?before={middle}",
    "oldest rows": "?from=oldest",
    "to a time": "?at=2026-08-01T10:00",
    "ERROR": "?level=ERROR",
    "INFO and above": "?level=INFO-up",
    "INFO, in the middle": "?level=INFO&before={middle}",
    "CRITICAL (there is none)": "?level=CRITICAL",
    "time range": "?since=2026-06-20",
    "time range, nothing in it": "?time=24h",
    "new rows (follow)": "rows/?after={last}",
    "one row with neighbours": "{middle}/change/",
    "text that is found *": "?q=items",
    "text that is not there *": "?q=absent",
    "text and level, not there *": "?q=absent&level=INFO-up",
    "text in a time range, not there *": "?q=absent&since=2026-05-01",
    "CRITICAL in a time range *": "?level=CRITICAL&since=2026-05-01",
    "ERROR in a time range *": "?level=ERROR&since=2026-06-20",
    "logger that is not there *": "?logger=absent",
    "flow, run and step *": "?flow=hello&run={run}&step=step1",
}


def statements(rows: int) -> Iterator[str]:
    """Yield the INSERTs of a log: 60 % INFO, 30 % DEBUG, 9 % WARNING, 0.5 % ERROR, no CRITICAL."""
    chance = Random(2)
    levels = ["DEBUG"] * 30 + ["INFO"] * 60 + ["WARNING"] * 9
    for begin in range(0, rows, 2000):
        values = []
        for number in range(begin, min(begin + 2000, rows)):
            luck = chance.random()
            level = "ERROR" if luck < 0.005 else chance.choice(levels)
            moment = BEGIN + number * DAYS * 86400 / rows + luck * 0.6
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}"
            place = f"[flow={('nightly', 'hello', 'prices')[number % 3]} run={number // 50} step=step{number % 5}]"
            message = f"{place} row {number} of the log, 412 items read from somewhere in {luck:.6f} s"
            values.append(f"('{text}','{level}','{LOGGERS[number % 4]}','{message}')")
        yield "INSERT INTO wf_syslog (created_at, level, logger_name, message) VALUES " + ",".join(values)


def fill(server: MariaDB, name: str, rows: int) -> None:
    import MySQLdb  # noqa: PLC0415  (may be missing)

    server.create_database(name)
    connection = MySQLdb.connect(unix_socket=str(server.socket), user="root", database=name, charset="utf8mb4")
    with connection.cursor() as cursor:
        for statement in TABLES.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                cursor.execute(statement)
        for number, statement in enumerate(statements(rows)):
            cursor.execute(statement)
            if number % 10 == 0:
                connection.commit()
        connection.commit()
        cursor.execute("ANALYZE TABLE wf_syslog")
    connection.close()


class Site:
    """The site of this process, which is turned from one database to the next."""

    def __init__(self, names: list[str]) -> None:
        import django  # noqa: PLC0415  (after the environment is set)

        django.setup()
        from django.contrib.auth.models import User  # noqa: PLC0415
        from django.core.management import call_command  # noqa: PLC0415
        from django.db import connection  # noqa: PLC0415
        from django.test import Client  # noqa: PLC0415

        self.connection = connection
        self.clients = {}
        for name in names:
            self.turn_to(name)
            call_command("migrate", verbosity=0)
            self.clients[name] = Client()
            self.clients[name].force_login(User.objects.create_superuser("bench"))

    def turn_to(self, name: str) -> None:
        self.connection.close()
        self.connection.settings_dict["NAME"] = name
        self.connection.ensure_connection()

    def milliseconds(self, name: str, address: str) -> float:
        began = time.perf_counter()
        response = self.clients[name].get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
        return (time.perf_counter() - began) * 1000

    def plans(self, name: str, address: str) -> list[str]:
        """Return the plan of each query of a page over the log, one line a step; queries alike are named once."""
        from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

        self.turn_to(name)
        with CaptureQueriesContext(self.connection) as queries:
            self.clients[name].get(address)
        ours = [query["sql"] for query in queries if "wf_syslog" in query["sql"]]
        lines: list[str] = []
        with self.connection.cursor() as cursor:
            for number, statement in enumerate(ours, 1):
                cursor.execute(f"EXPLAIN {statement}")
                found = [_step(step) for step in cursor.fetchall() if step[2] == "wf_syslog"]
                lines += [f"{number}. {step} (x{found.count(step)})" for step in dict.fromkeys(found)]
        return lines


def _step(step: tuple[Any, ...]) -> str:
    _, _, _, access, _, key, length, *_, extra = step
    return f"{access} on {key}, key_len {length}: {extra or 'no filter'}"


def address_of(page: str, rows: int) -> str:
    known = {"middle": rows // 2, "last": rows - 20, "run": (rows - 500) // 50}
    return "/admin/flows/syslog/" + page.format(**known)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES, help="sizes of the table")
    parser.add_argument("--plans", action="store_true", help="print the plans of the largest size as well")
    options = parser.parse_args()
    names = {f"log{rows}": rows for rows in options.rows}
    with MariaDB([*FAST, "--innodb-buffer-pool-size=512M"]) as server, tempfile.TemporaryDirectory() as folder:
        for name, rows in names.items():
            fill(server, name, rows)
            print(f"{rows:,} rows made", flush=True)
        os.environ.update(site_environment(Path(folder)) | {"DATABASE_URL": server.url(next(iter(names)))})
        report(Site(list(names)), names, plans=options.plans)


def report(site: Site, names: dict[str, int], *, plans: bool) -> None:
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(ROUNDS + 1):
        for name, rows in names.items():
            site.turn_to(name)
            for title, page in PAGES.items():
                milliseconds = site.milliseconds(name, address_of(page, rows))
                if number:
                    found.setdefault((title, name), []).append(milliseconds)
    print("| page | " + " | ".join(f"{rows:,}" for rows in names.values()) + " | last to first | last to second |")
    print("|---|" + "---|" * (len(names) + 2))
    for title in PAGES:
        medians = [statistics.median(found[title, name]) for name in names]
        ratios = [f"{medians[-1] / medians[place]:.2f}" for place in (0, min(1, len(medians) - 1))]
        print(f"| {title} | " + " | ".join([f"{one:.0f} ms" for one in medians] + ratios) + " |")
    largest = list(names)[-1]
    for title, page in PAGES.items() if plans else ():
        print(f"\n{title}")
        print("\n".join(site.plans(largest, address_of(page, names[largest]))))


if __name__ == "__main__":
    main()
