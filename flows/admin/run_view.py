"""Prepare what the templates of runs show; every query has been made before."""

import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from flows.admin import log_view
from flows.admin.paging import query, searched, time_context, time_filters, ways_on
from flows.admin.resuming import can_go_on
from flows.admin.run_drawing import Bar, bars_of
from flows.engine.references import NAME
from flows.engine.text import counted, cut, quoted, visible
from flows.log_pages.selection import Selection
from flows.models import ACTIVE, FlowVersion, Run, Status, StepRun, Trigger, local_text
from flows.models.run import LOST
from flows.outcome import duration
from flows.paging.pages import Page
from flows.run_pages import listing
from flows.run_pages.detail import (
    HEAD,
    MOST_BELOW,
    WHOLE,
    RunDetail,
    ShownSteps,
    log_selection,
    seconds_so_far,
)
from flows.run_pages.lineage import Origin, has_references
from flows.run_pages.selection import RunSelection
from flows.run_pages.steps import StepNode
from flows.run_pages.window import Part
from flows.versions import version_of

OPEN_UP_TO = 50
_MOST_WARNINGS = 20
_LOG_COMES_LATE = timedelta(seconds=5)
_LABELS = {"params": "parameters"}
_TEXTS = (("inputs", "inputs"), ("outputs", "outputs"), ("definition", "definition, as it was"))
STATUSES = (*Status.values, LOST)
FROM = "from"
"""The parameter of the page of a run that names the number of a step to show."""
PART = "part"
"""The parameter with which a text is answered as a part of a page, not as a file."""


class ShownRun(NamedTuple):
    """A run as the list shows it."""

    id: int
    url: str
    flow: str
    flow_url: str
    status: str
    began: str
    took: str
    trigger: str
    by: str
    steps: str


def list_context(selection: RunSelection, page: Page[Run]) -> dict[str, Any]:
    """Return what the list shows."""

    def at(parameters: dict[str, str]) -> str:
        return list_url(selection, **parameters)

    return {
        "selection": selection,
        "rows": [_shown_run(run, selection) for run in page.rows],
        "links": ways_on(page, at),
        "searched": searched(page, listing.WINDOW, at),
        "filters": _filters(selection),
        "choices": [
            ("status", "Status", _options(STATUSES, selection.status)),
            ("trigger", "Trigger", _options(Trigger.values, selection.trigger)),
        ],
        "list_url": reverse("admin:flows_run_changelist"),
        **time_context(selection, list_url),
    }


def list_url(selection: RunSelection, **more: str) -> str:
    """Return the address of the list with this selection."""
    return reverse("admin:flows_run_changelist") + query(selection.parameters() | more)


def _shown_run(run: Run, selection: RunSelection) -> ShownRun:
    seconds = seconds_so_far(run)
    return ShownRun(
        run.pk,
        run_url(run.pk),
        visible(run.flow_name),
        reverse("admin:flows_run_changelist") + query(selection.parameters() | {"flow": run.flow_name}),
        run.shown_status,
        run.began,
        duration(seconds) if seconds else "",
        run.trigger,
        visible(run.asked_by),
        f"{run.steps_done}/{run.steps_total}",
    )


def run_url(run_id: int) -> str:
    return reverse("admin:flows_run_change", args=[run_id])


def _options(values: Any, chosen: str) -> list[tuple[str, str, bool]]:
    return [("", "Any", not chosen), *((value, value, value == chosen) for value in values)]


def _filters(selection: RunSelection) -> list[tuple[str, str]]:
    """Return a text for each filter that is set, and the address without it."""
    shown = [
        (f"{name} {quoted(value) if name == 'flow' else value}", list_url(selection.without(name)))
        for name in ("flow", "status", "trigger")
        if (value := getattr(selection, name))
    ]
    return shown + time_filters(selection, list_url)


class ShownText(NamedTuple):
    """A text that may be large: its beginning and how long it is.

    `url` is where all of it is, and `more_url` where more of it can be read; empty where it is whole.
    """

    label: str
    text: str
    length: str
    url: str
    more_url: str
    key: str = ""


class ShownAttempt(NamedTuple):
    """One execution of a step."""

    number: int
    head: str
    status: str
    error: str
    wait: str
    not_storable: str
    origin: str
    origin_url: str
    texts: list[ShownText]

    @property
    def has_more_to_say(self) -> bool:
        return bool(self.head or self.error or self.wait or self.not_storable or self.origin)


class ShownStep(NamedTuple):
    """A step with its executions, its bar in the timeline, and what is below it."""

    path: str
    label: str
    procedure: str
    status: str
    took: str
    note: str
    attempts: list[ShownAttempt]
    bars: list[Bar]
    below: "list[ShownStep]"
    is_open: bool
    counted_below: str
    origin_url: str = ""


