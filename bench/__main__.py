"""Measure, print, keep: python -m bench engine (or another name, or all)."""

import argparse
import os
from collections.abc import Callable

from bench.checker import check
from bench.commands import command
from bench.commits import commits
from bench.durable import durable
from bench.engines import engine, growth
from bench.large_results import results
from bench.log_calls import log_call
from bench.log_prunes import log_prune
from bench.log_writes import log_write
from bench.memory import memory
from bench.outcome import Outcome, keep, tell
from bench.pages import pages
from bench.rounds import Effort


def queue(effort: Effort) -> Outcome:
    from bench import queues  # noqa: PLC0415  (only this one needs Celery)

    return queues.queue(effort)


BENCHMARKS: dict[str, Callable[[Effort], Outcome]] = {
    "engine": engine,
    "growth": growth,
    "results": results,
    "check": check,
    "command": command,
    "durable": durable,
    "commits": commits,
    "memory": memory,
    "pages": pages,
    "log-call": log_call,
    "log-write": log_write,
    "log-prune": log_prune,
    "queue": queue,
}
FULL = Effort(rounds=7, seconds=0.3)
QUICK = Effort(rounds=3, seconds=0.03)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure ours and theirs side by side.")
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, "all"], default="all", metavar="NAME",
                        help=f"one of {', '.join(BENCHMARKS)}, or all (the default)")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="take a minute, trust nothing, keep nothing")
    options = parser.parse_args()
    names = BENCHMARKS if "all" in options.names else options.names
    for name in names:
        load = os.getloadavg()[0]
        print(f"\n{name}: the load of this machine is {load:.1f} on {os.cpu_count()} cores")
        outcome = BENCHMARKS[name](QUICK if options.quick else FULL)
        tell(outcome)
        if not options.quick:
            keep(outcome, load)


if __name__ == "__main__":
    main()
