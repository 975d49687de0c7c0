"""Keep the log rows of a plain process that is told to end: by default SIGTERM ends Python without any clean-up."""

import contextlib
import os
import signal
import sys
import threading
import time
from _thread import start_new_thread
from collections.abc import Iterator
from types import FrameType

from flows.log_handler import database_log_in_use_here, flush_database_log

_FLUSH_SECONDS = 5.0
_AGAIN_SECONDS = 0.001


@contextlib.contextmanager
def flushed_at_sigterm() -> Iterator[None]:
    """Let SIGTERM write the log rows that wait, for at most 5 seconds, and end the process with exit code 143.

    Does nothing where somebody else handles SIGTERM already (gunicorn, Celery), and outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, flush_and_exit)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def flush_and_exit(number: int, _frame: FrameType | None) -> None:
    """Handle a signal: write the log rows that wait, and end the process."""
    # The signal interrupts the main thread anywhere. In the middle of a log call it has to finish that first.
    if database_log_in_use_here():
        start_new_thread(_send_again, (number,))
        return
    flush_database_log(_FLUSH_SECONDS)
    for stream in (sys.stdout, sys.stderr):
        # What was interrupted may be a print: its stream cannot be used again.
        with contextlib.suppress(Exception):
            stream.flush()
    # Not sys.exit: a step would be taken for failed, and the run go on. Not the signal itself: the first process of a
    # container does not die of it.
    os._exit(128 + number)


def _send_again(number: int) -> None:
    time.sleep(_AGAIN_SECONDS)
    signal.pthread_kill(threading.main_thread().ident or 0, number)
