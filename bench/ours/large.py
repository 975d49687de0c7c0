"""Our engine with a large result at the start of a chain; what is timed are the steps after it."""

import json
from statistics import median
from time import perf_counter

from bench.contest import asked, report
from bench.ours.deepcopy import rows_of
from flows.engine import FlowDefinition, Registry, RunSucceeded, StepSucceeded, execute, parse
from flows.engine.values import keep

STEPS = 100
"""How many steps are timed."""

_COLD_STEPS = 10


def definition(size: int, *, touched: bool) -> FlowDefinition:
    """Return a step whose result has about `size` bytes, and a chain of steps that read all of it or none of it."""
    source = "@large" if touched else "@large.msg"
    large = {"name": "large", "mod": "Chain", "method": "rows", "params": {"msg": "hello", "bytes": size}}
    chain = [
        {"name": f"step{number}", "mod": "Chain", "method": "take", "params": {"given": source}}
        for number in range(_COLD_STEPS + STEPS)
    ]
    return parse(json.dumps({"procedures": [large, *chain]}), Registry(["bench.procedures"]))


def seconds_of_the_chain(flow: FlowDefinition) -> float:
    """Return how long the chain took, without its first steps, which find the processor's caches cold.

    The large result outlives the chain: freeing it is not the steps' work.
    """
    events = execute(flow)
    first = next(event for event in events if isinstance(event, StepSucceeded))
    if first.not_storable:
        raise SystemExit(f"the result is too large to be recorded: {first.not_storable}")
    for _ in range(2 * _COLD_STEPS):
        next(events)
    began = perf_counter()
    for last in events:  # noqa: B007  (the last one is looked at)
        pass
    seconds = perf_counter() - began
    if not isinstance(last, RunSucceeded):
        raise SystemExit(f"the run failed: {last}")
    return seconds


def serve(*, touched: bool) -> None:
    """Time the chain after results of each size in turn.

    A result of the greatest size is in memory each time, and is none of the run's but in one of them: a process that
    just made a megabyte of small values is slower at everything for a while, which says nothing of the engine.
    """
    limit, sizes = asked()
    bystander = rows_of(max(sizes))
    flows = {size: definition(size, touched=touched) for size in sizes}
    samples: dict[int, list[float]] = {size: [] for size in sizes}
    ends = perf_counter() + limit * len(sizes)
    while perf_counter() < ends or not samples[sizes[-1]]:
        for size, flow in flows.items():
            kept = keep(bystander)
            samples[size].append(seconds_of_the_chain(flow))
            del kept
    report({size: median(seconds) for size, seconds in samples.items()})
