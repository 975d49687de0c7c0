"""A few threads of this process that execute runs: for a site without workers."""

import os
import queue
import threading
from collections.abc import Callable

from django.db import connections

WORKERS = 4
_AGAIN_SECONDS = 1.0

Execute = Callable[[int], bool]
"""Executes a run; returns False where it has to wait."""


class Pool:
    """A few daemon threads that execute runs; each is started when there is work that no other is free for.

    The threads die with the process: what they were at is lost then, and can be resumed.
    """

    def __init__(self, execute: Execute, workers: int = WORKERS) -> None:
        self.pid = os.getpid()
        self._execute = execute
        self._workers = workers
        self._waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._free = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started = 0

    def put(self, run_id: int) -> None:
        """Have a run executed."""
        self._waiting.put(run_id)
        if self._free.acquire(blocking=False):
            return
        with self._lock:
            if self._started < self._workers:
                self._started += 1
                threading.Thread(target=self._work, name=f"flows-runs-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            run_id = self._waiting.get()
            if not self._execute(run_id):
                self._put_later(run_id)
            connections.close_all()
            self._free.release()

    def _put_later(self, run_id: int) -> None:
        # It waits in its row; other flows have this thread meanwhile.
        timer = threading.Timer(_AGAIN_SECONDS, self.put, [run_id])
        timer.daemon = True
        timer.start()


_lock = threading.Lock()
_pools: list[Pool] = []


def pool(execute: Execute) -> Pool:
    """Return the pool of this process; a child process has none of its parent's threads."""
    with _lock:
        if not _pools or _pools[-1].pid != os.getpid():
            _pools[:] = [Pool(execute)]
        return _pools[-1]
