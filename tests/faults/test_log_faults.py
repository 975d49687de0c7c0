"""What may go wrong with logging, at full length: make faults. The short forms are in tests/test_log_*.py."""

import json
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
import pytest
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker, Settings

from flows.log_handler import DatabaseLogHandler
from flows.log_rows import Values
from flows.log_writer import LogWriter
from flows.models import SysLog
from tests.conftest import ROOT
from tests.servers import MariaDB
from tests.test_log_file import LINE, processes_write
from tests.test_log_process import terminated

pytestmark = pytest.mark.faults

MAKE_HANDLER = Callable[..., DatabaseLogHandler]


@pytest.fixture
def log() -> logging.Logger:
    made = logging.getLogger("tests.log_faults")
    made.propagate = False
    made.setLevel(logging.DEBUG)
    return made


@pytest.fixture
def make_handler(log: logging.Logger) -> Iterator[MAKE_HANDLER]:
    made: list[DatabaseLogHandler] = []

    def make(alias: str = "default", **arguments: Any) -> DatabaseLogHandler:
        handler = DatabaseLogHandler(alias, **arguments)
        log.addHandler(handler)
        made.append(handler)
        return handler

    yield make
    for handler in made:
        log.removeHandler(handler)
        handler.close()


def messages() -> list[str]:
    return list(SysLog.objects.order_by("id").values_list("message", flat=True))


@pytest.mark.django_db(transaction=True)
def test_two_thousand_forks_hang_nowhere_and_write_each_row_once(
    log: logging.Logger, make_handler: MAKE_HANDLER
) -> None:
    handler = make_handler()
    for first in range(0, 2000, 10):
        children = []
        for name in range(first, first + 10):
            log.info("parent %d", name)
            children.append(child_of_a_fork(log, handler, name))
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert codes == [0] * len(children), f"of the children from {first} on"
    assert handler.flush()
    found = Counter(messages())
    assert found == Counter([f"{kind} {name}" for kind in ("parent", "child") for name in range(2000)])


