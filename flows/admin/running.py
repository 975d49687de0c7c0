"""Runs that are started from a page: the use-case is called, and what it says is kept for the next page."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from flows import runs
from flows.engine import FlowError
from flows.models import Flow, local_text

SESSION_KEY = "flows.outcome"

Outcome = dict[str, Any]


def run_for_page(flow: Flow) -> Outcome:
    """Run the flow and return what a page shows of it, as plain values that a session can hold."""
    began = timezone.now()
    shown: Outcome = {"flow_id": flow.pk, "flow": str(flow), "began": local_text(began, "milliseconds"), "steps": []}
    try:
        outcome = runs.run_flow(flow.flow_name)
    except FlowError as refused:
        return shown | {"status": "refused", "summary": str(refused)}
    return shown | {
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