def page_context(request: HttpRequest, detail: RunDetail) -> dict[str, Any]:
    """Return what the page of a run shows, and the fragment that is polled."""
    run = detail.run
    user = request.user
    seconds = seconds_so_far(run)
    plain = Selection()
    return {
        "run": run,
        "status": run.shown_status,
        "may_change": _may_change(run),
        "took": duration(seconds) if seconds else "",
        "facts": _facts(request, detail),
        "continued_by": [(number, run_url(number)) for number in detail.continued_by],
        "shown": _shown_steps(detail.steps, run) if detail.steps else None,
        "texts": [_run_text(run, name, label) for name, label in _TEXTS] if detail.has_new_texts else None,
        "version": _version(request, run) if detail.has_new_texts else None,
        "warnings": _warnings(run),
        "now": detail.now,
        "may_resume": can_go_on(run) and user.has_perm("flows.resume_run"),
        "may_cancel": not run.is_ended and not run.cancel_asked_by and user.has_perm("flows.cancel_run"),
        "again_url": _again_url(run) if user.has_perm("flows.run_flow") else "",
        "may_see_log": user.has_perm("flows.view_syslog") and detail.log is not None,
        "log_rows": [_without_run(log_view.shown_row(row, plain)) for row in detail.log or ()],
        "log_url": log_view.list_url(log_selection(run)),
        "live_url": reverse("admin:flows_run_live", args=[run.pk]) + _part_of(request),
    }


def _version(request: HttpRequest, run: Run) -> FlowVersion | None:
    """Return the version of its flow that a run executes, where one is kept and this user may see it."""
    if not run.flow_id or not request.user.has_perm("flows.view_flow"):
        return None
    return version_of(run.flow_id, run.definition_hash)


def _part_of(request: HttpRequest) -> str:
    """Return the end of an address that asks for the same part of the steps as this request."""
    return query({FROM: request.GET[FROM]}) if FROM in request.GET else ""


def _may_change(run: Run) -> bool:
    """Return whether the page may show more in a moment: the last log rows come after the end of a run."""
    if run.ended_at is not None:
        return timezone.now() - run.ended_at < _LOG_COMES_LATE
    return run.status in ACTIVE and not run.is_lost


def _without_run(row: log_view.ShownRow) -> log_view.ShownRow:
    """Leave the names of the flow and the run out of a log row, which are those of the page."""
    return row._replace(place=[part for part in row.place if part[0] == "step"])


def _again_url(run: Run) -> str:
    return reverse("admin:flows_flow_run", args=[run.flow_id]) + f"?again={run.pk}" if run.flow_id else ""


def _facts(request: HttpRequest, detail: RunDetail) -> list[tuple[str, str, str]]:
    """Return label, text and address of each fact; no address where this user may not follow it."""
    run = detail.run
    may_see_flow = run.flow_id and request.user.has_perm("flows.view_flow")
    flow_url = reverse("admin:flows_flow_change", args=[run.flow_id]) if may_see_flow else ""
    facts = [
        ("Flow", visible(run.flow_name), flow_url),
        ("Started by", visible(f"{run.trigger}, {run.asked_by}" if run.asked_by else run.trigger), ""),
        ("Asked at", local_text(run.created_at), ""),
        ("Began", local_text(run.started_at), ""),
        ("Ended", local_text(run.ended_at), ""),
        ("Key", visible(run.key) if run.trigger != Trigger.ADMIN else "", ""),
        ("Goes on from", f"run {run.continues}" if run.continues else "", run_url(run.continues or 0)),
        ("Cancelled by", visible(run.cancel_asked_by), ""),
    ]
    return [fact for fact in facts if fact[1]]


def _run_text(run: Run, name: str, label: str) -> ShownText | None:
    head: str = run.definition[:HEAD] if name == "definition" else getattr(run, f"{name}_head")
    length: int = len(run.definition) if name == "definition" else getattr(run, f"{name}_length")
    url = reverse("admin:flows_run_text", args=[run.pk, name])
    return shown_text(label, head, length, url, name) if head not in ("", "{}", "[]") else None


