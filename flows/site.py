"""The admin site: Django's, with a start page that says how the runs are."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse


class WorkflowsSite(AdminSite):
    """Name it in an `AdminConfig.default_site`, as wfsite/apps.py does."""

    site_header = "Workflows"
    site_title = "Workflows"
    index_title = "Overview"
    index_template = "admin/flows/index.html"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        from flows.admin.overview import overview_context  # noqa: PLC0415  (the pages register with this site)

        return super().index(request, {"state": overview_context(request.user), **(extra_context or {})})
