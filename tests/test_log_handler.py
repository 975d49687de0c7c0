"""The database log handler keeps every row it can, and its caller never feels it."""

import asyncio
import contextvars
import logging
import multiprocessing
import os
import re
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError, connection, transaction
from pytest_django import Settings

from flows.engine.current import CurrentStep, current_step
from flows.log_context import RunContextFilter
from flows.log_handler import LEAST_MEMORY, DatabaseLogHandler, database_log_stats, flush_database_log
from flows.log_rows import Values
from flows.log_writer import LogWriter, writer_threads
from flows.models import SysLog
from tests.environment import ZONE

ROOT = Path(__file__).resolve().parent.parent
MAKE_HANDLER = Callable[..., DatabaseLogHandler]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log() -> logging.Logger:
    made = logging.getLogger("tests.log_handler")
    made.propagate = False
    made.setLevel(logging.DEBUG)
    return made


@pytest.fixture
def make_handler(log: logging.Logger) -> Iterator[MAKE_HANDLER]:
    made: list[DatabaseLogHandler] = []

    def make(**arguments: Any) -> DatabaseLogHandler:
        handler = DatabaseLogHandler(**arguments)
        handler.addFilter(RunContextFilter())
        log.addHandler(handler)
        made.append(handler)
        return handler

    yield make
    for handler in made:
        log.removeHandler(handler)
        handler.close()


@pytest.fixture
def handler(make_handler: MAKE_HANDLER) -> DatabaseLogHandler:
    return make_handler()


def messages() -> list[str]:
    return list(SysLog.objects.order_by("id").values_list("message", flat=True))


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@contextmanager
def table_away() -> Iterator[None]:
    execute("ALTER TABLE wf_syslog RENAME TO wf_syslog_away")
    try:
        yield
    finally:
        execute("ALTER TABLE wf_syslog_away RENAME TO wf_syslog")


def wait_until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    give_up = time.monotonic() + seconds
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.01)
    return condition()


# The row


def made_at(moment: datetime, text: str = "x") -> logging.LogRecord:
    record = logging.LogRecord("tests.log_handler", logging.INFO, "x.py", 1, text, None, None)
    record.created = moment.timestamp()
    return record


