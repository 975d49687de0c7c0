"""Read one run as its page shows it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Value
from django.utils import timezone

from flows import runs
from flows.log_pages.pages import newest_rows
from flows.log_pages.selection import Selection
from flows.models import Run, Status, StepRun, SysLog, local_text
from flows.paging.streams import all_of, compiled, values_of
from flows.run_pages.lineage import Origin, origins
from flows.run_pages.steps import StepNode, arranged

MOST_STEPS = 1_000
MOST_BELOW = 500
MOST_CONTINUING = 20
HEAD = 2_000
HEAD_BELOW = 300
LOG_ROWS = 50
_LOG_WINDOW = 20_000
# Rows of the log are written by a thread of their own, and clocks of machines differ.
_LATER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its steps, the numbers of the runs that go on from it, and its newest log rows.

    `is_cut` says that older entries or steps of sub-flows were left out.
    """

    run: Run
    steps: list[StepNode]
    is_cut: bool
    continued_by: list[int]
    log: list[SysLog]


def read_run(run_id: int, *, with_log: bool) -> RunDetail:
    """Return a run with all that its page shows, by at most five queries; raises `UnknownRun`."""
    run = runs.find_run(run_id)
    below, continued_by = _ids_around(run)
    rows = _step_rows(run, below[:MOST_BELOW])
    log = newest_rows(log_selection(run), LOG_ROWS, _LOG_WINDOW) if with_log else []
    return RunDetail(run, arranged(run, document_of(run), rows), len(below) > MOST_BELOW, continued_by, log)


def _ids_around(run: Run) -> tuple[list[int], list[int]]:
    """Return the ids of the newest entries and steps of sub-flows of a run, and of the runs that go on from it."""
    # Not by the id itself: MariaDB would walk the whole table backwards by it instead of the index of the run.
    newest = StepRun.objects.filter(run=run).below_steps().annotate(kind=Value(0)).order_by((F("id") + 0).desc())
    others = Run.objects.going_on_from(run.pk).annotate(kind=Value(1)).order_by("id")
    statements = [
        compiled(rows.values_list("kind", "id")[:most])
        for rows, most in ((newest, MOST_BELOW + 1), (others, MOST_CONTINUING))
    ]
    found = values_of(Run.objects.all(), statements)
    return [pk for kind, pk in found if kind == 0], [pk for kind, pk in found if kind == 1]


def _step_rows(run: Run, below: list[int]) -> list[StepRun]:
    """Return executions of the steps of a run, and those of these ids, in the order in which they ended."""
    own = StepRun.objects.filter(run=run).top_level().order_by("path", "attempt").with_heads(HEAD)[:MOST_STEPS]
    parts = [own, StepRun.objects.filter(pk__in=below).order_by("id").with_heads(HEAD_BELOW)] if below else [own]
    return sorted(all_of(parts), key=lambda row: row.pk)


def document_of(run: Run) -> dict[str, Any]:
    """Return the document that a run keeps; empty where nobody can read it."""
    document = _value(run.definition)
    return document if isinstance(document, dict) else {}


def read_origins(run_id: int, name: str) -> tuple[Run, Origin | None]:
    """Return a run, and the way back of the parameters of one of its steps; raises `UnknownRun`."""
    run = runs.find_run(run_id)
    document = document_of(run)
    rows: Any = StepRun.objects.filter(run=run).top_level().in_order().with_heads(HEAD)
    results = rows.values_list("path", "result_head", "result_length")
    # Of a large result only the beginning is read: then its values are not shown.
    whole = {path: _value(head) for path, head, length in results if length == len(head)}
    return run, origins(document, name, {"_input": _value(run.inputs), **whole})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}


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
