"""End a call that takes too long, where the process allows it."""

import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType

from flows.engine.errors import StepTimeout

_AGAIN_SECONDS = 1.0


class _TimeUp(BaseException):
    """Raised inside a procedure whose time is over; no `except Exception` there swallows it."""


@contextmanager
def time_limit(seconds: float, message: str) -> Iterator[None]:
    """Raise `StepTimeout` with this message when the block takes longer than that many seconds.

    In the main thread an alarm interrupts also what waits in the operating system (a sleep, a read). In other threads
    the exception reaches the procedure when it next executes Python. A block that swallows the exception is
    interrupted again each second, and one that returns too late has failed all the same.
    """
    ends = monotonic() + seconds
    in_main_thread = threading.current_thread() is threading.main_thread()
    guard = _alarm if in_main_thread and hasattr(signal, "SIGALRM") else _watcher
    try:
        if seconds <= 0:
            raise _TimeUp
        with guard(seconds):
            yield
    except _TimeUp:
        raise StepTimeout(message) from None
    if monotonic() > ends:
        raise StepTimeout(message)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    armed = True

    def ring(signum: int, frame: FrameType | None) -> None:
        if armed:
            raise _TimeUp

    def disarm() -> None:
        nonlocal armed
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
    try:
        yield
    finally:
        _surely(disarm)


@contextmanager
def _watcher(seconds: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    ended = threading.Event()
    # Held while the exception is set, so that it cannot be set any more once the block is over.
    lock = threading.Lock()

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            with lock:
                if not ended.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_TimeUp))
            wait = _AGAIN_SECONDS

    def stop() -> None:
        with lock:
            ended.set()
        # An exception that was set and has not been raised yet must not hit what comes after the block.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, None)

    threading.Thread(target=watch, name="step-timeout", daemon=True).start()
    try:
        yield
    finally:
        _surely(stop)


def _surely(end: Callable[[], None]) -> None:
    """Call `end`, and once more where the time was up in the middle of it; the next exception is a second away."""
    try:
        end()
    except _TimeUp:
        end()
        raise
