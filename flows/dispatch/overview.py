"""Look at workers, queues and the runs that wait or are executed, all at once."""

from collections import Counter
from typing import NamedTuple

from django.conf import settings

from flows.dispatch import broker
from flows.models import FlowSettings, Run

SHOWN_RUNS = 100


class Queue(NamedTuple):
    """A queue: the runs that wait for it, the messages in it (None where nobody could say), who takes from it."""

    name: str
    waiting: int
    messages: int | None
    workers: int

    @property
    def is_forsaken(self) -> bool:
        return not self.workers


class Overview(NamedTuple):
    """What is known; `trouble` says why of workers and messages nothing is."""

    has_workers: bool
    workers: list[broker.Worker]
    queues: list[Queue]
    runs: list[tuple[Run, str]]
    trouble: str


def overview() -> Overview:
    """Return what workers report and the tables hold; asks the broker where the site has one."""
    waiting = Counter(Run.objects.waiting().order_by().values_list("flow_name", flat=True))
    active = Run.objects.active().with_lease().without_texts().order_by("id")
    runs = list(active.running()[:SHOWN_RUNS]) + list(active.waiting()[:SHOWN_RUNS])
    limits = FlowSettings.objects.of_each({*waiting, *(run.flow_name for run in runs)})
    shown = [(run, limits[run.flow_name].queue) for run in runs]
    if settings.FLOWS_DISPATCH == "thread":
        return Overview(False, [], [], shown, "")
    by_queue = Counter(dict.fromkeys(FlowSettings.objects.queues(), 0))
    for name, number in waiting.items():
        by_queue[limits[name].queue] += number
    try:
        workers = broker.workers()
        queues = [_queue(name, number, workers) for name, number in sorted(by_queue.items())]
    except broker.BrokerUnavailable as error:
        unknown = [Queue(name, number, None, 0) for name, number in sorted(by_queue.items())]
        return Overview(True, [], unknown, shown, str(error))
    return Overview(True, workers, queues, shown, "")


def _queue(name: str, waiting: int, workers: list[broker.Worker]) -> Queue:
    return Queue(name, waiting, broker.messages_in(name), sum(name in worker.queues for worker in workers))
