"""End a call that takes too long, where the process allows it."""

import ctypes
import signal
import sys
import threading
from _thread import allocate_lock, start_new_thread
from time import monotonic
from types import FrameType, TracebackType
from typing import Literal

from flows.engine.errors import StepTimeout

_AGAIN_SECONDS = 1.0
_SOON_SECONDS = 0.001

_set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc


class _TimeUp(BaseException):
    """Raised inside a procedure whose time is over; no `except Exception` there swallows it."""


class time_limit:  # noqa: N801  (used like a function)
    """Raise `StepTimeout` with this message when the block takes longer than that many seconds.

    In the main thread an alarm interrupts also what waits in the operating system (a sleep, a read). In other threads
    the exception reaches the procedure when it next executes Python. A block that swallows the exception is
    interrupted again each second, and one that returns too late has failed all the same.
    """

    def __init__(self, seconds: float, message: str) -> None:
        self._seconds = seconds
        self._message = message

    def __enter__(self) -> None:
        self._ends = monotonic() + self._seconds
        if self._seconds <= 0:
            raise StepTimeout(self._message)
        in_main_thread = threading.current_thread() is threading.main_thread()
        self._guard = (_Alarm if in_main_thread and hasattr(signal, "SIGALRM") else _Watcher)(self._seconds)
        self._guard.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self._guard.stop()
        if isinstance(error, _TimeUp) or monotonic() > self._ends:
            raise StepTimeout(self._message) from None
        return False


def _is_ours(frame: FrameType | None) -> bool:
    """Return whether the code of this module is being executed: interrupted there, it could not clean up."""
    return frame is not None and frame.f_globals is globals()


class _Alarm:
    """Interrupt the main thread by a signal; what the caller had set for that signal comes back afterwards."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._armed = True

    def start(self) -> None:
        self._began = monotonic()
        self._timer_before = signal.getitimer(signal.ITIMER_REAL)
        self._handler_before = signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, self._seconds, _AGAIN_SECONDS)

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        if not self._armed:
            return
        if not _is_ours(frame):
            raise _TimeUp
        signal.setitimer(signal.ITIMER_REAL, _SOON_SECONDS, _AGAIN_SECONDS)

    def stop(self) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        before = self._handler_before
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
        left, interval = self._timer_before
        if left:
            # One that was due meanwhile rings at once.
            signal.setitimer(signal.ITIMER_REAL, max(left - (monotonic() - self._began), 1e-6), interval)


class _Watcher:
    """Interrupt any other thread from a thread beside it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._thread = threading.get_ident()
        self._running = True
        # Held while the exception is set, so that it cannot be set any more once the block is over.
        self._setting = allocate_lock()
        self._over = allocate_lock()
        self._started = allocate_lock()

    def start(self) -> None:
        # threading.Thread would wait for its start in code of its own, where the exception could come too early. A
        # thread that has not started bears the number of the one that made it, and would be hit in its place.
        self._over.acquire()
        self._started.acquire()
        start_new_thread(self._watch, ())
        self._started.acquire()

    def _watch(self) -> None:
        self._started.release()
        wait = self._seconds
        while not self._over.acquire(timeout=wait):
            wait = _AGAIN_SECONDS if self._interrupt() else _SOON_SECONDS

    def _interrupt(self) -> bool:
        with self._setting:
            if not self._running or _is_ours(sys._current_frames().get(self._thread)):
                return False
            _set_exception(ctypes.c_ulong(self._thread), ctypes.py_object(_TimeUp))
            return True

    def stop(self) -> None:
        with self._setting:
            self._running = False
            # One that was set and has not been raised yet must not hit what comes after the block.
            _set_exception(ctypes.c_ulong(self._thread), None)
        self._over.release()
