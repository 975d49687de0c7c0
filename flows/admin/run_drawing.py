"""Draw the timeline of a run: where the bar of each execution stands."""

from datetime import datetime, timedelta
from typing import NamedTuple

from flows.models import Run
from flows.run_pages.steps import StepNode

WIDTH = 1000
# A step of a millisecond is seen, too.
_LEAST = 4.0


class Bar(NamedTuple):
    """A rectangle of one execution."""

    x: float
    width: float
    status: str


def bars_of(node: StepNode, run: Run, now: datetime) -> list[Bar]:
    """Return a bar for each execution of a step, from the beginning of the run to its end, or to now."""
    begin = run.started_at
    end = run.ended_at or now
    if begin is None or end <= begin:
        return []
    spans = [
        # A step with entries takes from its first entry on.
        (row.ended_at - timedelta(seconds=row.seconds) if node.below else row.started_at, row.ended_at, row.status)
        for row in node.attempts
        if row.started_at and row.ended_at and not row.reused_from
    ]
    if node.attempt and run.step_started_at:
        spans.append((run.step_started_at, end, node.status))
    whole = end - begin
    return [_bar((since - begin) / whole, (until - begin) / whole, kind) for since, until, kind in spans]


def _bar(since: float, until: float, kind: str) -> Bar:
    x = min(max(since, 0.0), 1.0) * WIDTH
    width = max(min(until, 1.0) * WIDTH - x, _LEAST)
    return Bar(round(min(x, WIDTH - _LEAST), 1), round(width, 1), kind.replace(" ", "-"))
