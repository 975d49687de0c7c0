"""commits: how many commits a second one database carries, by how many connections commit at the same time."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import draw
from bench.outcome import Outcome, duration
from bench.rounds import Effort, Samples
from tests import needs
from tests.servers import DURABLE, MariaDB

CONNECTIONS = (1, 4, 16, 64)
_INSERT = "INSERT INTO steps (run, params, result) VALUES (1, %s, %s)"
_TEXT = '{"msg": "hello"}'


def commits(effort: Effort) -> Outcome:
    """How many commits a second does one database carry?"""
    if missing := needs.missing_for_mariadb():
        raise SystemExit(missing)
    samples = Samples()
    with MariaDB(DURABLE) as server:
        server.create_database("wf")
        server.execute(
            "CREATE TABLE steps (id BIGINT AUTO_INCREMENT PRIMARY KEY, run BIGINT, params TEXT, result TEXT)", "wf"
        )
        for _ in range(min(effort.rounds, 3)):
            for number in CONNECTIONS:
                each = _seconds_a_commit(server, number, effort.seconds * 10)
                samples.seconds.setdefault("row and COMMIT", {}).setdefault(number, []).append(each)
    return Outcome(
        "commits",
        "How many commits a second does one database carry? A row of a step and a COMMIT, over so many connections.",
        "MariaDB over a socket with innodb_flush_log_at_trx_commit=1; those who commit share the two cores with the "
        "server. Commits that wait at the same time go to the disk together.",
        [("connections", "a second", "each waits", "what it does"), *(_row(number, samples) for number in CONNECTIONS)],
        [],
        samples,
        draw.bars("Commits of one database", "a second", [_bar(number, samples) for number in CONNECTIONS]),
    )  # fmt: skip


def _seconds_a_commit(server: MariaDB, number: int, seconds: float) -> float:
    """Let so many connections commit for so long; return how long a commit took, all of them together."""
    counts = [0] * number
    with _connections(server, number) as connections:
        end = time.perf_counter() + seconds
        threads = [
            threading.Thread(target=_commit_until, args=(end, connection, counts, place))
            for place, connection in enumerate(connections)
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - began) / sum(counts)


@contextmanager
def _connections(server: MariaDB, number: int) -> Iterator[list[Any]]:
    import MySQLdb  # noqa: PLC0415  (may be missing)

    with ExitStack() as stack:
        made = [
            MySQLdb.connect(unix_socket=str(server.socket), user="root", database="wf", charset="utf8mb4")
            for _ in range(number)
        ]
        for connection in made:
            stack.callback(connection.close)
        yield made


def _commit_until(end: float, connection: Any, counts: list[int], place: int) -> None:
    cursor = connection.cursor()
    while time.perf_counter() < end:
        cursor.execute(_INSERT, [_TEXT, _TEXT])
        connection.commit()
        counts[place] += 1


def _row(number: int, samples: Samples) -> tuple[str, ...]:
    each = samples.of("row and COMMIT", number).median
    return str(number), f"{1 / each:,.0f}", duration(each * number), "inserts a row, commits, waits for the disk"


def _bar(number: int, samples: Samples) -> draw.Bar:
    middle, least, most = samples.of("row and COMMIT", number)
    return draw.Bar(f"{number} at a time", 1 / middle, 1 / most, 1 / least, f"{1 / middle:,.0f}", "limit")
