"""Write the rows of a log queue to the table, in a thread and over a connection of its own."""

import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flows.engine.text import describe
from flows.log_notice import Notice
from flows.log_queue import LogQueue, Row
from flows.log_rows import Clock, Values, ascii_only, values, without_emoji

_INSERT = "INSERT INTO wf_syslog (created_at, level, logger_name, message) VALUES "
_ROW = "(%s, %s, %s, %s)"
_NEWER = "SELECT created_at, level, logger_name, message FROM wf_syslog WHERE id > %s ORDER BY id LIMIT %s"
_NEWER_ROWS = 2_000

_REPORT_SECONDS = 10.0
# A batch that waits for a lock must fail before the connection does: a reply that comes too late would be
# taken for a failure, and the rows be written twice.
_LOCK_SECONDS = 20
_SOCKET_SECONDS = 30
_SQLITE_LOCK_SECONDS = 1

# The threads whose own records are not written: a handler that logs about itself never ends.
writer_threads: set[int] = set()


class LogWriter(threading.Thread):
    """Takes batches from the queue until it is closed and empty; trouble with the database only makes it wait."""

    def __init__(self, queue: LogQueue, *, alias: str, batch_characters: int, flush_seconds: float) -> None:
        super().__init__(name="flows-log-writer", daemon=True)
        self._queue = queue
        self._alias = alias
        self._batch_characters = batch_characters
        self._flush_seconds = flush_seconds
        self._connection: Any = None
        self._last_id: int | None = None
        self._in_doubt = 0
        self._notice = Notice()
        self._reported: Counter[str] = Counter()
        self._report_at = 0.0
        # Held while Django, the driver or stderr are in use: a fork in the middle of that leaves their locks
        # locked in the child for ever.
        self.at_work = threading.Lock()

    def run(self) -> None:
        writer_threads.add(threading.get_ident())
        try:
            while self._queue.wait_for_batch(self._flush_seconds):
                self._write_until_taken()
        finally:
            with self.at_work:
                self._disconnect()
            writer_threads.discard(threading.get_ident())

    def _write_until_taken(self) -> None:
        """Write one batch, as often as it takes; meanwhile rows wait, and the oldest of INFO are dropped."""
        # The pause does not grow: rows go on within one interval after the database is there again.
        while not self._write_batch():
            self._queue.pause(self._flush_seconds)

    def _write_batch(self) -> bool:
        with self.at_work:
            if not (self._queue.closing or _django_is_ready()):
                return False
            try:
                self._resolve_doubt()
                if rows := self._queue.take(self._batch_characters):
                    self._store(rows)
                self._report_drops()
            except Exception as error:  # noqa: BLE001  (whatever it is, the log must not end)
                self._disconnect()
                self._complain(error)
                return False
            return True

    def _store(self, rows: Sequence[Row]) -> None:
        """Write the rows in order; where they fail together but a test row does not, halve them."""
        try:
            columns = self._columns(rows)
            self._in_doubt = len(rows)
            self._last_id = self._insert(columns)
        except Exception as error:  # noqa: BLE001  (drivers raise many kinds, also for one bad row)
            # After a restart of the server a connection stays dead until it is closed.
            self._disconnect()
            self._try_the_table()
            if self._resolve_doubt():
                return
            if len(rows) == 1:
                self._store_plainer(rows[0], error)
                return
            half = len(rows) // 2
            self._store(rows[:half])
            self._store(rows[half:])
        else:
            self._settle(len(rows))

    def _columns(self, rows: Sequence[Row]) -> list[Values]:
        clock = Clock(self._connected())
        return [values(row, clock.text(row[1])) for row in rows]

    def _settle(self, count: int) -> None:
        self._in_doubt = 0
        self._queue.settle_written(count)

    def _resolve_doubt(self) -> bool:
        """Return whether the statement got in whose reply did not come; its rows are settled then.

        A server that dies around a commit says nothing more. All rows of a statement are in the table or none; ours
        are newer than the last ones we know of, and stand there in our order, with those of others in between.
        """
        if not self._in_doubt:
            return False
        if self._connected().vendor == "mysql" and self._last_id is not None and self._got_in(self._last_id):
            self._settle(self._in_doubt)
            return True
        self._in_doubt = 0
        return False

    def _got_in(self, last_id: int) -> bool:
        with self._connected().cursor() as cursor:
            cursor.execute(_NEWER, [last_id, _NEWER_ROWS])
            newer = iter([(str(created_at), *others) for created_at, *others in cursor.fetchall()])
        return all(row in newer for row in self._columns(self._queue.taken(self._in_doubt)))

    def _store_plainer(self, row: Row, error: Exception) -> None:
        """Write a row that the table refuses once more, then with ever fewer kinds of characters; or give it up."""
        for simplify in (lambda columns: columns, without_emoji, ascii_only):
            try:
                self._insert([simplify(columns) for columns in self._columns([row])])
            except Exception as another:  # noqa: BLE001  (the same)
                error = another
                self._disconnect()
            else:
                self._settle(1)
                return
        self._try_the_table()
        self._queue.settle_dropped()
        self._notice.say(f"A log row of {row[3]} was given up: the table wf_syslog refuses it ({describe(error)}).")

    def _try_the_table(self) -> None:
        """Raise unless the table takes a plain row; the row is rolled back."""
        connection = self._connected()
        connection.set_autocommit(False)
        clock = Clock(connection)
        with connection.cursor() as cursor:
            cursor.execute(_INSERT + _ROW, (clock.text(time.time()), "INFO", __name__, "(does this table take rows?)"))
        connection.rollback()
        connection.set_autocommit(True)

    def _insert(self, rows: Sequence[Values]) -> int:
        """Write all rows, all of them or none; return the id of the last (on MySQL)."""
        connection = self._connected()
        if connection.vendor != "mysql":
            # One transaction of short statements is twice as quick here as one long statement. Who catches an error
            # closes the connection, and that rolls back; to switch autocommit on again would commit.
            connection.set_autocommit(False)
            with connection.cursor() as cursor:
                cursor.executemany(_INSERT + _ROW, rows)
            connection.commit()
            connection.set_autocommit(True)
            return 0
        statement = _INSERT + ", ".join([_ROW] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(statement, [column for row in rows for column in row])
            # MySQL tells the first id of many, and gives the others one after another.
            return int(cursor.lastrowid) + len(rows) - 1

    def _report_drops(self) -> None:
        """Write one row that says how many were dropped since the last such row."""
        dropped = self._queue.dropped() - self._reported
        now = time.monotonic()
        if not dropped or (now < self._report_at and self._queue.stats().waiting):
            return
        kinds = ", ".join(f"{count} {level}" for level, count in sorted(dropped.items()))
        text = f"{dropped.total()} log records were dropped ({kinds}): the queue was full, or the table refused them"
        clock = Clock(self._connected())
        self._insert([(clock.text(time.time()), "WARNING", __name__, text)])
        self._reported += dropped
        self._report_at = now + _REPORT_SECONDS
        self._notice.say(f"{text}.")

    def _connected(self) -> Any:
        if self._connection is None:
            self._connection = _connect(self._alias)
            if self._last_id is None:
                self._last_id = _newest_id(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        with suppress(Exception):
            if connection is not None:
                connection.close()

    def _complain(self, error: Exception) -> None:
        waiting = self._queue.stats().waiting
        self._notice.say(
            f"Log rows cannot be written to the database {self._alias!r} ({describe(error)}); {waiting} wait until "
            "it takes them. `python manage.py createtables` makes the table wf_syslog where it is missing."
        )

    def forget(self) -> None:
        """Leave the connection alone for ever: it was opened before a fork and belongs to the parent."""
        if self._connection is None:
            return
        _inherited.append(self._connection)
        if self._connection.vendor == "mysql" and self._connection.connection is not None:
            # Where the child ends, the driver says goodbye to the server: not over the parent's socket.
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  (no path of ours)
                os.dup2(nowhere.fileno(), self._connection.connection.fileno())


# Kept from the garbage collector: to close such a connection would say goodbye in the parent's name.
_inherited: list[Any] = []


def _django_is_ready() -> bool:
    """Tell whether Django has loaded; until then, rows wait."""
    from django.apps import apps  # noqa: PLC0415  (LOGGING is configured before Django has loaded)

    return apps.ready


def _newest_id(connection: Any) -> int | None:
    # No table yet, or no right to read it: then nothing is known, and rows can be written all the same.
    with suppress(Exception), connection.cursor() as cursor:
        cursor.execute("SELECT MAX(id) FROM wf_syslog")
        return cursor.fetchone()[0] or 0
    return None


def _connect(alias: str) -> Any:
    """Open a connection beside the one of the caller's thread; it never waits long and tells nobody its queries."""
    from django.db import connections  # noqa: PLC0415  (the same)

    connection: Any = connections.create_connection(alias)
    options = dict(connection.settings_dict.get("OPTIONS") or {})
    if connection.vendor == "mysql":
        options.setdefault("read_timeout", _SOCKET_SECONDS)
        options.setdefault("write_timeout", _SOCKET_SECONDS)
    elif connection.vendor == "sqlite":
        options["timeout"] = _SQLITE_LOCK_SECONDS
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}
    # With DEBUG on, Django would keep the text of the last 9,000 statements.
    connection.make_debug_cursor = connection.make_cursor
    connection.ensure_connection()
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION lock_wait_timeout = %s, innodb_lock_wait_timeout = %s", [_LOCK_SECONDS] * 2)
    return connection
