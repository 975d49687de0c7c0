"""Celery without a broker: a chain of tasks, executed eagerly in the caller's process."""

from collections.abc import Callable
from typing import Any

from celery import Celery, chain

from bench.contest import MESSAGE, serve

app = Celery("bench", set_as_current=True)
app.conf.task_always_eager = True


def _echo(msg: str) -> str:
    return msg


echo = app.task(_echo)


def prepare(steps: int) -> Callable[[], Any]:
    signatures = [echo.s(MESSAGE), *(echo.s() for _ in range(steps - 1))]
    tasks = chain(*signatures)
    return lambda: tasks.apply().get()


if __name__ == "__main__":
    serve(prepare, "celery")
