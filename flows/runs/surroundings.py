"""Put back what a procedure changed around itself: transactions, logging, the working directory, signal handlers."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from flows.engine import Event, InChild, ItemSucceeded, StepRetrying, StepStarted
from flows.engine.text import describe

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# No server drops a connection that idled for less, and to ask each time would cost a round trip a step.
_MAY_BE_DROPPED_SECONDS = 1.0


class _Connection(NamedTuple):
    """A connection, and whether somebody had a transaction open around the run, who will end it."""

    wrapper: BaseDatabaseWrapper
    is_in_transaction: bool


class Surroundings:
    """The state of the process around the steps of a run: looked at before each, and put back after it.

    What is compared is what a step can break for those after it; threads that it starts are its own affair.
    """

    def __init__(self) -> None:
        # Nobody but the steps can change these while the run has the main thread.
        self._handlers = _signal_handlers()

    def look(self) -> None:
        """Take down the state before a step; `look_away` ends that."""
        self._directory = _directory()
        self._logging = _logging()
        self._used: set[str] = set()
        self._connections = [self._watched(connection) for connection in connections.all(initialized_only=True)]
        self._began = time.monotonic()

    def restore(self) -> Iterator[str]:
        """Undo what changed; yield what that was."""
        present = connections.all(initialized_only=True)
        yield from self._restore_connections(present)
        yield from self._restore_directory()
        yield from self._restore_logging()
        yield from self._restore_signals()
        self._close_what_was_dropped(present)

    def look_away(self) -> None:
        """No longer take down which connections are used."""
        for known in self._connections:
            known.wrapper.execute_wrappers.remove(self._note_use)

    def _watched(self, connection: BaseDatabaseWrapper) -> _Connection:
        connection.execute_wrappers.append(self._note_use)
        return _Connection(connection, connection.in_atomic_block)

    def _close_what_was_dropped(self, present: Iterable[BaseDatabaseWrapper]) -> None:
        """Close the connections that the server may have dropped meanwhile: the next checkpoint opens another."""
        took_long = time.monotonic() - self._began >= _MAY_BE_DROPPED_SECONDS
        for connection in present:
            if (took_long or connection.errors_occurred) and not connection.in_atomic_block:
                # The driver complains of one that is closed already; Django forgets it all the same.
                with suppress(DatabaseError, InterfaceError):
                    connection.close_if_unusable_or_obsolete()

    def _note_use(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self._used.add(context["connection"].alias)
        return execute(sql, params, many, context)

    def _restore_connections(self, present: Iterable[BaseDatabaseWrapper]) -> Iterator[str]:
        before = {known.wrapper.alias: known for known in self._connections}
        for connection in present:
            known = before.get(connection.alias)
            was_used = known is None or connection.alias in self._used or _is_left_open(connection)
            if was_used and not (known and known.is_in_transaction) and _was_rolled_back(connection):
                yield f"it left a transaction open on the database {connection.alias!r}, which was rolled back"

    def _restore_directory(self) -> Iterator[str]:
        if self._directory and _directory() != self._directory:
            try:
                os.chdir(self._directory)
                yield "it changed the working directory"
            except OSError as error:
                yield f"it changed the working directory, which cannot be put back: {describe(error)}"

    def _restore_logging(self) -> Iterator[str]:
        if _logging() == self._logging:
            return
        level, handlers, disabled, threshold = self._logging
        root = logging.getLogger()
        root.setLevel(level)
        root.handlers[:] = handlers
        root.disabled = disabled
        logging.disable(threshold)
        yield "it changed the logging of the process"

    def _restore_signals(self) -> Iterator[str]:
        present = _signal_handlers()
        if present == self._handlers:
            return
        for number, handler in self._handlers.items():
            if present[number] != handler and handler is not None:
                signal.signal(number, handler)
                yield f"it changed the handler of {signal.Signals(number).name}"


def _signal_handlers() -> dict[int, Any]:
    """Return the handlers of the signals that end a run; none but in the main thread, which alone may set them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _logging() -> tuple[int, list[logging.Handler], bool, int]:
    root = logging.getLogger()
    return root.level, list(root.handlers), root.disabled, root.manager.disable


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  (a text is all that is compared)
    except FileNotFoundError:
        return ""


def _is_left_open(connection: BaseDatabaseWrapper) -> bool:
    return connection.in_atomic_block or connection.autocommit != connection.settings_dict["AUTOCOMMIT"]


def _was_rolled_back(connection: BaseDatabaseWrapper) -> bool:
    """Roll back what a step left open on a connection; return whether there was anything."""
    if connection.connection is None and not connection.in_atomic_block:
        return False
    if _is_left_open(connection):
        _begin_anew(connection)
        return True
    try:
        is_open = _was_begun_past_django(connection)
        connection.connection.rollback()
    except Exception:  # noqa: BLE001  (drivers raise many kinds; a connection that is gone has nothing open)
        _begin_anew(connection)
        return False
    return is_open


def _was_begun_past_django(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a plain BEGIN opened a transaction; MySQL does not tell."""
    if connection.vendor == "sqlite":
        return bool(connection.connection.in_transaction)
    if not getattr(connection, "mysql_is_mariadb", False):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@in_transaction")
        return bool(cursor.fetchone()[0])


def _begin_anew(connection: BaseDatabaseWrapper) -> None:
    """Close a connection whatever state it is in, so that the server rolls back, and open another one."""
    raw, connection.connection = connection.connection, None
    # The server may be away meanwhile; then the next query opens the connection, or says so.
    with suppress(Exception):
        if raw is not None:
            raw.close()
    with suppress(Exception):
        connection.connect()


def undisturbed(events: Iterator[Event], report: Callable[[Event, str], None]) -> Iterator[Event]:
    """Yield the events of a run; what a procedure changed around itself is put back before, and reported."""
    around = Surroundings()
    last: Event | None = None
    while True:
        event, changes = _next_undisturbed(events, around) if _calls(last) else (next(events, None), [])
        if event is None:
            return
        for change in changes:
            report(event, change)
        yield event
        last = event


def _calls(event: Event | None) -> bool:
    """Return whether the engine may call a procedure after this event."""
    while isinstance(event, InChild):
        event = event.event
    return isinstance(event, StepStarted | StepRetrying | ItemSucceeded)


def _next_undisturbed(events: Iterator[Event], around: Surroundings) -> tuple[Event | None, list[str]]:
    around.look()
    try:
        event = next(events, None)
    finally:
        around.look_away()
    return event, list(around.restore())
