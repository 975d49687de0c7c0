"""How a run gets away from the request that asked for it: `enqueue` is the only place that knows."""

import logging
import os
import queue
import threading

from django.db import connections, transaction

from flows import runs
from flows.engine.text import describe
from flows.models import Run

WORKERS = 4
_AGAIN_SECONDS = 1.0

logger = logging.getLogger(__name__)


def enqueue(run: Run) -> None:
    """Have a run executed in this process, as soon as it is committed; return at once.

    The threads die with the process: what they were at is lost then, and can be resumed.
    """
    transaction.on_commit(lambda: _pool().put(run.pk))


class Pool:
    """A few daemon threads that execute runs; each is started when there is work that no other is free for."""

    def __init__(self, workers: int = WORKERS) -> None:
        self.pid = os.getpid()
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
            self._execute(self._waiting.get())
            connections.close_all()
            self._free.release()

    def _execute(self, run_id: int) -> None:
        try:
            runs.execute_run(run_id)
        except runs.FlowIsActive:
            # It waits in its row; other flows have this thread meanwhile.
            timer = threading.Timer(_AGAIN_SECONDS, self.put, [run_id])
            timer.daemon = True
            timer.start()
        except (runs.RunStopped, runs.RunNotTaken) as stopped:
            logger.info("%s", stopped)
        except Exception as error:
            logger.error("run %d was not executed: %s", run_id, describe(error), exc_info=error)


_lock = threading.Lock()
_pools: list[Pool] = []


def _pool() -> Pool:
    """Return the pool of this process; a child process has none of its parent's threads."""
    with _lock:
        if not _pools or _pools[-1].pid != os.getpid():
            _pools[:] = [Pool()]
        return _pools[-1]
