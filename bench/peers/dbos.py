"""DBOS: a durable workflow of steps, each of which is recorded in an SQLite file."""

import sys
from collections.abc import Callable
from typing import Any

from dbos import DBOS
from sqlalchemy import Engine, event

from bench.contest import MESSAGE, serve


def _echo(msg: str) -> str:
    return msg


echo = DBOS.step(name="echo")(_echo)


def _chain(steps: int) -> str:
    msg = MESSAGE
    for _ in range(steps):
        msg = echo(msg)
    return msg


chain = DBOS.workflow(name="chain")(_chain)


def prepare(steps: int) -> Callable[[], Any]:
    return lambda: chain(steps)


def commits_of(work: Callable[[], Any]) -> int:
    """Return how often the database is committed to, which DBOS does over SQLAlchemy."""
    commits: list[Any] = []
    note = commits.append
    event.listen(Engine, "commit", note)
    work()
    event.remove(Engine, "commit", note)
    return len(commits)


if __name__ == "__main__":
    config = {
        "name": "bench",
        "system_database_url": "sqlite:///chain.sqlite",
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)
    DBOS.launch()
    serve(prepare, "dbos", commits_of=commits_of)
    sys.stdout.flush()
    DBOS.destroy()
