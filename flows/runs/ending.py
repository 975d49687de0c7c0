"""End a run from outside: interrupt one that was lost, cancel one."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from flows.models import Run, StepRun, StepStatus
from flows.runs.deadlocks import again_after_deadlock
from flows.runs.finding import find_run
from flows.services import FlowRefused

logger = logging.getLogger(__name__)


class RunNotTaken(FlowRefused):
    """The run is somebody else's, or has ended."""


def interrupt_lost(run: Run) -> bool:
    """Turn a lost run into an interrupted one; return whether this call did."""
    if not again_after_deadlock(partial(_interrupted, run, run.interrupt_if_lost)):
        return False
    logger.warning("%s was lost and is interrupted now%s", run, _doubt(run), extra=_place(run))
    return True


def interrupt(run: Run, owner: str) -> None:
    """Interrupt a run of this process in the middle of its step."""
    again_after_deadlock(partial(_interrupted, run, partial(run.interrupt, owner)))


def _interrupted(run: Run, change: Callable[[], bool]) -> bool:
    """Change the status of a run, and add the execution that was interrupted; return whether this call did."""
    with transaction.atomic():
        changed = change()
        if changed and run.step:
            add_step_run(run, run.step, StepStatus.INTERRUPTED, run.step_started_at)
    return changed


def add_step_run(run: Run, path: str, status: StepStatus, started_at: datetime | None = None, **values: Any) -> None:
    last = StepRun.objects.filter(run=run, path=path).aggregate(last=Max("attempt"))["last"] or 0
    StepRun.objects.create(
        run=run,
        path=path,
        attempt=last + 1,
        status=status,
        started_at=started_at,
        ended_at=timezone.now(),
        **values,
    )


def _doubt(run: Run) -> str:
    return f"; step {run.step} may have been executed without a record" if run.step else ""


def _place(run: Run) -> dict[str, Any]:
    return {"flow": run.flow_name, "run_id": run.pk, "step": run.step or None}


def over_own_connection(act: Callable[[], None]) -> None:
    """Do something in a thread that ends with it."""
    with suppress(Exception):
        act()
    connection.close()


def reap_runs() -> list[Run]:
    """Turn each lost run into an interrupted one, and return those."""
    return [run for run in Run.objects.lost().with_lease() if interrupt_lost(run)]


def cancel_run(run_id: int, by: str) -> Run:
    """Cancel a run: at once where nobody executes it, otherwise after the step it is at; return it as it is then.

    Raises `RunNotTaken` for a run that has ended.
    """
    run = find_run(run_id)
    if run.is_lost:
        interrupt_lost(run)
    # Once more, for one that was interrupted between the first question and the second.
    ask = partial(run.ask_to_cancel, by or "somebody")
    if any(again_after_deadlock(act) for act in (run.cancel, ask, run.cancel)):
        return find_run(run_id)
    now = find_run(run_id)
    raise RunNotTaken(f"{now} is {now.status} already")
