"""Prepare what the start page shows above the list of tables."""

from datetime import datetime
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError

from flows.admin import log_view, run_view
from flows.engine.text import counted, visible
from flows.log_pages.selection import Selection
from flows.models import Flow, Run, Status, SysLog, local_text
from flows.outcome import duration
from flows.overview import Hour, Overview, Slower, dropped_log_rows, read_overview
from flows.run_pages.detail import seconds_so_far
from flows.run_pages.selection import RunSelection
from flows.tables import is_missing_table

WIDTH, HEIGHT = 960, 96
# From the bottom up: what matters most stands on the ground, where it can be compared.
STACK = (
    Status.FAILED,
    Status.INTERRUPTED,
    Status.CANCELLED,
    Status.RUNNING,
    Status.QUEUED,
    Status.SUCCEEDED,
)
_LEAST_HEIGHT = 3.0


class ShownRun(NamedTuple):
    """A run as a card names it."""

    url: str
    name: str
    status: str
    note: str


class Card(NamedTuple):
    """Runs in these statuses, with the address of all in each; `nothing` is said where there are none."""

    statuses: list[tuple[str, str]]
    nothing: str
    runs: list[ShownRun]


class Piece(NamedTuple):
    """The rectangle of one status in the bar of an hour."""

    status: str
    y: float
    height: float


class Bar(NamedTuple):
    """An hour: its place, the address of its runs, and what a reader is told of it."""

    x: float
    width: float
    url: str
    text: str
    pieces: list[Piece]


def overview_context(user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """Return what the user may see of it; empty for who may see none."""
    context: dict[str, Any] = {}
    if user.has_perm("flows.view_run"):  # type: ignore[union-attr]
        context |= _of_runs()
    if user.has_perm("flows.view_syslog"):  # type: ignore[union-attr]
        context |= _of_log()
    return context


def _of_runs() -> dict[str, Any]:
    try:
        overview = read_overview()
    except DatabaseError as error:
        if is_missing_table(error):
            return {"no_history": True}
        raise
    return {
        "cards": [
            _card("No run is queued or running.", overview.active, "running", "queued", "lost"),
            _card("No run failed or was interrupted.", overview.ended_badly, "failed", "interrupted"),
        ],
        "slower": [_slower(one) for one in overview.slower],
        "chart": _chart(overview),
        "runs_url": _runs_url(),
        # Asked only where there is nothing else to show.
        "has_flows": _has_flows,
    }


def _has_flows() -> bool:
    try:
        return Flow.objects.not_deleted().exists()
    except DatabaseError as error:
        if is_missing_table(error):
            return False
        raise


def _of_log() -> dict[str, Any]:
    try:
        rows = dropped_log_rows()
    except DatabaseError as error:
        if is_missing_table(error):
            return {}
        raise
    return {"dropped": [_dropped(row) for row in rows]}


def _dropped(row: SysLog) -> tuple[str, str, str]:
    shown = log_view.shown_row(row, Selection())
    return shown.url, shown.time, str(shown.line)


def _runs_url(**narrowed: str) -> str:
    return run_view.list_url(RunSelection(**narrowed))


def _card(nothing: str, runs: list[Run], *statuses: str) -> Card:
    return Card([(status, _runs_url(status=status)) for status in statuses], nothing, _shown(runs))


def _shown(runs: list[Run]) -> list[ShownRun]:
    return [ShownRun(run_view.run_url(run.pk), visible(run.flow_name), run.shown_status, _note(run)) for run in runs]


def _note(run: Run) -> str:
    step = visible(run.failed_step or run.step)
    at = f" at step {step}" if step else ""
    if run.status == Status.RUNNING:
        return f"for {duration(seconds_so_far(run))}{at}"
    return f"since {run.began}" if run.status == Status.QUEUED else f"{local_text(run.ended_at)}{at}"


def _slower(one: Slower) -> dict[str, str]:
    return {
        "url": _runs_url(flow=one.flow),
        "name": visible(one.flow),
        "before": duration(one.before),
        "now": duration(one.now),
        "times": f"{one.now / one.before:.1f}" if one.before else "",
    }


def _chart(overview: Overview) -> dict[str, Any] | None:
    peak = max(hour.runs.total() for hour in overview.hours)
    if not peak:
        return None
    step = WIDTH / len(overview.hours)
    bars = [
        Bar(round(number * step, 2), round(step * 0.86, 2), _hour_url(hour), _text(hour), _pieces(hour, peak))
        for number, hour in enumerate(overview.hours)
    ]
    seen = [status for status in STACK if any(hour.runs[status] for hour in overview.hours)]
    total = sum(hour.runs.total() for hour in overview.hours)
    least = "at least " if any(hour.is_cut for hour in overview.hours) else ""
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars,
        "filled": [bar for bar in bars if bar.pieces],
        "statuses": seen,
        "total": least + counted(total, "run"),
        "ticks": [_clock(hour.since) for hour in overview.hours[::6]] + [_clock(overview.hours[-1].until)],
    }


def _hour_url(hour: Hour) -> str:
    return run_view.list_url(RunSelection().within(hour.since, hour.until))


def _text(hour: Hour) -> str:
    kinds = ", ".join(f"{hour.runs[status]} {status}" for status in STACK if hour.runs[status])
    least = "at least " if hour.is_cut else ""
    return f"{_clock(hour.since)} to {_clock(hour.until)}: {least}{kinds or 'no runs'}"


def _pieces(hour: Hour, peak: int) -> list[Piece]:
    pieces, top = [], float(HEIGHT)
    for status in STACK:
        if number := hour.runs[status]:
            height = max(number / peak * HEIGHT, _LEAST_HEIGHT)
            top -= height
            pieces.append(Piece(status, round(max(top, 0.0), 2), round(height, 2)))
    return pieces


def _clock(moment: datetime) -> str:
    return local_text(moment)[11:16]
