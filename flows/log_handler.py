"""Send log records to the table wf_syslog, at the price of one append for the caller."""

import logging
import os
import sys
import threading
import time
import weakref
from collections import Counter
from importlib import import_module
from typing import Any

from flows.log_format import message_text, traceback_text
from flows.log_notice import Notice
from flows.log_queue import LogQueue, LogStats
from flows.log_rows import MESSAGE_BYTES, shorten
from flows.log_writer import LogWriter, writer_threads

# One message may take this much, at four bytes a character.
LEAST_MEMORY = 512 * 1024

_END_SECONDS = 5.0
_FORK_SECONDS = 1.5


class DatabaseLogHandler(logging.Handler):
    """A handler for LOGGING that writes to wf_syslog over a connection of its own.

    The caller's transaction and connection are never touched, and nothing is ever raised. Rows wait in memory while
    the database is away; how many, and how they are written, the arguments say.

    alias: the database. capacity, capacity_bytes: rows that may wait, and the memory they may take.
    batch_rows, batch_bytes: size of one INSERT, at most. flush_seconds: how long a row waits for others, and how long
    the writer waits after trouble before it tries again.
    """

    def __init__(
        self,
        alias: str = "default",
        *,
        capacity: int = 20_000,
        capacity_bytes: int = 64 * 1024 * 1024,
        batch_rows: int = 500,
        batch_bytes: int = 256 * 1024,
        flush_seconds: float = 0.2,
        level: int | str = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        if capacity < 5 or capacity_bytes < LEAST_MEMORY or min(batch_rows, batch_bytes, flush_seconds) <= 0:
            raise ValueError(
                f"capacity must be at least 5, capacity_bytes at least {LEAST_MEMORY}; "
                "batch_rows, batch_bytes and flush_seconds more than 0"
            )
        self._alias = alias
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._batch_rows = batch_rows
        self._batch_bytes = batch_bytes
        self._flush_seconds = flush_seconds
        self._notice = Notice()
        self._begin()
        _handlers.add(self)

    def _begin(self) -> None:
        self._queue = LogQueue(self._capacity, self._capacity_bytes, self._batch_rows)
        self._writer: LogWriter | None = None
        self._starting = threading.Lock()
        self._gave_up_at = float("-inf")

    def handle(self, record: logging.LogRecord) -> Any:
        """Filter and emit, without the handler's lock: the queue has one, and holds it for less long."""
        passed: Any = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record into the queue. Never raises and never waits for a database."""
        try:
            if record.thread in writer_threads:
                return
            text = message_text(record)
            if (record.exc_info or record.exc_text or record.stack_info) and (trace := traceback_text(record)):
                text = f"{text}\n{trace}"
            if len(text) > MESSAGE_BYTES:
                text = shorten(text)
            self._queue.put((record.levelno, record.created, record.levelname, record.name, text))
            if self._writer is None:
                self._start()
        except Exception:  # noqa: BLE001  (a log call must not fail, whatever it was given)
            self.handleError(record)

    def _start(self) -> None:
        # Not waited for: whoever holds it starts the writer.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._writer is None:
                writer = LogWriter(
                    self._queue,
                    alias=self._alias,
                    batch_characters=self._batch_bytes,
                    flush_seconds=self._flush_seconds,
                )
                writer.start()
                self._writer = writer
                _flush_at_the_end_of_a_child(self)
        finally:
            self._starting.release()

    def flush(self, timeout: float = _END_SECONDS) -> bool:  # type: ignore[override]  # who asks may know the outcome
        """Wait until each record of before is written or dropped; return False when the time was up before that."""
        if self._writer is None:
            if not self._queue.stats().waiting:
                return True
            self._start()
        began = time.monotonic()
        done = self._queue.wait_until_settled(timeout)
        if not done:
            self._gave_up_at = began
        return done

    def close(self) -> None:
        """Write what waits, for at most 5 seconds, and end the writer."""
        # logging.shutdown() flushes first; a flush that was in vain has used up the time.
        spent = time.monotonic() - self._gave_up_at
        self._queue.close()
        if self._writer is not None and self._writer.ident != threading.get_ident():
            self._writer.join(_END_SECONDS if spent > 2 * _END_SECONDS else max(_END_SECONDS - spent, 0.01))
            if not self._writer.is_alive():
                self._writer = None
                self._queue.reopen()
        if waiting := self._queue.stats().waiting:
            self._notice.say(f"{waiting} log rows could not be written to the database {self._alias!r} in time.")
        super().close()

    def stats(self) -> LogStats:
        """Return how many records were emitted, written and dropped, and how many wait."""
        return self._queue.stats()

    def dropped(self) -> Counter[str]:
        """Return how many records were dropped, by level."""
        return self._queue.dropped()

    def in_use_here(self) -> bool:
        """Tell whether this thread was interrupted in the middle of a log call's bookkeeping."""
        return self._queue.in_use_here()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say on stderr, once a minute and without a traceback, that a record was lost."""
        self._notice.say(f"A log record of {record.name} could not be kept ({sys.exc_info()[1]!r}).")

    def hold_for_fork(self) -> LogWriter | None:
        """Wait until the writer uses neither Django nor the driver; return it, held, unless it is busy for long."""
        if self._writer is None or not self._writer.at_work.acquire(timeout=_FORK_SECONDS):
            return None
        return self._writer

    def after_fork_in_child(self) -> None:
        """Begin anew: the rows that wait, the thread and the connection are the parent's."""
        if self._writer is not None:
            self._writer.forget()
        self._begin()


_handlers: "weakref.WeakSet[DatabaseLogHandler]" = weakref.WeakSet()
_held: list[LogWriter] = []


def flush_database_log(timeout: float = _END_SECONDS) -> bool:
    """Wait until the table holds what was logged before; return False when the time was up before that."""
    deadline = time.monotonic() + timeout
    results = [handler.flush(max(deadline - time.monotonic(), 0)) for handler in list(_handlers)]
    return all(results)


def database_log_stats() -> LogStats:
    """Return what became of this process's records: emitted, written, dropped, waiting; the sum of all handlers."""
    stats = [handler.stats() for handler in list(_handlers)]
    return LogStats(*(sum(column) for column in zip(*stats, strict=True))) if stats else LogStats(0, 0, 0, 0)


def database_log_in_use_here() -> bool:
    """Tell whether this thread was interrupted in the middle of a log call: then it must go on before a flush."""
    return any(handler.in_use_here() for handler in list(_handlers))


def _before_fork() -> None:
    _held.extend(writer for handler in list(_handlers) if (writer := handler.hold_for_fork()))


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().at_work.release()


def _after_fork_in_child() -> None:
    _held.clear()
    writer_threads.clear()
    for handler in list(_handlers):
        handler.after_fork_in_child()


def _flush_at_the_end_of_a_child(handler: DatabaseLogHandler) -> None:
    """Have the handler flushed where a child process of a pool ends: such a child runs no atexit."""
    for name in ("multiprocessing", "billiard"):
        if f"{name}.util" in sys.modules:
            import_module(f"{name}.util").Finalize(handler, handler.flush, exitpriority=0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
