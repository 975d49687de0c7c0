"""Let a run that is told to end (SIGTERM, Ctrl-C) finish its step first, within a grace time."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from flows.log_handler import flush_database_log
from flows.log_signal import flush_and_exit

GRACE_SECONDS = 25.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MAY_BE_REPLACED = (signal.SIG_DFL, signal.default_int_handler, flush_and_exit)
# A shell starts what runs behind it like this, and Celery its processes.
_IGNORED = signal.SIG_IGN
_ABANDON_SECONDS = 3.0
_FLUSH_SECONDS = 5.0
_ASK_SECONDS = 0.1
_LOOK_SECONDS = 0.25

_hosts: list[Callable[[], bool]] = []


class Stop:
    """Whether this process was told to end: by a signal, which `number` names, or by the program around it."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.by_host = False

    def __bool__(self) -> bool:
        return self.by_host or self.number is not None

    @property
    def is_by_a_person(self) -> bool:
        """Whether somebody stopped this run; where there is a program around it, that one is stopped, not the run."""
        return self.number is not None and not _hosts

    def sleep(self, seconds: float, look: Callable[[], None]) -> None:
        """Wait, and call `look` ten times a second; what it raises ends the wait."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            look()
            time.sleep(min(left, _ASK_SECONDS))
        look()


def stop_with(host_stops: Callable[[], bool]) -> None:
    """Have the runs of this process and its children stop when the program around them says that it does."""
    _hosts[:] = [host_stops]


@contextlib.contextmanager
def stopped_from_outside(abandon: Callable[[], None]) -> Iterator[Stop]:
    """Take down that this process is to end; the end of the grace time, or a second signal, ends it at once.

    `abandon` is called before that, in a thread of its own.
    """
    stop = Stop()
    with _stopped_by_signals(stop, abandon), _stopped_by_host(stop, abandon):
        yield stop


@contextlib.contextmanager
def _stopped_by_host(stop: Stop, abandon: Callable[[], None]) -> Iterator[None]:
    if not _hosts:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_SECONDS):
            if _hosts[0]():
                stop.by_host = True
                break
        if not over.wait(GRACE_SECONDS):
            _end_now(stop, abandon)

    thread = threading.Thread(target=watch, name="flows-stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _stopped_by_signals(stop: Stop, abandon: Callable[[], None]) -> Iterator[None]:
    """Handle SIGTERM and SIGINT where nobody does (gunicorn, Celery's parent), and this is the main thread."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    free = {number: handler for number, handler in handlers.items() if handler in _MAY_BE_REPLACED}
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or any(handler not in (*_MAY_BE_REPLACED, _IGNORED) for handler in handlers.values()):
        yield
        return
    grace = threading.Timer(GRACE_SECONDS, lambda: _end_now(stop, abandon))
    grace.daemon = True

    def take_down(number: int, _frame: FrameType | None) -> None:
        if stop.number is None:
            stop.number = number
            _say("The run stops after the step it is at; a second signal stops it now.")
            grace.start()
        else:
            threading.Thread(target=_end_now, args=(stop, abandon), daemon=True).start()

    for number in free:
        signal.signal(number, take_down)
    try:
        yield
    finally:
        grace.cancel()
        for number, handler in free.items():
            signal.signal(number, handler)


def _end_now(stop: Stop, abandon: Callable[[], None]) -> None:
    # The main thread may be anywhere, also in a call that never returns: all is done from here.
    giving_up = threading.Thread(target=abandon, daemon=True)
    giving_up.start()
    giving_up.join(_ABANDON_SECONDS)
    flush_database_log(_FLUSH_SECONDS)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(128 + (stop.number or signal.SIGTERM))


def _say(text: str) -> None:
    with contextlib.suppress(Exception):
        sys.stderr.write(text + "\n")
