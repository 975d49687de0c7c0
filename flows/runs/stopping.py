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
_ABANDON_SECONDS = 3.0
_FLUSH_SECONDS = 5.0
_ASK_SECONDS = 0.1


class Stop:
    """Whether this process was told to end, and by which signal."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None

    def sleep(self, seconds: float, look: Callable[[], None]) -> None:
        """Wait, and call `look` ten times a second; what it raises ends the wait."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            look()
            time.sleep(min(left, _ASK_SECONDS))
        look()


@contextlib.contextmanager
def stopped_by_signals(abandon: Callable[[], None]) -> Iterator[Stop]:
    """Take down the first SIGTERM or SIGINT; a second one, or the end of the grace time, ends the process at once.

    `abandon` is called before that, in a thread of its own. Does nothing where somebody else handles the signals
    already (gunicorn, Celery), and outside of the main thread.
    """
    stop = Stop()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or any(signal.getsignal(number) not in _MAY_BE_REPLACED for number in _SIGNALS):
        yield stop
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

    before = {number: signal.signal(number, take_down) for number in _SIGNALS}
    try:
        yield stop
    finally:
        grace.cancel()
        for number, handler in before.items():
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
