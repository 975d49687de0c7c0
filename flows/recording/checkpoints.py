"""Commit what became of a run, in the name of its owner: all of a checkpoint, or none of it, and never twice."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    connections,
)
from django.utils import timezone

from flows.engine.errors import FlowError
from flows.engine.text import describe
from flows.failpoints import reach
from flows.models.run import LEASE_SECONDS, Run, Status
from flows.models.step_run import StepRun
from flows.models.times import DATABASE_SECONDS
from flows.recording.driver import driver_transaction, for_driver
from flows.recording.lease import Lease

_FIRST_WAIT_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 2.0
# A table that is gone, a statement that the server does not take.
_NEVER_HEALS = (ProgrammingError, DataError, NotSupportedError)

logger = logging.getLogger(__name__)


# Plain statements: these two are what a step costs, and the ORM would cost as much again.
_ADVANCE = (
    "UPDATE wf_run SET step = %s, step_attempt = %s, step_started_at = %s, steps_done = %s, "
    "lease_until = {now} + {lease} "
    "WHERE id = %s AND owner = %s AND status = 'running' AND cancel_asked_by = ''"
)
_INSERT = "INSERT INTO wf_step_run ({columns}) VALUES ({places})"


class RunStopped(FlowError):
    """Base of what ends the execution of a run before its end; nothing of the run is lost."""


class RunLost(RunStopped):
    """The run is no longer this process's, or the database could not be reached for longer than its lease."""


class RunInterrupted(RunStopped):
    """The run was told to stop, and has, between two steps; it can be resumed.

    `signal` is the number of the signal that told it, if one did.
    """

    signal: int | None = None


class RunCancelled(RunStopped):
    """Somebody asked to cancel the run; it ends here, between two steps."""


class StepRow(NamedTuple):
    """The values of a row of wf_step_run, in the order of its statement."""

    run_id: int
    path: str
    attempt: int
    status: str
    procedure: str
    params: str
    params_digest: str
    result: str
    not_storable: str
    error_type: str
    error_message: str
    traceback: str
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float
    retry_in: float | None
    owner: str
    reused_from: int | None = None


class InFlight(NamedTuple):
    """The step that is about to be executed; none where the path is empty."""

    path: str = ""
    attempt: int = 0
    started_at: datetime | None = None


