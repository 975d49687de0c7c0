"""What a worker of Celery does: execute the run that a message names, and have it stop when the worker does."""

import mmap
from typing import Any

from celery import shared_task, signals
from celery.worker import state as celery_state
from celery.worker.control import inspect_command
from django.db import close_old_connections

from flows import tasks
from flows.dispatch import broker
from flows.log_handler import flush_database_log
from flows.runs import stopping

# Shared with the processes that the worker forks: it tells them that it stops, whatever signals they get or not.
_is_stopping = mmap.mmap(-1, 1)


@shared_task(name=broker.TASK)
def execute(run_id: int) -> None:
    """Execute the run of this number, if it still waits."""
    close_old_connections()
    tasks.deliver(run_id)


@inspect_command(name=broker.STATE_COMMAND)
def state(panel: Any) -> dict[str, Any]:
    """Tell whoever asks what this worker does."""
    return {
        "queues": sorted(queue.name for queue in panel.consumer.task_consumer.queues),
        "processes": panel.consumer.pool.num_processes,
        "busy": len(celery_state.active_requests),
        "done": sum(celery_state.total_count.values()),
    }


@signals.worker_init.connect
def _begin(**_others: Any) -> None:
    _is_stopping[0] = 0
    stopping.stop_with(lambda: bool(_is_stopping[0]))


@signals.worker_shutting_down.connect
def _stop(**_others: Any) -> None:
    _is_stopping[0] = 1


@signals.worker_process_shutdown.connect
def _end_process(**_others: Any) -> None:
    flush_database_log()


@signals.setup_logging.connect
def _keep_logging(**_others: Any) -> None:
    """Leave the loggers as the settings of the site made them; that somebody is connected here is enough."""