def test_a_row_has_its_four_columns(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    before = time.time()
    log.warning("msg=%s", {"a": 1})
    assert handler.flush()
    row = SysLog.objects.get()
    assert (row.level, row.logger_name, row.message) == ("WARNING", "tests.log_handler", "msg={'a': 1}")
    assert before - 0.001 <= row.created_at.timestamp() <= time.time()


@pytest.mark.parametrize("text", ["08:39:02.002", "08:39:02.000", "23:59:59.999", "08:39:02.120"])
def test_created_at_is_the_time_of_the_record_as_django_writes_it(handler: DatabaseLogHandler, text: str) -> None:
    moment = datetime.fromisoformat(f"2025-12-19T{text}").replace(tzinfo=ZoneInfo(ZONE))
    handler.handle(made_at(moment.replace(microsecond=moment.microsecond + 999)))
    assert handler.flush()
    SysLog.objects.create(created_at=moment, level="INFO", logger_name="django", message="")
    with connection.cursor() as cursor:
        cursor.execute("SELECT CAST(created_at AS CHAR) FROM wf_syslog ORDER BY id")
        (ours,), (djangos,) = cursor.fetchall()
    assert ours == djangos
    assert ours.startswith(f"2025-12-19 {text.removesuffix('.000')}")
    assert SysLog.objects.filter(created_at=moment).count() == 2
    assert SysLog.objects.filter(created_at__lt=moment).count() == 0


def test_a_traceback_follows_the_message(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    try:
        int("bad")
    except ValueError:
        log.exception("step failed")
    assert handler.flush()
    lines = messages()[0].split("\n")
    assert lines[0:2] == ["step failed", "Traceback (most recent call last):"]
    assert lines[-1].startswith("ValueError: invalid literal")


def test_a_row_from_inside_a_step_can_be_found_by_flow_and_step(
    log: logging.Logger, handler: DatabaseLogHandler
) -> None:
    token = current_step.set(CurrentStep("hello", 12, "step1"))
    log.info("inside")
    current_step.reset(token)
    log.info("outside")
    assert handler.flush()
    assert messages() == ["[flow=hello run=12 step=step1] inside", "outside"]


def test_a_thread_that_carries_the_context_logs_for_the_same_step(
    log: logging.Logger, handler: DatabaseLogHandler
) -> None:
    token = current_step.set(CurrentStep("hello", 12, "step1"))
    carried = threading.Thread(target=contextvars.copy_context().run, args=(log.info, "carried"))
    plain = threading.Thread(target=log.info, args=("plain",))
    for thread in (carried, plain):
        thread.start()
        thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(contextvars.copy_context().run, log.info, "pooled").result()
    asyncio.run(asyncio.to_thread(log.info, "awaited"))
    current_step.reset(token)
    assert handler.flush()
    where = "[flow=hello run=12 step=step1]"
    assert messages() == [f"{where} carried", "plain", f"{where} pooled", f"{where} awaited"]


def test_a_call_with_wrong_arguments_is_kept_and_marked(
    handler: DatabaseLogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    # Past the logger: pytest's own handler fails a test whose record cannot be merged.
    record = made_at(datetime.now(ZoneInfo(ZONE)), "%d rows")
    record.args = ("many",)
    handler.handle(record)
    assert handler.flush()
    assert messages()[0].startswith("%d rows [wrong arguments in this log call: ('many',); TypeError")
    assert capsys.readouterr().err == ""


def test_odd_rows_are_cut_or_escaped_and_written(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    log.info("é" * 100_000)
    log.info("a\x00b")
    log.info("a\ud800b 🎉 %s", "\x1b[0m\u202e")
    long_name = made_at(datetime.now(ZoneInfo(ZONE)), "named")
    long_name.name, long_name.levelname = "n" * 300, "L" * 30
    handler.handle(long_name)
    assert handler.flush()
    assert handler.stats() == (4, 4, 0, 0)
    long, nul, surrogate, named = SysLog.objects.order_by("id")
    assert len(long.message.encode()) <= 65_535
    assert re.fullmatch(r"é+\n… cut: the whole text has 200,000 bytes …\né+", long.message)
    assert nul.message == r"a\x00b"
    assert surrogate.message == "a\\ud800b 🎉 \x1b[0m\u202e"
    assert (len(named.logger_name), named.logger_name[-2:], len(named.level)) == (64, "n…", 16)


@pytest.mark.parametrize(
    ("charset", "stored"),
    [("utf8mb3", ["plain", "每晚", r"a \U0001f389"]), ("latin1", ["plain", r"\u6bcf\u665a", r"a \U0001f389"])],
)
def test_characters_that_the_column_lacks_are_escaped(
    log: logging.Logger, handler: DatabaseLogHandler, charset: str, stored: list[str]
) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has one character set")
    execute(f"ALTER TABLE wf_syslog MODIFY message TEXT CHARACTER SET {charset} NOT NULL")
    try:
        for text in ("plain", "每晚", "a 🎉"):
            log.info("%s", text)
        assert handler.flush()
        assert messages() == stored
        assert handler.stats() == (3, 3, 0, 0)
    finally:
        execute("ALTER TABLE wf_syslog MODIFY message TEXT CHARACTER SET utf8mb4 NOT NULL")


# The caller


def test_there_is_no_thread_before_the_first_row(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    # The writers of other handlers may be there already.
    before = set(threading.enumerate())
    assert handler.flush()
    assert set(threading.enumerate()) <= before
    log.info("x")
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["flows-log-writer"]


def test_the_handler_loads_no_django_before_the_first_row() -> None:
    code = "import sys, flows.log_handler as h; h.DatabaseLogHandler(); sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_rows_stay_when_their_transaction_rolls_back(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    for number in range(1000):
        with transaction.atomic():
            log.info("row %d", number)
            transaction.set_rollback(True)
    assert handler.flush()
    assert messages() == [f"row {number}" for number in range(1000)]


def test_a_caller_inside_an_open_write_transaction_never_waits(
    log: logging.Logger, handler: DatabaseLogHandler
) -> None:
    with transaction.atomic():
        SysLog.objects.create(created_at=datetime.now(ZoneInfo(ZONE)), level="INFO", logger_name="x", message="own")
        began = time.monotonic()
        for _ in range(3000):
            log.info("x")
        handler.flush(0.5)
        assert time.monotonic() - began < 2
    assert handler.flush()
    assert SysLog.objects.filter(message="x").count() == 3000


def test_many_threads_lose_no_row(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    def work(name: int) -> None:
        for number in range(2000):
            log.info("%d %d", name, number)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert handler.flush(20)
    found = messages()
    assert handler.stats() == (8000, 8000, 0, 0)
    for name in range(4):
        assert [text for text in found if text.startswith(f"{name} ")] == [f"{name} {n}" for n in range(2000)]


def test_the_handler_does_not_log_itself(make_handler: MAKE_HANDLER, settings: Settings) -> None:
    settings.DEBUG = True
    handler = make_handler()
    root, queries = logging.getLogger(), logging.getLogger("django.db.backends")
    levels = root.level, queries.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    queries.setLevel(logging.DEBUG)
    try:
        for _ in range(2000):
            logging.getLogger("tests.other").debug("x")
        assert handler.flush()
        time.sleep(0.5)
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        queries.setLevel(levels[1])
    assert handler.stats() == (2000, 2000, 0, 0)
    assert SysLog.objects.count() == 2000


def test_a_log_call_of_the_writer_is_ignored(make_handler: MAKE_HANDLER) -> None:
    handler = make_handler()

    def log_in_the_writer() -> None:
        writer_threads.add(threading.get_ident())
        handler.handle(made_at(datetime.now(ZoneInfo(ZONE))))
        writer_threads.discard(threading.get_ident())

    thread = threading.Thread(target=log_in_the_writer)
    thread.start()
    thread.join()
    assert handler.stats().emitted == 0


# Trouble


def test_rows_wait_for_a_table_that_is_missing(
    log: logging.Logger, handler: DatabaseLogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    with table_away():
        for number in range(10):
            log.info("row %d", number)
        assert not handler.flush(0.5)
        assert handler.stats() == (10, 0, 0, 10)
    assert handler.flush()
    assert messages() == [f"row {number}" for number in range(10)]
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "wf_syslog" in error
    assert "createtables" in error


def test_writing_goes_on_by_itself_when_the_table_is_there(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    with table_away():
        log.info("x")
        handler.flush(0.5)
    assert wait_until(lambda: handler.stats().waiting == 0)


def test_a_full_queue_drops_exactly_what_it_says_and_warnings_last(
    log: logging.Logger, make_handler: MAKE_HANDLER
) -> None:
    handler = make_handler(capacity=500, batch_rows=20)
    with table_away():
        for number in range(2000):
            log.info("info %d", number)
        for number in range(300):
            log.error("error %d", number)
        waiting = handler.stats()
        assert (waiting.emitted, waiting.written, waiting.waiting) == (2300, 0, 500)
        assert waiting.dropped == 1800
    assert handler.flush()
    handler.close()
    stats = handler.stats()
    assert (stats.emitted, stats.written, stats.waiting) == (2300, 500, 0)
    assert stats.written + stats.dropped == 2300
    found = messages()
    assert [text for text in found if text.startswith("error")] == [f"error {number}" for number in range(300)]
    reports = [text for text in found if "log records were dropped" in text]
    assert sum(int(text.split()[0]) for text in reports) == 1800
    assert len(found) == 500 + len(reports)
    assert "1800 INFO" in reports[0]


def test_rows_go_on_within_one_interval_after_an_outage(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    handler = make_handler(flush_seconds=0.2)
    with table_away():
        log.info("x")
        time.sleep(2)
    began = time.monotonic()
    assert wait_until(lambda: handler.stats().waiting == 0)
    # One interval, and the time of a few statements on a busy machine.
    assert time.monotonic() - began < 0.2 + 0.5


def test_memory_is_bounded_by_bytes_as_well(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    handler = make_handler(capacity=100_000, capacity_bytes=LEAST_MEMORY)
    with table_away():
        for _ in range(100):
            log.info("i" * 50_000)
        waiting = handler.stats().waiting
        # The last fifth is for WARNING and above.
        assert waiting == int(LEAST_MEMORY * 0.8 / 50_400)
        for number in range(1000):
            log.info("short %d", number)
        log.error("e" * 60_000)
        for _ in range(100):
            log.error("e" * 60_000)
        assert handler._queue.size() <= LEAST_MEMORY
        assert handler.stats().emitted == 1201
    assert handler.flush()
    stats = handler.stats()
    assert stats.written + stats.dropped == 1201
    assert handler.dropped().total() == stats.dropped
    # How many had room depends on what the writer held at that moment.
    assert 0 < SysLog.objects.filter(level="ERROR").count() <= LEAST_MEMORY // 60_400
    assert handler._queue.size() == 0


def test_drops_are_counted_by_level(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    handler = make_handler(capacity=10)
    with table_away():
        for level in (logging.DEBUG, logging.INFO, logging.ERROR):
            for _ in range(10):
                log.log(level, "x")
        assert handler.dropped() == {"DEBUG": 10, "INFO": 10}


def test_the_caller_of_a_full_queue_never_waits(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    handler = make_handler(capacity=500)
    with table_away():
        began = time.monotonic()
        for _ in range(20_000):
            log.info("x")
        assert time.monotonic() - began < 5
        stats = handler.stats()
        assert (stats.emitted, stats.written) == (20_000, 0)
        assert stats.waiting <= 500


def test_one_bad_row_of_a_thousand_is_given_up_and_reported(
    log: logging.Logger, handler: DatabaseLogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse = (
        "IF NEW.message = 'poison' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no poison'; END IF"
        if connection.vendor == "mysql"
        else "BEGIN SELECT RAISE(ABORT, 'no poison') WHERE NEW.message = 'poison'; END"
    )
    execute(f"CREATE TRIGGER refuse_poison BEFORE INSERT ON wf_syslog FOR EACH ROW {refuse}")
    try:
        for number in range(1000):
            log.info("poison" if number == 777 else f"row {number}")
        assert handler.flush()
        handler.close()
    finally:
        execute("DROP TRIGGER refuse_poison")
    assert handler.stats() == (1000, 999, 1, 0)
    rows = messages()
    # Where the queue runs empty before the last row comes, the report stands before it.
    (report,) = [row for row in rows if not row.startswith("row ")]
    assert [row for row in rows if row != report] == [f"row {number}" for number in range(1000) if number != 777]
    assert report.startswith("1 log records were dropped (1 INFO)")
    assert "no poison" in capsys.readouterr().err


def test_rows_whose_reply_was_lost_are_not_written_twice(
    log: logging.Logger, handler: DatabaseLogHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no replies that could be lost")
    log.info("same")
    assert handler.flush()
    insert = LogWriter._insert
    losses = iter([True, True])

    def insert_and_lose_the_reply(writer: LogWriter, rows: Sequence[Values]) -> int:
        last_id = insert(writer, rows)
        if next(losses, False):
            raise OperationalError(2013, "Lost connection to server during query")
        return last_id

    monkeypatch.setattr(LogWriter, "_insert", insert_and_lose_the_reply)
    log.info("same")
    log.info("same")
    log.info("other")
    assert handler.flush()
    assert messages() == ["same", "same", "same", "other"]
    assert handler.stats() == (4, 4, 0, 0)


def test_flush_and_close_take_five_seconds_together_at_most(
    log: logging.Logger, handler: DatabaseLogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    with table_away():
        log.info("x")
        handler.flush(0.2)
        began = time.monotonic()
        logging.shutdown([weakref.ref(handler)])
        assert time.monotonic() - began < 5.5
    assert wait_until(lambda: handler.stats().waiting == 0)


def test_the_module_flushes_every_handler(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    log.info("x")
    assert flush_database_log(5)
    assert messages() == ["x"]


def test_the_module_counts_for_every_handler(log: logging.Logger, make_handler: MAKE_HANDLER) -> None:
    before = database_log_stats()
    make_handler()
    make_handler()
    log.info("x")
    assert flush_database_log(5)
    after = database_log_stats()
    assert (after.emitted - before.emitted, after.written - before.written, after.waiting) == (2, 2, 0)


@pytest.mark.parametrize(
    "arguments",
    [{"capacity": 4}, {"capacity_bytes": 1000}, {"batch_rows": 0}, {"batch_bytes": 0}, {"flush_seconds": 0}],
)
def test_sizes_that_cannot_work_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        DatabaseLogHandler(**arguments)


def test_a_closed_handler_still_takes_rows(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    log.info("before")
    handler.close()
    log.info("after")
    assert handler.flush()
    assert messages() == ["before", "after"]


# The end of a process, and the beginning of another


def child_of_a_fork(log: logging.Logger, handler: DatabaseLogHandler, name: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for number in range(3):
            log.info("child %d %d", name, number)
        code = 0 if handler.flush(20) else 2
    finally:
        os._exit(code)


def test_fifty_forks_hang_nowhere_and_write_each_row_once(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    children = []
    for name in range(50):
        log.info("parent %d", name)
        children.append(child_of_a_fork(log, handler, name))
        if name % 5 == 4:
            codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            assert codes == [0] * len(children)
            children.clear()
    assert handler.flush()
    expected = [f"parent {name}" for name in range(50)]
    expected += [f"child {name} {number}" for name in range(50) for number in range(3)]
    assert sorted(messages()) == sorted(expected)


def test_the_parent_goes_on_after_a_child_that_ended_in_order(log: logging.Logger, handler: DatabaseLogHandler) -> None:
    log.info("before")
    assert handler.flush()
    process = multiprocessing.get_context("fork").Process(target=log.info, args=("child",))
    process.start()
    process.join(20)
    assert process.exitcode == 0
    log.info("after")
    assert handler.flush()
    assert sorted(messages()) == ["after", "before", "child"]
    assert handler.stats().written == 2
