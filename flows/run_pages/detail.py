"""Read one run as its page shows it: a window of its steps, and of each text only the beginning."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from django.db.models import CharField, F, Value
from django.db.models.functions import Left, Length, Right
from django.utils import timezone

from flows import runs
from flows.log_pages.pages import newest_rows, read_newer
from flows.log_pages.selection import Selection
from flows.models import Run, Status, StepRun, SysLog, local_text
from flows.paging.streams import all_of, compiled, values_of
from flows.run_pages.lineage import Origin, origins, steps_behind
from flows.run_pages.steps import Entry, StepNode, arranged, outline
from flows.run_pages.window import Part, Window, may_be_reached, parts_of, window_of

MOST_ROWS = 500
MOST_BELOW = 100
MOST_CONTINUING = 20
HEAD = 400
WHOLE = 20_000
LOG_ROWS = 50
_LOG_WINDOW = 20_000
# Of a larger value the way back of parameters shows nothing.
_LINEAGE_HEAD = 2_000
# Rows of the log are written by a thread of their own, and clocks of machines differ.
_LATER = timedelta(seconds=30)
# While a step goes on, its bar is drawn again whenever the run has become so much longer.
_LONGER = 1.1


class Seen(NamedTuple):
    """What stands on the page of a reader who asks again: the versions of its parts; empty where there is none."""

    steps: str = ""
    texts: str = ""
    log: str = ""


NOTHING_SEEN = Seen()


@dataclass(frozen=True, slots=True)
class ShownSteps:
    """The steps of a window, and the parts that all steps of the run make.

    `is_cut` says that older entries or steps of sub-flows were left out.
    """

    window: Window
    nodes: list[StepNode]
    parts: list[Part]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run, the numbers of the runs that go on from it, its steps and its newest log rows.

    Steps and log are None where the reader has seen them; `now` are the versions of what there is.
    """

    run: Run
    continued_by: list[int]
    steps: ShownSteps | None
    has_new_texts: bool
    log: list[SysLog] | None
    now: Seen


def read_run(run_id: int, *, with_log: bool, number: int | None = None, seen: Seen = NOTHING_SEEN) -> RunDetail:
    """Return a run with what its page shows and the reader has not seen, by at most five queries; raises `UnknownRun`.

    `number` is that of a step which is to be among the shown ones.
    """
    run = runs.find_run_among(Run.objects.with_heads(HEAD), run_id)
    now = Seen(_version(_state(run)), _version(run.shown_status))
    if seen.steps == now.steps:
        steps, continued_by = None, _around(run, [], [])[2]
    else:
        steps, continued_by = _steps(run, number)
    log = _log(run, seen.log) if with_log else []
    newest = str(max(row.pk for row in log)) if log else ""
    return RunDetail(run, continued_by, steps, seen.texts != now.texts, log, now._replace(log=newest or seen.log))


def _state(run: Run) -> tuple[Any, ...]:
    """Return what changes whenever something is recorded of a run: a checkpoint writes both at once."""
    longer = int(math.log(seconds_so_far(run) + 1, _LONGER)) if run.step_started_at else 0
    return run.shown_status, run.steps_done, run.step, run.step_attempt, run.step_started_at, longer


def _version(state: Any) -> str:
    return blake2b(repr(state).encode(), digest_size=6).hexdigest()


def _steps(run: Run, number: int | None) -> tuple[ShownSteps, list[int]]:
    """Return the steps that are shown, and the numbers of the runs that go on from this one."""
    known = may_be_reached(run, outline(document_of(run))) or _recorded(run)
    window = window_of(run, known, number)
    others = [] if window.is_all else [entry.name for entry in known]
    below, failed, continued_by = _around(run, [one.name for one in window.entries if one.may_have_more_below], others)
    nodes = arranged(run, window.entries, _step_rows(run, window, below[:MOST_BELOW]))
    parts = [] if window.is_all else parts_of(run, known, window, failed)
    return ShownSteps(window, nodes, parts, len(below) > MOST_BELOW), continued_by


