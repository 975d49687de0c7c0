"""What it costs that a result is recorded: checked, and read back as the later steps see it."""

from collections.abc import Callable
from typing import Any

from bench.contest import serve
from bench.ours.deepcopy import rows_of
from flows.engine.values import InMemory, keep


def prepare(size: int) -> Callable[[], Any]:
    result = rows_of(size)

    def run() -> Any:
        kept = keep(result)
        return None if isinstance(kept, InMemory) else kept["msg"]

    return run


if __name__ == "__main__":
    serve(prepare)
