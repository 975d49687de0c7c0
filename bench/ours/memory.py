"""What runs in the process whose memory is measured: runs with their record; it prints the resident bytes as JSON."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from bench.ours.site import chain_of, open_site

LONG_RUN = 500
_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return how many bytes of memory this process has; Linux tells."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def by_run(counts: list[int]) -> dict[int, int]:
    """Return the memory after so many runs of two steps in a row."""
    flow = chain_of(2)
    found = {}
    for number in range(1, counts[-1] + 1):
        _run(flow)
        if number in counts:
            found[number] = resident()
    return found


def by_step(counts: list[int]) -> dict[int, int]:
    """Return the memory in the middle of one long run, after so many of its steps."""
    flow = chain_of(LONG_RUN)
    # What is made once for a process, and what the database caches, is there after the first one.
    _run(flow)
    found, ended = {}, 0

    def count(event: Any) -> None:
        nonlocal ended
        ended += type(event).__name__ == "StepSucceeded"
        if ended in counts and ended not in found:
            found[ended] = resident()

    _run(flow, count)
    return found


def _run(flow: Any, *observers: Any) -> None:
    from flows.models import Trigger
    from flows.runs import Asked, run_now

    if not run_now(flow, {}, Asked(Trigger.API), *observers).succeeded:
        raise SystemExit("a run failed: nothing is measured")


def without_waiting_for_the_disk() -> None:
    """Let commits return early: how much memory a run takes does not depend on the disk."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=OFF")


if __name__ == "__main__":
    runs, steps = (json.loads(text) for text in sys.argv[1:])
    open_site()
    without_waiting_for_the_disk()
    print(json.dumps({"by_step": by_step(steps), "by_run": by_run(runs)}))
