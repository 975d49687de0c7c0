"""How a run gets away from the request that asked for it: `enqueue` is the only place that knows."""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError, transaction

from flows import runs
from flows.dispatch import broker, threads
from flows.engine import FlowError
from flows.engine.text import describe
from flows.models import FlowSettings, Priority, Run
from flows.outcome import RunOutcome
from flows.runs.deadlocks import again_after_deadlock

logger = logging.getLogger(__name__)

Tell = Callable[[str], object]


def enqueue(run: Run, tell: Tell = logger.warning) -> None:
    """Have a run executed elsewhere, as soon as it is committed; return at once.

    `tell` is called with a text for people where nobody could be told of the run; it waits in its row then.
    """
    if settings.FLOWS_DISPATCH == "thread":
        transaction.on_commit(lambda: threads.pool(deliver).put(run.pk))
        return
    limits = FlowSettings.objects.of(run.flow_name)
    transaction.on_commit(lambda: _send(run, limits, tell))


def _send(run: Run, limits: FlowSettings, tell: Tell) -> None:
    try:
        broker.send(run.pk, limits.queue, Priority(limits.priority))
    except broker.BrokerUnavailable as error:
        tell(f"{run} waits, and no worker knows of it yet: {error}. `python manage.py sweepruns` sends it again")


def enqueue_next(flow_name: str) -> None:
    """Have the run executed that has waited longest of those that found no room."""
    turned_away = Run.objects.of_flow(flow_name).turned_away().only("flow_name")
    while (run := turned_away.first()) is not None:
        if run.call_again():
            enqueue(run)
            return


def deliver(run_id: int) -> bool:
    """Execute a run that somebody sent; return False where the limits of its flow let it wait.

    A message may come twice, late, or for a run that has ended: then nothing is done. Nothing is raised: what could
    not be done is logged, the row says what is left to do, and the sweep has it done.
    """
    try:
        return _deliver(run_id)
    except (DatabaseError, InterfaceError) as error:
        logger.error("run %d was not executed, the sweep sends it again: %s", run_id, describe(error))
    except FlowError as refused:
        logger.error("run %d was not executed: %s", run_id, refused)
    except Exception as error:
        logger.error("run %d was not executed: %s", run_id, describe(error), exc_info=error)
    return True


def _deliver(run_id: int) -> bool:
    try:
        flow_name = _execute(run_id).flow
    except runs.MustWait as reason:
        logger.debug("run %d waits: %s", run_id, reason)
        return False
    except runs.RunNotTaken as reason:
        logger.info("%s", reason)
        _go_on(run_id)
        return True
    except runs.RunStopped as stopped:
        logger.info("%s", stopped)
        if _go_on(run_id):
            return True
        flow_name = runs.find_run(run_id).flow_name
    if settings.FLOWS_DISPATCH != "thread":
        enqueue_next(flow_name)
    return True


def _execute(run_id: int) -> RunOutcome:
    try:
        return runs.execute_waiting(run_id)
    except runs.MustWait:
        # Who had the room may have gone before this note, and will not come again.
        again_after_deadlock(Run.objects.filter(pk=run_id).turn_away)
        return runs.execute_waiting(run_id)


def _go_on(run_id: int) -> bool:
    """Have a run executed that stopped with its process, where it may go on by itself."""
    waiting = runs.resume_dropped(run_id)
    if waiting is not None:
        enqueue(waiting)
    return waiting is not None
