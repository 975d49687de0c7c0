"""What is said to the broker: which run waits. Celery is imported only here and where a worker begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from flows.engine import FlowError
from flows.models import Priority

if TYPE_CHECKING:
    from celery import Celery

TASK = "flows.execute"
"""The name under which workers know what to do with a message; it carries the number of a run and nothing else."""

# Redis takes the least first, by default from four lists; RabbitMQ the greatest.
_IN_REDIS = {Priority.HIGH: 0, Priority.NORMAL: 3, Priority.LOW: 9}
_IN_RABBITMQ = {Priority.HIGH: 9, Priority.NORMAL: 5, Priority.LOW: 1}


STATE_COMMAND = "flows_state"
ASK_SECONDS = 1.0
"""How long workers have to answer; one that is not heard by then counts as not there."""


class BrokerUnavailable(FlowError):
    """The broker did not take or give what it was asked for."""


def send(run_id: int, queue: str, priority: Priority) -> None:
    """Tell the workers of a queue that a run waits; raises `BrokerUnavailable`."""
    with _reported():
        app = _app()
        numbers = _IN_RABBITMQ if str(app.conf.broker_url).startswith("amqp") else _IN_REDIS
        app.send_task(TASK, [run_id], queue=queue, priority=numbers[priority])


def messages_in(queue: str) -> int:
    """Return how many messages wait in a queue; raises `BrokerUnavailable`."""
    with _reported(), _app().connection_for_read() as connection:
        try:
            return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
        except connection.channel_errors:
            # Redis has no empty queue.
            return 0


class Worker(NamedTuple):
    """A worker that answered: from which queues it takes runs, with how many processes, and what they did."""

    name: str
    queues: tuple[str, ...]
    processes: int
    busy: int
    done: int


def workers() -> list[Worker]:
    """Ask all workers what they do; takes a second. Raises `BrokerUnavailable`."""
    with _reported():
        answers = _app().control.broadcast(STATE_COMMAND, reply=True, timeout=ASK_SECONDS) or []
    told = [(name, state) for answer in answers for name, state in answer.items() if "queues" in state]
    return sorted(
        Worker(name, tuple(state["queues"]), state["processes"], state["busy"], state["done"]) for name, state in told
    )


def _app() -> "Celery":
    app: Celery = import_string(settings.FLOWS_CELERY_APP)
    return app


@contextmanager
def _reported() -> Iterator[None]:
    from kombu.exceptions import OperationalError  # noqa: PLC0415  (a site without workers has no such package)

    try:
        yield
    except (OperationalError, OSError) as error:
        raise BrokerUnavailable(f"the broker is unavailable: {str(error).rstrip('.')}") from error
