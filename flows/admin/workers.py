"""The page of workers: who takes runs from which queue, and which runs wait or are executed."""

from typing import TYPE_CHECKING

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.dispatch.overview import overview
from flows.models import Flow, Run
from flows.outcome import duration

if TYPE_CHECKING:
    FlowModelAdmin = ModelAdmin[Flow]

PERMISSION = "flows.view_run"


def urls(flow_admin: "FlowModelAdmin") -> list[URLPattern]:
    @require_GET
    def workers_view(request: HttpRequest) -> HttpResponseBase:
        return _workers_page(flow_admin, request)

    return [path("workers/", flow_admin.admin_site.admin_view(workers_view), name="flows_flow_workers")]


def _workers_page(flow_admin: "FlowModelAdmin", request: HttpRequest) -> HttpResponseBase:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    seen = overview()
    context = flow_admin.admin_site.each_context(request) | {
        "title": "Workers and queues",
        "opts": flow_admin.opts,
        "seen": seen,
        "runs": [(run, queue, _age(run)) for run, queue in seen.runs],
        "media": flow_admin.media,
    }
    return TemplateResponse(request, "admin/flows/flow/workers.html", context)


def _age(run: Run) -> str:
    return duration(max((timezone.now() - (run.started_at or run.created_at)).total_seconds(), 0))
