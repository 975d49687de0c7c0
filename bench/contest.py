"""What runs inside a contestant's process: it times one function and prints JSON. The standard library alone."""

import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from statistics import median
from time import perf_counter
from types import MappingProxyType
from typing import Any

MESSAGE = "hello"

_BATCH_SECONDS = 0.002

Prepare = Callable[[int], Callable[[], Any]]
"""Takes a number (of steps, of bytes) and returns what is timed; that returns `MESSAGE` if it really did the work."""


def seconds_of(work: Callable[[], Any], limit: float) -> float:
    """Return the seconds of one call: the median over batches that take `limit` seconds in all."""
    once = _timed(work, 1)
    calls = max(1, round(_BATCH_SECONDS / once))
    samples: list[float] = []
    ends = perf_counter() + limit
    while not samples or (perf_counter() < ends):
        samples.append(_timed(work, calls) / calls)
    return median(samples)


def _timed(work: Callable[[], Any], calls: int) -> float:
    began = perf_counter()
    for _ in range(calls):
        work()
    return perf_counter() - began


def asked() -> tuple[float, list[int]]:
    """Return what the command line asks for: the seconds to spend on each size, and the sizes."""
    limit, *sizes = sys.argv[1:]
    return float(limit), [int(size) for size in sizes]


def serve(prepare: Prepare, package: str = "", *, commits_of: Callable[[Callable[[], Any]], int] | None = None) -> None:
    """Time the work of each size that is asked for; `package` is the distribution that does it.

    Where `commits_of` is given, it counts the commits of one call.
    """
    limit, sizes = asked()
    seconds, commits = {}, {}
    for size in sizes:
        work = prepare(size)
        answer = work()
        if answer != MESSAGE:
            raise SystemExit(f"the work of size {size} gave {answer!r:.100} and not {MESSAGE!r}: nothing is measured")
        seconds[size] = seconds_of(work, limit)
        if commits_of is not None:
            commits[size] = commits_of(work)
    report(seconds, package, commits)


def report(seconds: Mapping[int, float], package: str = "", commits: Mapping[int, int] = MappingProxyType({})) -> None:
    """Print the answer to the bench: the seconds and commits by size, and the version of the package."""
    known = version(package) if package else ""
    print(json.dumps({"version": known, "seconds": seconds, "commits": dict(commits)}), flush=True)
