"""Tell people on stderr that logging itself has trouble, and not more often than they can read."""

import contextlib
import sys
import time

from flows.engine.text import visible


class Notice:
    """One line on stderr, at most once in so many seconds."""

    def __init__(self, seconds: float = 60) -> None:
        self._seconds = seconds
        self._next = float("-inf")

    def say(self, text: str) -> None:
        """Print the text unless one was printed a short while ago. Never raises."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._seconds
        # stderr may be closed, full, or None; there is no other place to complain.
        with contextlib.suppress(Exception):
            sys.stderr.write(visible(text) + "\n")
            sys.stderr.flush()
