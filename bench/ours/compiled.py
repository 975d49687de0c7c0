"""Our engine with a definition that was checked once."""

from collections.abc import Callable
from typing import Any

from bench.chain import document, last_step
from bench.contest import serve
from flows.engine import Registry, parse, run


def prepare(steps: int) -> Callable[[], Any]:
    definition = parse(document(steps), Registry(["bench.procedures"]))
    last = last_step(steps)
    return lambda: run(definition)[last]["msg"]


if __name__ == "__main__":
    serve(prepare)