def child_of_a_fork(log: logging.Logger, handler: DatabaseLogHandler, name: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        log.info("child %d", name)
        code = 0 if handler.flush(30) else 2
    finally:
        os._exit(code)


@pytest.mark.django_db(transaction=True)
def test_a_thousand_rollbacks_keep_every_row(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    handler = make_handler()
    for number in range(1000):
        with transaction.atomic():
            log.info("row %d", number)
            transaction.set_rollback(True)
    assert handler.flush()
    assert messages() == [f"row {number}" for number in range(1000)]


@pytest.mark.django_db(transaction=True)
def test_a_million_records_against_a_slow_table_are_all_counted(
    log: logging.Logger, make_handler: MAKE_HANDLER, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = LogWriter._insert

    def insert_slowly(writer: LogWriter, rows: Sequence[Values]) -> int:
        time.sleep(0.02)
        return insert(writer, rows)

    monkeypatch.setattr(LogWriter, "_insert", insert_slowly)
    handler = make_handler()

    def emit(name: int) -> None:
        for number in range(250_000):
            log.log(logging.WARNING if number % 100 == 0 else logging.INFO, "%d %d", name, number)

    threads = [threading.Thread(target=emit, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.flush(60)
    handler.close()
    stats = handler.stats()
    assert (stats.emitted, stats.waiting) == (1_000_000, 0)
    assert stats.written + stats.dropped == 1_000_000
    assert stats.dropped > 0
    assert handler.dropped()["WARNING"] == 0
    rows = SysLog.objects.filter(logger_name=log.name)
    reports = SysLog.objects.exclude(logger_name=log.name).values_list("message", flat=True)
    assert rows.count() == stats.written
    assert rows.filter(level="WARNING").count() == 10_000
    assert sum(int(text.split()[0]) for text in reports) == stats.dropped


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_records_of_a_root_at_debug_do_not_recurse(
    make_handler: MAKE_HANDLER, log: logging.Logger, settings: Settings
) -> None:
    settings.DEBUG = True
    handler = make_handler()
    log.removeHandler(handler)
    root, queries = logging.getLogger(), logging.getLogger("django.db.backends")
    levels = root.level, queries.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    queries.setLevel(logging.DEBUG)
    try:
        for _ in range(10_000):
            logging.getLogger("tests.other").debug("x")
        assert handler.flush()
        time.sleep(1)
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        queries.setLevel(levels[1])
    assert handler.stats() == (10_000, 10_000, 0, 0)
    assert SysLog.objects.count() == 10_000


@pytest.mark.django_db(transaction=True)
def test_fifty_times_sigterm_loses_no_row(tmp_path: Path) -> None:
    chance = random.Random(4)
    for attempt in range(50):
        SysLog.objects.all().delete()
        folder = tmp_path / str(attempt)
        folder.mkdir()
        last = terminated(folder, after_seconds=chance.uniform(0, 0.3))
        expected = [*(f"row {number}" for number in range(1000)), *(f"late {number}" for number in range(last + 1))]
        rows = SysLog.objects.filter(logger_name="tests.program").order_by("id").values_list("message", flat=True)
        assert [*rows][: len(expected)] == expected, f"attempt {attempt}"


@pytest.mark.no_database
def test_eight_processes_write_800_000_lines_to_one_file_that_rotates(log: logging.Logger, tmp_path: Path) -> None:
    size = 8 * 100_000 * len(LINE % (1, 50_000))
    files, lines = processes_write(
        log, tmp_path / "flows.log", processes=8, lines=100_000, room=(size // 21, 100)
    )  # fmt: skip
    assert files > 20
    assert len(lines) == 800_000
    assert Counter(lines) == Counter(LINE % (name, number) for name in range(8) for number in range(100_000))
    for handler in log.handlers[:]:
        log.removeHandler(handler)


# A server that is in trouble


@pytest.fixture
def server(own_mariadb_server: MariaDB, django_db_blocker: DjangoDbBlocker) -> Iterator[MariaDB]:
    """A server of this test alone, with the table, and with a user `logs` who has no right yet."""
    own_mariadb_server.create_database("wf")
    definition = (ROOT / "tests" / "legacy_tables.sql").read_text().split(";\n")[1]
    own_mariadb_server.execute(definition, "wf")
    own_mariadb_server.execute("CREATE USER logs@localhost")
    own_mariadb_server.execute("GRANT SELECT ON wf.* TO logs@localhost")
    url = own_mariadb_server.url("wf").replace("root@", "logs@")
    with django_db_blocker.unblock(), known_as("logs", url):
        yield own_mariadb_server


@contextmanager
def known_as(alias: str, url: str) -> Iterator[None]:
    config = environ.Env.db_url_config(url)
    connections.settings[alias] = connections.configure_settings({"default": config})["default"]
    try:
        yield
    finally:
        del connections.settings[alias]


def rows_of(server: MariaDB) -> list[tuple[Any, ...]]:
    return server.execute("SELECT created_at, message FROM wf_syslog ORDER BY id", "wf")


@pytest.mark.no_database
def test_a_server_that_dies_five_times_during_100_000_records_loses_and_doubles_none(
    log: logging.Logger, make_handler: MAKE_HANDLER, server: MariaDB
) -> None:
    server.execute("GRANT INSERT ON wf.* TO logs@localhost")
    handler = make_handler("logs", capacity=100_000)
    ended = threading.Event()

    def emit() -> None:
        for number in range(100_000):
            log.info("row %d", number)
            if number % 100 == 0:
                time.sleep(0.02)
        ended.set()

    thread = threading.Thread(target=emit)
    thread.start()
    chance = random.Random(5)
    deaths = 0
    while deaths < 5:
        time.sleep(chance.uniform(1, 3))
        assert not ended.is_set(), "the records came to an end before the server had died five times"
        server.kill9()
        deaths += 1
        time.sleep(chance.uniform(0, 1))
        server.start()
    thread.join()
    assert handler.flush(30)
    assert handler.stats() == (100_000, 100_000, 0, 0)
    found = rows_of(server)
    assert [text for _, text in found] == [f"row {number}" for number in range(100_000)]
    times = [moment for moment, _ in found]
    assert times == sorted(times)


def deny_insert(server: MariaDB) -> Callable[[], Any]:
    return lambda: server.execute("GRANT INSERT ON wf.* TO logs@localhost")


def read_only(server: MariaDB) -> Callable[[], Any]:
    server.execute("GRANT INSERT ON wf.* TO logs@localhost")
    server.execute("SET GLOBAL read_only = 1")
    return lambda: server.execute("SET GLOBAL read_only = 0")


def table_missing(server: MariaDB) -> Callable[[], Any]:
    server.execute("GRANT INSERT ON wf.* TO logs@localhost")
    server.execute("RENAME TABLE wf_syslog TO away", "wf")
    return lambda: server.execute("RENAME TABLE away TO wf_syslog", "wf")


def table_locked(server: MariaDB) -> Callable[[], Any]:
    import MySQLdb  # noqa: PLC0415  (may be missing)

    server.execute("GRANT INSERT ON wf.* TO logs@localhost")
    holder = MySQLdb.connect(unix_socket=str(server.socket), user="root", database="wf")
    holder.cursor().execute("LOCK TABLES wf_syslog WRITE")
    return lambda: holder.close()  # noqa: PLW0108  (the driver has no types)


def no_connections_left(server: MariaDB) -> Callable[[], Any]:
    server.execute("GRANT INSERT ON wf.* TO logs@localhost")
    server.execute("ALTER USER logs@localhost ACCOUNT LOCK")
    return lambda: server.execute("ALTER USER logs@localhost ACCOUNT UNLOCK")


@pytest.mark.no_database
@pytest.mark.parametrize("trouble", [deny_insert, read_only, table_missing, table_locked, no_connections_left])
def test_rows_wait_for_a_server_in_trouble_and_go_on_by_themselves(
    log: logging.Logger,
    make_handler: MAKE_HANDLER,
    server: MariaDB,
    capsys: pytest.CaptureFixture[str],
    trouble: Callable[[MariaDB], Callable[[], Any]],
) -> None:
    mend = trouble(server)
    handler = make_handler("logs")
    began = time.monotonic()
    for number in range(10_000):
        log.info("row %d", number)
    assert time.monotonic() - began < 3
    time.sleep(2)
    assert handler.stats() == (10_000, 0, 0, 10_000)
    mend()
    mended = time.monotonic()
    while handler.stats().written == 0:
        assert time.monotonic() - mended < 2
        time.sleep(0.01)
    assert handler.flush(10)
    assert [text for _, text in rows_of(server)] == [f"row {number}" for number in range(10_000)]
    # One that only waits for a lock has nothing to say yet.
    assert capsys.readouterr().err.count("\n") == (trouble is not table_locked)


FULL_DISK = """
import json, logging, resource, signal, sys
import django
django.setup()
from flows.log_handler import DatabaseLogHandler
from flows.models import SysLog

log = logging.getLogger("tests.full")
log.propagate = False
log.setLevel(logging.INFO)
handler = DatabaseLogHandler()
log.addHandler(handler)
log.info("before")
assert handler.flush()
# No file may grow any more; to the writer that is a disk without room.
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
for number in range(5000):
    log.info("row %d %s", number, "x" * 500)
full = handler.flush(2), *handler.stats()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
after = handler.flush(10), *handler.stats()
print(json.dumps([full, after, SysLog.objects.filter(logger_name="tests.full").count()]))
"""


@pytest.mark.no_database
def test_rows_wait_for_a_disk_that_is_full(tmp_path: Path, manage: Callable[..., Any]) -> None:
    site = {"DATABASE_URL": f"sqlite:///{tmp_path / 'site.sqlite3'}", "LOG_DIR": str(tmp_path / "log")}
    assert manage("createtables", **site).returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        cwd=ROOT,
        env={**os.environ, **site},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    full, after, rows = json.loads(done.stdout)
    assert full == [False, 5001, 1, 0, 5000]
    assert after == [True, 5001, 5001, 0, 0]
    assert rows == 5001
    assert done.stderr.count("\n") == 1
