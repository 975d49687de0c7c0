"""Read one run as its page shows it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from flows import runs
from flows.log_pages.pages import newest_rows
from flows.log_pages.selection import Selection
from flows.models import Run, Status, StepRun, SysLog, local_text
from flows.paging.streams import all_of
from flows.run_pages.steps import StepNode, arranged, parent_of

MOST_STEPS = 1_000
MOST_BELOW = 500
HEAD = 2_000
HEAD_BELOW = 300
LOG_ROWS = 50
_LOG_WINDOW = 20_000
# Rows of the log are written by a thread of their own, and clocks of machines differ.
_LATER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its steps; `is_cut` says that older entries or steps of sub-flows were left out."""

    run: Run
    steps: list[StepNode]
    is_cut: bool
    continued_by: list[Run]
    log: list[SysLog]


def read_run(run_id: int, *, with_log: bool) -> RunDetail:
    """Return a run with all that its page shows, by at most five queries; raises `UnknownRun`."""
    run = runs.find_run(run_id)
    rows, is_cut = _step_rows(run)
    continued_by = list(Run.objects.going_on_from(run.pk).only("id", "flow_name").order_by("id")[:20])
    log = newest_rows(log_selection(run), LOG_ROWS, _LOG_WINDOW) if with_log else []
    return RunDetail(run, arranged(run, _document(run), rows), is_cut, continued_by, log)


def _step_rows(run: Run) -> tuple[list[StepRun], bool]:
    """Return the newest executions of a run in the order in which they ended, and whether some are left out."""
    rows = StepRun.objects.filter(run=run).order_by("-id")
    below = rows.below_steps().with_heads(HEAD_BELOW)
    found = sorted(
        all_of([rows.top_level().with_heads(HEAD)[:MOST_STEPS], below[: MOST_BELOW + 1]]), key=lambda row: row.pk
    )
    lower = [row for row in found if parent_of(row.path)]
    if len(lower) <= MOST_BELOW:
        return found, False
    found.remove(lower[0])
    return found, True


def _document(run: Run) -> dict[str, Any]:
    try:
        document = json.loads(run.definition)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def log_selection(run: Run) -> Selection:
    """Return what finds the log rows of a run."""
    since = local_text(run.created_at - timedelta(seconds=1), "milliseconds")
    until = local_text(run.ended_at + _LATER, "milliseconds") if run.ended_at else ""
    return Selection(flow=run.flow_name, run=str(run.pk), since=since, until=until)


def find_step_run(run_id: int, step_run_id: int) -> StepRun | None:
    """Return one execution with its texts."""
    return StepRun.objects.filter(run_id=run_id, pk=step_run_id).first()


def seconds_so_far(run: Run) -> float:
    """Return how long a run took, or has been going on."""
    if run.status == Status.RUNNING and not run.is_lost and run.started_at:
        return max((timezone.now() - run.started_at).total_seconds(), 0.0)
    return run.seconds
