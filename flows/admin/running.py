"""Runs that are started from a page; where there is no history, the run holds the request, and its outcome is kept."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from flows import runs, services, tasks
from flows.models import Flow, Run, Trigger, local_text
from flows.outcome import RunOutcome

SESSION_KEY = "flows.outcome"

Outcome = dict[str, Any]


def start(request: HttpRequest, flow: Flow, inputs: Mapping[str, Any], key: str = "") -> tuple[Run, bool] | Outcome:
    """Have a flow run, and return the run and whether this call made it; the page does not wait for it.

    Where there is no history, the flow is run here and now, and its outcome is returned. Raises `FlowError` where the
    flow is refused.
    """
    found = services.runnable(flow.flow_name)
    created = runs.create_run(found, inputs, runs.Asked(Trigger.ADMIN, request.user.get_username(), key))
    if created is None:
        began = local_text(timezone.now(), "milliseconds")
        return _shown(flow, began, runs.run_unrecorded(flow.flow_name, found.definition, inputs))
    run, is_new = created
    if is_new:
        tasks.enqueue(run, partial(messages.warning, request))
    return run, is_new


def _shown(flow: Flow, began: str, outcome: RunOutcome) -> Outcome:
    """Return what a page shows of an outcome, as plain values that a session can hold."""
    return {
        "flow_id": flow.pk,
        "flow": str(flow),
        "began": began,
        "status": "succeeded" if outcome.succeeded else "failed",
        "summary": outcome.summary,
        "warnings": list(outcome.warnings),
        "steps": [
            {"name": step.name, "status": step.status, "seconds": step.seconds, "note": step.error or step.warning}
            for step in outcome.steps
        ],
    }


def keep_outcome(request: HttpRequest, outcome: Outcome) -> None:
    """Keep the outcome of the last run for the page that shows it."""
    request.session[SESSION_KEY] = outcome


def kept_outcome(request: HttpRequest, flow: Flow) -> Outcome | None:
    """Return the outcome of the last run, if it was one of this flow."""
    outcome: Outcome | None = request.session.get(SESSION_KEY)
    return outcome if outcome and outcome["flow_id"] == flow.pk else None


def log_rows_url(outcome: Outcome) -> str:
    """Return the address of the log rows that were written since the run began."""
    return reverse("admin:flows_syslog_changelist") + "?" + urlencode({"since": outcome["began"]})
