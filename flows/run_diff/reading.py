"""Read two runs with their steps, to be compared."""

from collections.abc import Iterator

from flows.models import Run, StepRun
from flows.run_diff.comparing import Execution, RunDiff, compare
from flows.runs import find_run
from flows.services import FlowRefused


def read_diff(old_id: int, new_id: int) -> RunDiff:
    """Compare two runs; raises `UnknownRun`, and `FlowRefused` for runs of different flows."""
    old, new = find_run(old_id), find_run(new_id)
    if old.flow_name != new.flow_name:
        raise FlowRefused(f"{old} and {new} are runs of different flows; two runs of one flow can be compared")
    return compare(old, new, _rows(old), _rows(new))


def _rows(run: Run) -> Iterator[Execution]:
    rows = StepRun.objects.filter(run=run).in_order().values_list(*Execution._fields)
    return map(Execution._make, rows)
