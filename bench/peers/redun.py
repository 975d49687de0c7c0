"""redun: lazy task calls that its scheduler evaluates and records, here in an SQLite database in memory."""

import logging
from collections.abc import Callable
from itertools import count
from typing import Any

from redun import Scheduler, task

from bench.contest import MESSAGE, serve


def _echo(run_number: int, number: int, msg: str) -> str:  # noqa: ARG001
    """Hand a message on; the numbers make each call a new one, or redun would answer from its cache."""
    return msg


echo = task(name="echo", namespace="bench")(_echo)


def prepare(steps: int) -> Callable[[], Any]:
    logging.getLogger("redun").setLevel(logging.WARNING)
    scheduler = Scheduler()
    scheduler.load()
    runs = count()

    def run() -> Any:
        run_number = next(runs)
        expression: Any = MESSAGE
        for number in range(steps):
            expression = echo(run_number, number, expression)
        return scheduler.run(expression)

    return run


if __name__ == "__main__":
    serve(prepare, "redun")