def _recorded(run: Run) -> list[Entry]:
    """Return the steps that are recorded, where nobody can read the document."""
    paths = StepRun.objects.filter(run=run).top_level().order_by("path").values_list("path", flat=True)
    return [Entry(path, {}) for path in paths.distinct()[:MOST_ROWS]]


def _around(run: Run, below: Sequence[str], names: Sequence[str]) -> tuple[list[int], list[str], list[int]]:
    """Return the ids of the newest rows below these steps, which of these names failed, and the runs that go on."""
    mine = StepRun.objects.filter(run=run)
    # Not by the id itself: MariaDB would walk the whole table backwards by it instead of the index of the run.
    newest = mine.below_steps_of(below).order_by((F("id") + 0).desc())
    failed = mine.of_steps(names).failed_for_good().order_by("path")
    others = Run.objects.going_on_from(run.pk).order_by("id")
    wanted = (("below", newest, MOST_BELOW + 1), ("failed", failed, MOST_ROWS), ("after", others, MOST_CONTINUING))
    statements = [
        compiled(rows.annotate(kind=Value(kind), name=_name(kind)).values_list("kind", "id", "name")[:most])
        for kind, rows, most in wanted
        if not ((kind == "below" and not below) or (kind == "failed" and not names))
    ]
    found = values_of(Run.objects.all(), statements)
    return (
        [pk for kind, pk, _ in found if kind == "below"],
        [name for kind, _, name in found if kind == "failed"],
        [pk for kind, pk, _ in found if kind == "after"],
    )


def _name(kind: str) -> Any:
    return F("path") if kind == "failed" else Value("", output_field=CharField())


def _step_rows(run: Run, window: Window, below: list[int]) -> list[StepRun]:
    """Return executions of the steps of a window, and those of these ids, in the order in which they ended."""
    mine = StepRun.objects.filter(run=run).of_steps(entry.name for entry in window.entries)
    parts = [mine.order_by("path", "attempt").with_heads(HEAD)[:MOST_ROWS]]
    if below:
        parts.append(StepRun.objects.filter(pk__in=below).order_by("id").with_heads(HEAD))
    return sorted(all_of(parts), key=lambda row: row.pk)


def _log(run: Run, seen: str) -> list[SysLog] | None:
    """Return the newest log rows of a run; None where none came after the one that was seen."""
    selection = log_selection(run)
    last = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 19 else 0
    if last and not read_newer(selection, last).rows:
        return None
    return newest_rows(selection, LOG_ROWS, _LOG_WINDOW)


def document_of(run: Run) -> dict[str, Any]:
    """Return the document that a run keeps; empty where nobody can read it."""
    document = _value(run.definition)
    return document if isinstance(document, dict) else {}


def read_origins(run_id: int, name: str) -> tuple[Run, Origin | None]:
    """Return a run, and the way back of the parameters of one of its steps; raises `UnknownRun`."""
    run = runs.find_run(run_id)
    document = document_of(run)
    rows: Any = StepRun.objects.filter(run=run).of_steps(steps_behind(document, name)).in_order()
    results = rows.with_heads(_LINEAGE_HEAD).values_list("path", "result_head", "result_length")
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


def head_of_run(run_id: int, what: str) -> tuple[str, int]:
    """Return as much of a text of a run as a page shows, and how long it is; raises `UnknownRun`."""
    rows = Run.objects.annotate(head=Left(what, WHOLE), length=Length(what)).only("pk")
    run: Any = runs.find_run_among(rows, run_id)
    return run.head, run.length


def head_of_step_run(run_id: int, step_run_id: int, what: str) -> tuple[str, int] | None:
    """Return as much of a text of one execution as a page shows, and how long it is: of a traceback the end."""
    end = Right if what == "traceback" else Left
    rows = StepRun.objects.filter(run_id=run_id, pk=step_run_id)
    return rows.values_list(end(what, WHOLE), Length(what)).first()


def seconds_so_far(run: Run) -> float:
    """Return how long a run took, or has been going on."""
    if run.status == Status.RUNNING and not run.is_lost and run.started_at:
        return max((timezone.now() - run.started_at).total_seconds(), 0.0)
    return run.seconds
