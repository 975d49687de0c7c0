"""Read two runs with their steps, to be compared."""

from collections.abc import Iterator

from flows.models import Run, StepRun
from flows.run_diff.comparing import Execution, RunDiff, compare
from flows.services import FlowRefused


def read_diff(old: Run, new: Run) -> RunDiff:
    """Compare two runs with their steps; raises `FlowRefused` for runs of different flows."""
    if old.flow_name != new.flow_name:
        raise FlowRefused(f"{old} and {new} are runs of different flows; two runs of one flow can be compared")
    return compare(old, new, _rows(old), _rows(new))


def _rows(run: Run) -> Iterator[Execution]:
    rows = StepRun.objects.filter(run=run).in_order().values_list(*Execution._fields)
    return map(Execution._make, rows)
