"""The large texts of a run: as files to take away, and as parts of its page."""

from django.http import Http404, HttpResponse
from django.urls import reverse

from flows import runs
from flows.admin.run_view import ShownText, shown_text
from flows.run_pages.detail import find_step_run, head_of_run, head_of_step_run

OF_RUN = ("definition", "inputs", "outputs", "warnings")
OF_STEP = ("params", "result", "traceback")


def of_run(run_id: int, what: str) -> HttpResponse:
    """Return a text of a run; raises `UnknownRun`."""
    _known_of_run(what)
    return _file(getattr(runs.find_run(run_id), what), f"run-{run_id}-{what}.json")


def of_step(run_id: int, step_run_id: int, what: str) -> HttpResponse:
    """Return a text of one execution of a step."""
    row = find_step_run(run_id, _known_of_step(step_run_id, what))
    if row is None:
        raise _no_such_text()
    ending = "txt" if what == "traceback" else "json"
    return _file(getattr(row, what), f"run-{run_id}-step-{step_run_id}-{what}.{ending}")


def part_of_run(run_id: int, what: str) -> ShownText:
    """Return as much of a text of a run as a page shows; raises `UnknownRun`."""
    _known_of_run(what)
    return shown_text(what, *head_of_run(run_id, what), reverse("admin:flows_run_text", args=[run_id, what]))


def part_of_step(run_id: int, step_run_id: int, what: str) -> ShownText:
    """Return as much of a text of one execution of a step as a page shows."""
    found = head_of_step_run(run_id, _known_of_step(step_run_id, what), what)
    if found is None:
        raise _no_such_text()
    return shown_text(what, *found, reverse("admin:flows_run_step_text", args=[run_id, step_run_id, what]))


def _known_of_run(what: str) -> None:
    if what not in OF_RUN:
        raise Http404(f"A run has no such text; it has {', '.join(OF_RUN)}.")


def _known_of_step(step_run_id: int, what: str) -> int:
    if what not in OF_STEP or step_run_id >= 2**63:
        raise _no_such_text()
    return step_run_id


def _no_such_text() -> Http404:
    return Http404(f"There is no such text; an execution of a step has {', '.join(OF_STEP)}.")


def _file(text: str, name: str) -> HttpResponse:
    kind = "application/json" if name.endswith(".json") else "text/plain; charset=utf-8"
    disposition = f'attachment; filename="{name}"'
    data = text.encode(errors="backslashreplace")
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": disposition})