class Checkpoints:
    """Writes the checkpoints of one run. Trouble with the database is waited for as long as the lease can hold."""

    def __init__(self, run: Run, lease: Lease) -> None:
        self._run = run
        self._lease = lease
        # The one of this thread; django.db.connection would look for it at each use.
        self._connection = connections[DEFAULT_DB_ALIAS]
        # The start of a step is written twice, on the run and in the row of the step; two other times come between.
        self._adapt = lru_cache(maxsize=4)(self._connection.ops.adapt_datetimefield_value)
        vendor = self._connection.vendor
        self._advance = for_driver(_ADVANCE.format(now=DATABASE_SECONDS[vendor], lease=LEASE_SECONDS), vendor)
        # Quoted: MySQL has a word "procedure" of its own.
        columns = ", ".join(map(self._connection.ops.quote_name, StepRow._fields))
        insert = _INSERT.format(columns=columns, places=", ".join(["%s"] * len(StepRow._fields)))
        self._insert = for_driver(insert, vendor)

    def save(self, rows: Sequence[StepRow], in_flight: InFlight, steps_done: int) -> None:
        """Commit the outcomes of steps and the start of the next.

        Raises `RunLost`, or `RunCancelled` after the rows were committed.
        """
        advance: list[Any] = [
            in_flight.path,
            in_flight.attempt,
            self._adapt(in_flight.started_at),
            steps_done,
            self._run.pk,
            self._lease.owner,
        ]

        def write(cursor: Any) -> None:
            cursor.execute(self._advance, advance)
            if cursor.rowcount != 1:
                self._say_why_not()
            self._insert_rows(cursor, rows)

        try:
            self._commit(write, rows)
        except RunCancelled:
            self.finish(rows, Status.CANCELLED, steps_done=steps_done)
            raise

    def stop_if_cancelled(self) -> None:
        """Raise `RunCancelled` or `RunLost` where the run must not go on, looking at the row only."""
        rows = Run.objects.filter(pk=self._run.pk, owner=self._lease.owner, status=Status.RUNNING, cancel_asked_by="")
        if not rows.exists():
            self._say_why_not()

    def finish(self, rows: Sequence[StepRow], status: Status, **values: Any) -> None:
        """Commit the last outcomes and how the run ended. Raises `RunLost`."""
        ends = {"step": "", "step_attempt": 0, "step_started_at": None, "active_flow": None, "ended_at": timezone.now()}

        def write(cursor: Any) -> None:
            mine = Run.objects.filter(pk=self._run.pk, owner=self._lease.owner, status=Status.RUNNING)
            if mine.update(status=status, **ends, **values) != 1:
                raise RunLost(_taken(self._run))
            self._insert_rows(cursor, rows)

        reach("run.finishing")
        self._commit(write, rows, status)
        reach("run.finished")

    def _insert_rows(self, cursor: Any, rows: Sequence[StepRow]) -> None:
        for row in rows:
            values = row._asdict()
            values["started_at"], values["ended_at"] = self._adapt(row.started_at), self._adapt(row.ended_at)
            cursor.execute(self._insert, list(values.values()))

    def _commit(self, write: Callable[[Any], None], rows: Sequence[StepRow], status: Status | None = None) -> None:
        wait = _FIRST_WAIT_SECONDS
        in_doubt = False
        while True:
            began = time.monotonic()
            try:
                if in_doubt and self._is_committed(rows, status):
                    break
                reach("checkpoint.begun")
                with driver_transaction(self._connection) as cursor:
                    write(cursor)
                    reach("checkpoint.written")
                reach("checkpoint.committed")
                break
            except RunLost:
                # What was in doubt may have got in while this waited for its locks.
                if status is None or not in_doubt or not self._is_committed(rows, status):
                    raise
                break
            except (DatabaseError, InterfaceError) as error:
                self._give_up_or_wait(error, wait, first=not in_doubt)
                in_doubt = True
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        self._lease.renewed(began)

    def _give_up_or_wait(self, error: Exception, wait: float, *, first: bool) -> None:
        if self._connection.in_atomic_block:
            raise error
        # At first it may be what a step left of the connection: a closed one, another database, results unread.
        if isinstance(error, _NEVER_HEALS) and not first:
            raise RunLost(f"the record of {self._run} cannot be written: {describe(error)}") from error
        if first:
            logger.warning("checkpoint of %s not written, trying again: %s", self._run, describe(error))
        # A connection that a server dropped stays dead until it is closed.
        with suppress(DatabaseError, InterfaceError):
            self._connection.close()
        if self._lease.is_over:
            raise RunLost(
                f"{self._run} is presumed lost: its record could not be written for {LEASE_SECONDS} s "
                f"({describe(error)})"
            ) from error
        time.sleep(wait)

    def _is_committed(self, rows: Sequence[StepRow], status: Status | None) -> bool:
        """Return whether the checkpoint got in whose reply did not come.

        Raises `RunLost` where it did, and the run has been taken since.
        """
        if status is not None:
            return Run.objects.filter(pk=self._run.pk, owner=self._lease.owner, status=status).exists()
        if not rows:
            return False
        last = rows[-1]
        is_in = StepRun.objects.filter(
            run_id=last.run_id, path=last.path, attempt=last.attempt, owner=last.owner
        ).exists()
        if is_in and not self._run.renew(self._lease.owner):
            self._say_why_not()
        return is_in

    def _say_why_not(self) -> None:
        run = Run.objects.get(pk=self._run.pk)
        if run.owner == self._lease.owner and run.status == Status.RUNNING and run.cancel_asked_by:
            raise RunCancelled(f"{run} is cancelled by {run.cancel_asked_by}")
        raise RunLost(_taken(run))


def _taken(run: Run) -> str:
    return f"{run} is no longer executed by this process: it is {run.status}"
