"""Our runs with their record: the outcome of each step is committed before the next one starts."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

from collections.abc import Callable
from typing import Any

from bench.chain import last_step
from bench.contest import serve
from bench.ours.site import chain_of, commits_of, open_site


def prepare(steps: int) -> Callable[[], Any]:
    from flows.models import Trigger
    from flows.runs import Asked, run_now

    flow, last = chain_of(steps), last_step(steps)
    return lambda: run_now(flow, {}, Asked(Trigger.API)).context[last]["msg"]


if __name__ == "__main__":
    open_site()
    serve(prepare, commits_of=commits_of)
