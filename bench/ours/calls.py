"""The bare calls: a loop that is good for this one chain, whose key and method are written into it."""

import logging
from collections.abc import Callable
from typing import Any

from bench.contest import MESSAGE, serve
from bench.procedures.Chain import Chain


def prepare(steps: int) -> Callable[[], Any]:
    logger = logging.getLogger("bench.procedures.Chain")
    chain = [(f"step{number}", f"step{number - 1}") for number in range(1, steps)]
    last = f"step{steps - 1}"

    def run() -> Any:
        results = {"step0": Chain(logger).echo({}, {"msg": MESSAGE})}
        for name, source in chain:
            results[name] = Chain(logger).echo(results, {"msg": results[source]["msg"]})
        return results[last]["msg"]

    return run


if __name__ == "__main__":
    serve(prepare)