def shown_text(label: str, head: str, length: int, url: str, key: str = "") -> ShownText:
    """Return a text that is laid out where it is whole; `key` tells it apart from the others of a page."""
    label = label.capitalize()
    if length > len(head):
        more_url = f"{url}?{PART}" if len(head) < WHOLE else ""
        return ShownText(label, head, f"{length:,}", url, more_url, key)
    try:
        laid_out = json.dumps(json.loads(head), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        laid_out = head
    return ShownText(label, laid_out, "", "", "", key)


def _warnings(run: Run) -> list[str]:
    try:
        warnings = json.loads(run.warnings)
    except ValueError:
        return []
    if not isinstance(warnings, list):
        return []
    more = [f"and {counted(len(warnings) - _MOST_WARNINGS, 'more warning')}"] if len(warnings) > _MOST_WARNINGS else []
    return [visible(str(text)) for text in warnings[:_MOST_WARNINGS]] + more


class ShownPart(NamedTuple):
    """A part of the steps, as the way to it."""

    text: str
    note: str
    url: str
    is_shown: bool
    is_bad: bool


def _shown_steps(steps: ShownSteps, run: Run) -> dict[str, Any]:
    """Return the steps of the window, and the ways to the others."""
    parts = [_shown_part(part, run) for part in steps.parts]
    place = next((place for place, part in enumerate(parts) if part.is_shown), 0)
    followed = {entry.name for entry in steps.window.entries if has_references(entry.step)}
    now = timezone.now()
    shown = [_shown_step(node, run, now) for node in steps.nodes]
    return {
        "steps": [one._replace(origin_url=origin_url(run, one.path)) if one.path in followed else one for one in shown],
        "parts": parts,
        "before": parts[place - 1] if place else None,
        "after": parts[place + 1] if place + 1 < len(parts) else None,
        "total": steps.window.total,
        "is_cut": steps.is_cut,
        "most_below": MOST_BELOW,
    }


def _shown_part(part: Part, run: Run) -> ShownPart:
    notes = [f"{part.failed} failed"] if part.failed else []
    if part.is_current and not part.failed:
        notes.append(run.shown_status)
    text = f"{part.first}\u2013{part.last}" if part.last > part.first else str(part.first)
    url = f"{run_url(run.pk)}?{FROM}={part.first}#steps"
    return ShownPart(text, ", ".join(notes), url, part.is_shown, bool(part.failed))


def origin_url(run: Run, step: str) -> str:
    """Return the address that says where the parameters of a step come from; empty for a name that is no step's."""
    return reverse("admin:flows_run_origin", args=[run.pk, step]) if NAME.fullmatch(step) else ""


class ShownOrigin(NamedTuple):
    """A parameter or a step on the way back, and what it comes from."""

    label: str
    text: str
    value: str
    note: str
    url: str
    below: "list[ShownOrigin]"


def shown_origin(origin: Origin, run: Run) -> ShownOrigin:
    """Return the way back as the page shows it."""
    return ShownOrigin(
        visible(origin.label),
        visible(origin.text),
        cut(origin.value),
        origin.note,
        origin_url(run, origin.step) if origin.step else "",
        [shown_origin(one, run) for one in origin.below],
    )


def _shown_step(node: StepNode, run: Run, now: datetime) -> ShownStep:
    last = node.last
    below = [_shown_step(one, run, now) for one in node.below]
    return ShownStep(
        visible(node.path),
        visible(node.label),
        visible(node.procedure),
        node.status,
        duration(last.seconds) if last and last.seconds else "",
        _note(node, run),
        [_shown_attempt(row, len(node.attempts)) for row in node.attempts],
        bars_of(node, run, now),
        below,
        len(below) <= OPEN_UP_TO,
        _counted_below(node),
    )


def _counted_below(node: StepNode) -> str:
    number = len(node.below)
    if number and node.below[0].label.startswith("["):
        return "1 entry" if number == 1 else f"{number:,} entries"
    return counted(number, "step")


def _note(node: StepNode, run: Run) -> str:
    """Return what is to be said of the execution that is in flight, or of several."""
    if node.attempt:
        since = f", since {local_text(run.step_started_at)}" if run.step_started_at else ""
        return f"attempt {node.attempt}{since}" + _wait_before(node)
    made = len(node.attempts)
    return f"{made} attempts" if made > 1 else ""


def _wait_before(node: StepNode) -> str:
    last = node.last
    return f", after a wait of {duration(last.retry_in)}" if last and last.retry_in else ""


def _shown_attempt(row: StepRun, made: int) -> ShownAttempt:
    heads: Any = row
    took = f" after {duration(row.seconds)}" if row.seconds else ""
    head = f"Attempt {row.attempt}, {row.began}: {row.status}{took}." if made > 1 or row.status == "interrupted" else ""
    texts = [
        _step_text(row, "params", heads.params_head, heads.params_length),
        _step_text(row, "result", heads.result_head, heads.result_length),
        _step_text(row, "traceback", heads.traceback_tail, heads.traceback_length),
    ]
    return ShownAttempt(
        row.attempt,
        head,
        row.status,
        visible(row.error_message or row.error_type),
        duration(row.retry_in) if row.retry_in else "",
        visible(row.not_storable),
        f"run {heads.reused_run}" if heads.reused_run else "",
        run_url(heads.reused_run) if heads.reused_run else "",
        [text for text in texts if text],
    )


def _step_text(row: StepRun, name: str, head: str, length: int) -> ShownText | None:
    if not head or head == "{}":
        return None
    is_cut = length > len(head)
    url = reverse("admin:flows_run_step_text", args=[row.run_id, row.pk, name]) if is_cut else ""
    return shown_text(_LABELS.get(name, name), head, length, url, f"{row.path}#{row.attempt} {name}")
