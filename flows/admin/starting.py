"""The page that starts a run: a form of the flow's inputs, and what is said where the flow is refused."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from flows import runs, services
from flows.admin import running
from flows.admin.flow_pages import note
from flows.engine import FlowError
from flows.models import Flow, Run
from flows.run_form import RunForm


def run_page(request: HttpRequest, flow: Flow, context: dict[str, Any]) -> HttpResponse:
    """Show the form, or start the run that it asks for."""
    page = context | {"title": f"Run {flow}", "flow": flow}
    try:
        declared = services.runnable(flow.flow_name).definition.inputs
    except FlowError as error:
        return _page(request, page | {"refusal": str(error)})
    if request.method != "POST":
        return _page(request, page | {"form": RunForm(declared, values=_values_of(request))})
    if declared and "filled" not in request.POST:
        # The button of the flow's page: there is something to fill in first.
        return redirect("admin:flows_flow_run", flow.pk)
    form = RunForm(declared, request.POST)
    if form.is_valid():
        try:
            return _started(request, flow, running.start(request, flow, form.inputs, form.key))
        except FlowError as error:
            page["refusal"] = str(error)
            form.renew_nonce()
    return _page(request, page | {"form": form})


def _values_of(request: HttpRequest) -> dict[str, Any]:
    """Return the inputs of the run that is to be run again."""
    number = request.GET.get("again", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 19 and request.user.has_perm("flows.view_run")):
        return {}
    try:
        values = json.loads(runs.find_run(int(number)).inputs)
    except (FlowError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, "admin/flows/flow/run.html", context)


def _started(request: HttpRequest, flow: Flow, started: tuple[Run, bool] | running.Outcome) -> HttpResponse:
    if isinstance(started, dict):
        note(request, [flow], f"Run: {started['summary']}")
        running.keep_outcome(request, started)
        return redirect("admin:flows_flow_outcome", flow.pk)
    run, is_new = started
    if is_new:
        note(request, [flow], f"Run {run.pk} started.")
    else:
        messages.info(request, f"This form has started run {run.pk} already; open it again for another run.")
    return redirect(url_after(request, run))


def url_after(request: HttpRequest, run: Run) -> str:
    """Return the address of the run's page, or of one that this user may see."""
    if request.user.has_perm("flows.view_run"):
        return reverse("admin:flows_run_change", args=[run.pk])
    messages.success(request, f"Run {run.pk} is started. You may not see runs, so its page is not shown.")
    if request.user.has_perm("flows.view_flow") and run.flow_id:
        return reverse("admin:flows_flow_change", args=[run.flow_id])
    return reverse("admin:index")
