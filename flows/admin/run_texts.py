"""The large texts of a run as files to take away."""

from django.http import Http404, HttpResponse

from flows import runs
from flows.run_pages.detail import find_step_run

OF_RUN = ("definition", "inputs", "outputs", "warnings")
OF_STEP = ("params", "result", "traceback")


def of_run(run_id: int, what: str) -> HttpResponse:
    """Return a text of a run; raises `UnknownRun`."""
    if what not in OF_RUN:
        raise Http404(f"A run has no such text; it has {', '.join(OF_RUN)}.")
    return _file(getattr(runs.find_run(run_id), what), f"run-{run_id}-{what}.json")


def of_step(run_id: int, step_run_id: int, what: str) -> HttpResponse:
    """Return a text of one execution of a step."""
    row = find_step_run(run_id, step_run_id) if step_run_id < 2**63 else None
    if what not in OF_STEP or row is None:
        raise Http404(f"There is no such text; an execution of a step has {', '.join(OF_STEP)}.")
    ending = "txt" if what == "traceback" else "json"
    return _file(getattr(row, what), f"run-{run_id}-step-{step_run_id}-{what}.{ending}")


def _file(text: str, name: str) -> HttpResponse:
    kind = "application/json" if name.endswith(".json") else "text/plain; charset=utf-8"
    disposition = f'attachment; filename="{name}"'
    data = text.encode(errors="backslashreplace")
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": disposition})
