"""Read two runs with their steps, to be compared."""

from flows.models import Run, StepRun
from flows.run_diff.comparing import RunDiff, compare
from flows.runs import find_run
from flows.services import FlowRefused


def read_diff(old_id: int, new_id: int) -> RunDiff:
    """Compare two runs; raises `UnknownRun`, and `FlowRefused` for runs of different flows."""
    old, new = find_run(old_id), find_run(new_id)
    if old.flow_name != new.flow_name:
        raise FlowRefused(f"{old} and {new} are runs of different flows; two runs of one flow can be compared")
    return compare(old, new, _rows(old), _rows(new))


def _rows(run: Run) -> list[StepRun]:
    # A time is what takes longest to read, and no time is compared.
    unused = ("traceback", "started_at", "ended_at", "retry_in", "owner", "reused_from")
    return list(StepRun.objects.filter(run=run).defer(*unused).in_order())
