"""The page that lets a run go on: it says first what will happen, and what has changed."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from flows import runs, tasks
from flows.engine import FlowError
from flows.models import Run, Status, Trigger
from flows.run_form import new_nonce

_ITSELF = (Status.INTERRUPTED, Status.RUNNING, Status.QUEUED)
EDITED = "edited"


def resume(request: HttpRequest, run: Run) -> Run:
    """Let a run go on in the way that was chosen, and return the one that is executed; raises `FlowError`."""
    asked = runs.Asked(Trigger.ADMIN, request.user.get_username(), request.POST.get("nonce", "")[:64])
    way = runs.take_over_edited if request.POST.get("way") == EDITED else runs.resume_run
    going_on = way(run.pk, asked)
    tasks.enqueue(going_on, partial(messages.warning, request))
    return going_on


def can_go_on(run: Run) -> bool:
    """Return whether a run can be resumed; one that waits may have lost the process that was to execute it."""
    return run.shown_status not in (Status.RUNNING, Status.SUCCEEDED)


def page_context(run: Run) -> dict[str, Any]:
    """Return what the page shows before anything is done."""
    changes, gone = _changes(run)
    return {
        "title": f"Resume run {run.pk}",
        "run": run,
        "status": run.shown_status,
        "can_go_on": can_go_on(run),
        "goes_on_as_itself": run.status in _ITSELF,
        "changes": changes,
        "gone": gone,
        "nonce": new_nonce(),
    }


def _changes(run: Run) -> tuple[list[str], str]:
    """Return what has changed since the run began, or why it cannot go on with the code of this site."""
    try:
        return runs.changes_since(run), ""
    except FlowError as error:
        return [], str(error)
