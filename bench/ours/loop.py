"""The limit: a loop by hand over the steps of a flow, with the classes and references looked up before."""

import logging
from collections.abc import Callable
from typing import Any

from bench.contest import MESSAGE, serve
from bench.procedures.Chain import Chain


def prepare(steps: int) -> Callable[[], Any]:
    logger = logging.getLogger("bench.procedures.Chain")
    chain = [(f"step{number}", Chain, Chain.echo, [("msg", f"step{number - 1}", "msg")]) for number in range(1, steps)]
    last = f"step{steps - 1}"

    def run() -> Any:
        results = {"step0": Chain(logger).echo({}, {"msg": MESSAGE})}
        for name, owner, method, references in chain:
            params = {param: results[step][key] for param, step, key in references}
            results[name] = method(owner(logger), results, params)
        return results[last]["msg"]

    return run


if __name__ == "__main__":
    serve(prepare)
