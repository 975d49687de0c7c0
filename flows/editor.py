"""What the page of a flow asks while its document is typed: check it, complete it, edit it; nothing is saved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flows.editing.completion import Site, complete
from flows.editing.edits import Refused, Units, apply
from flows.editing.places import extents
from flows.editing.refactor import Change, Workpiece
from flows.editing.tree import Kind, exact_pointer, nearest, parse_tree, pointer_path
from flows.engine import Finding, Report, Verdict
from flows.engine.catalogue import Entry
from flows.engine.document import MAX_BYTES
from flows.engine.errors import MAX_FINDINGS
from flows.engine.proof import Certainty
from flows.engine.text import counted, quoted
from flows.models import Flow
from flows.services import check_document, procedures, registry, stored_document

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the panel: what is said, where, and what a press of the button does."""

    pointer: str
    message: str
    place: str
    offset: int | None = None
    repair: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What the check says of a text, for a page.

    Of what is assumed it holds the first places. `steps` holds start, end and name of each step, for the page to know
    which one the cursor is in; places count as JavaScript counts.
    """

    summary: str
    findings: tuple[Row, ...]
    assumed: tuple[Row, ...]
    assumed_in_all: int
    hints: tuple[Row, ...]
    steps: list[tuple[int, int, str]]

    @property
    def passes(self) -> bool:
        return not self.findings


def check_panel(text: str, name: str = "") -> Panel:
    """Return what the check says of a text; `name` is the flow's own."""
    report = check_document(text, name)
    units = Units(text)
    with_doubt = _with_doubt(report)
    return Panel(
        _summary(report, len(with_doubt)),
        tuple(_finding_row(one, units) for one in report.findings),
        tuple(_verdict_row(one) for one in with_doubt[:_MOST_SHOWN]),
        len(with_doubt),
        tuple(_finding_row(one, units) for one in report.hints),
        _outline(text, units) if len(text) <= MAX_BYTES else [],
    )


def _summary(report: Report, assumed: int) -> str:
    proved = sum(one.certainty is Certainty.PROVED for one in report.verdicts)
    if report.definition is None:
        found = counted(len(report.findings), "finding")
        return found if len(report.findings) < MAX_FINDINGS else f"{found}; there may be more"
    number = counted(len(report.definition.steps), "step")
    if not report.verdicts:
        return f"{number}, no references"
    return f"{number}, {counted(len(report.verdicts), 'reference')}: {proved} proved, {assumed} assumed"


def _with_doubt(report: Report) -> list[Verdict]:
    return [one for one in report.verdicts if one.certainty is Certainty.ASSUMED]


def _finding_row(finding: Finding, units: Units) -> Row:
    offset = None if finding.offset is None else units.of(finding.offset)
    repair = str(finding.repair) if finding.repair else ""
    return Row(finding.pointer, finding.message, exact_pointer(finding.path), offset, repair)


def _verdict_row(verdict: Verdict) -> Row:
    message = f"{quoted(str(verdict.reference))}: {verdict.reason}"
    return Row(verdict.pointer, message, exact_pointer(verdict.path))


def _outline(text: str, units: Units) -> list[tuple[int, int, str]]:
    return [(units.of(one.start), units.of(one.end), one.name) for one in extents(text)]


def completion(text: str, cursor: int, name: str = "") -> dict[str, Any]:
    """Return what can be written at the cursor, as JSON values."""
    units = Units(text)
    names = tuple(Flow.objects.not_deleted().values_list("flow_name", flat=True))
    site = Site(registry(), procedures(), stored_document, names, name)
    start, end, candidates = complete(text, units.offset(cursor), site)
    return {
        "start": units.of(start),
        "end": units.of(end),
        "candidates": [{"label": one.label, "detail": one.detail, "text": one.text} for one in candidates],
    }


def find_entry(mod: str, method: str) -> Entry | None:
    """Return what the catalogue has of a procedure."""
    return next((one for one in procedures().entries if (one.mod, one.method) == (mod, method)), None)


def edit(text: str, name: str, change: Callable[[Workpiece], Change]) -> dict[str, Any]:
    """Return the edits of a change and the place to select afterwards, or why it is refused, as JSON values."""
    try:
        piece = Workpiece(text, lambda candidate: check_document(candidate, name))
        edits, path = change(piece)
    except Refused as refusal:
        return {"refused": str(refusal)}
    units = Units(text)
    return {
        "edits": [[units.of(one.start), units.of(one.end), one.text] for one in edits],
        "select": place_of(apply(text, edits), exact_pointer(path)),
    }


def place_of(text: str, pointer: str) -> list[int]:
    """Return where a JSON Pointer is in a text that may be half typed: a scalar from start to end, else the start."""
    node = nearest(parse_tree(text), pointer_path(pointer))
    units = Units(text)
    if node.kind is Kind.STRING:
        return [units.of(node.start + 1), units.of(node.end - node.closed)]
    return [units.of(node.start), units.of(node.end if node.kind is Kind.WORD else node.start)]
