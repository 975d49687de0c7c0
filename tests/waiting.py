"""Wait for the threads in which this process executes runs."""

import time

from flows.models import ACTIVE, Run

_SECONDS = 15.0


def ended(run_id: int) -> Run:
    """Wait until a run is no longer active, and return it."""
    for _ in range(round(_SECONDS / 0.05)):
        run = Run.objects.get(pk=run_id)
        if run.status not in ACTIVE:
            return run
        time.sleep(0.05)
    raise AssertionError(f"{run} is {run.status} after {_SECONDS:.0f} seconds")


def wait_for_runs() -> None:
    """Wait until no run is active: no thread must write into the next test."""
    for run in Run.objects.active():
        ended(run.pk)
