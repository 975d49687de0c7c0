"""Keep a run for the process that executes it, and know when it has to be presumed lost."""

import threading
import time
from types import TracebackType
from typing import Self

from django.db import DatabaseError, InterfaceError, connection

from flows.models.run import LEASE_SECONDS, Run

_RENEW_SECONDS = LEASE_SECONDS / 4
_AGAIN_SECONDS = 1.0


class Lease:
    """The lease of one run: each checkpoint renews it, and a thread does where a step takes long.

    The thread has a connection of its own, and opens it only when it first renews.
    """

    def __init__(self, run: Run, owner: str) -> None:
        self.run = run
        self.owner = owner
        self.is_taken = False
        self._renewed_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"flows-lease-{run.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_AGAIN_SECONDS)

    @property
    def is_over(self) -> bool:
        """Whether the run must be presumed lost: somebody has it, or nothing renewed it for too long."""
        return self.is_taken or time.monotonic() - self._renewed_at > LEASE_SECONDS

    def renewed(self, at: float) -> None:
        """Take down that a statement sent at this time (of the monotonic clock) renewed the lease."""
        self._renewed_at = max(self._renewed_at, at)

    def _keep(self) -> None:
        wait = _RENEW_SECONDS
        while not self._over.wait(wait):
            wait = _RENEW_SECONDS if self._renew() else _AGAIN_SECONDS
            if self.is_taken:
                break
        connection.close()

    def _renew(self) -> bool:
        began = time.monotonic()
        try:
            self.is_taken = not self.run.renew(self.owner)
        except (DatabaseError, InterfaceError):
            connection.close()
            return False
        self.renewed(began)
        return True
