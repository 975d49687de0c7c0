"""Processes that execute lines, one line at a time each; one that dies under its line is replaced."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType

from django.db import Error, connections

from flows.each.lines import Line
from flows.each.runs_of_lines import Done, Fate
from flows.engine.text import describe
from flows.log_handler import flush_database_log
from flows.log_signal import flush_and_exit

_FLUSH_SECONDS = 5.0
_LOOK_SECONDS = 1.0

Execute = Callable[[Line], Done]


class _Stopped(Exception):
    """The wait for the next line is broken off."""


class DatabaseAway(Exception):
    """A process of the pool could not reach the database; the text says why."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    ours: Connection
    line: Line | None = None


class Pool:
    """Executes lines in so many processes. `stop` lets the runs in flight stop between two of their steps.

    The processes are in groups of their own, so that Ctrl-C reaches this one only, which passes it on once. They end
    when this process does.
    """

    def __init__(self, execute: Execute, processes: int, *, quiet: bool) -> None:
        self._execute = execute
        self._processes = processes
        self._quiet = quiet
        self._workers: list[_Worker] = []
        self._is_reading = False
        self.stopped_by: int | None = None

    def run(self, lines: Iterable[Line]) -> Iterator[tuple[Line, Done]]:
        """Yield each line with what became of it, in the order in which they end; raises `DatabaseAway`."""
        waiting = iter(lines)
        try:
            while self._give_out(waiting):
                yield from self._ended()
        finally:
            self._close()

    def stop(self, number: int, _frame: FrameType | None = None) -> None:
        """Begin no further line, and pass the signal on to the runs in flight; the second time they stop at once.

        To be called by a signal: it breaks off a wait for the next line.
        """
        self.stopped_by = self.stopped_by or number
        for worker in self._workers:
            if worker.line is not None and worker.process.pid is not None:
                os.kill(worker.process.pid, signal.SIGTERM)
        if self._is_reading:
            raise _Stopped

    def _give_out(self, waiting: Iterator[Line]) -> bool:
        """Give a line to each process that has none; return whether any has one now."""
        while self.stopped_by is None and (worker := self._free()) is not None:
            line = self._next(waiting)
            if line is None:
                break
            worker.line = line
            with suppress(ConnectionError):
                # Who died meanwhile is seen to have died under its line.
                worker.ours.send(line)
        return any(worker.line for worker in self._workers)

    def _next(self, waiting: Iterator[Line]) -> Line | None:
        self._is_reading = True
        try:
            return next(waiting, None)
        except _Stopped:
            return None
        finally:
            self._is_reading = False

    def _free(self) -> _Worker | None:
        idle = next((worker for worker in self._workers if worker.line is None), None)
        if idle is None and len(self._workers) < self._processes:
            idle = self._started()
        return idle

    def _started(self) -> _Worker:
        # A child must not go on with a connection of its parent.
        connections.close_all()
        ours, theirs = get_context("fork").Pipe()
        foreign = [ours, *(worker.ours for worker in self._workers)]
        process = get_context("fork").Process(target=self._work, args=(theirs, foreign))
        process.start()
        theirs.close()
        self._workers.append(worker := _Worker(process, ours))
        return worker

    def _ended(self) -> Iterator[tuple[Line, Done]]:
        busy = [(worker, worker.line) for worker in self._workers if worker.line is not None]
        ready = wait([worker.ours for worker, _ in busy], _LOOK_SECONDS)
        for worker, line in busy:
            # What a step has started may outlive its process, and hold the pipe open.
            is_dead = not worker.process.is_alive()
            if worker.ours not in ready and not is_dead:
                continue
            worker.line = None
            try:
                answer = worker.ours.recv() if worker.ours.poll() else None
            except (EOFError, ConnectionError):
                answer = None
            if isinstance(answer, str):
                raise DatabaseAway(answer)
            yield line, answer or self._buried(worker, line)

    def _buried(self, worker: _Worker, line: Line) -> Done:
        worker.process.join()
        self._workers.remove(worker)
        worker.ours.close()
        code = worker.process.exitcode or 0
        if self.stopped_by is not None:
            return Done(line.number, Fate.INTERRUPTED, "it was stopped in the middle of a step")
        how = f"of signal {-code}" if code < 0 else f"with exit code {code}"
        return Done(line.number, Fate.INTERRUPTED, f"its process ended {how} in the middle of the run")

    def _close(self) -> None:
        for worker in self._workers:
            worker.ours.close()
        for worker in self._workers:
            worker.process.join()

    # In the child

    def _work(self, theirs: Connection, foreign: list[Connection]) -> None:
        _leave_the_parent(foreign, quiet=self._quiet)
        try:
            while True:
                theirs.send(self._answer(theirs.recv()))
        except (EOFError, ConnectionError):
            flush_database_log(_FLUSH_SECONDS)

    def _answer(self, line: Line) -> Done | str:
        try:
            return self._execute(line)
        except Error as error:
            connections.close_all()
            return describe(error)


def _leave_the_parent(foreign: list[Connection], *, quiet: bool) -> None:
    os.setpgid(0, 0)
    # While a child holds an end of another one's pipe, that one does not see that the parent is gone.
    for connection in foreign:
        connection.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, flush_and_exit)
    if quiet:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
