"""The pages of a flow's versions: the list, one version, two side by side, and the button that restores one."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from flows import versions
from flows.admin.flow_pages import FlowPages, View, note
from flows.engine import Finding, InvalidFlow
from flows.models import Flow, FlowVersion

EDIT = "version"
"""The query parameter with which the form of a flow shows the document of an old version."""

STORED = "stored"
"""What a page calls the stored state where no version holds it."""

_ROWS_SHOWN = 2_000
_DIFFERENCES_SHOWN = 200


def version_to_edit(request: HttpRequest, flow: Flow | None) -> FlowVersion | None:
    """Return the version whose document the form of a flow shall show, when it is opened with one."""
    number = request.GET.get(EDIT, "")
    if flow is None or request.method != "GET" or not _is_number(number):
        return None
    try:
        return versions.version_numbered(flow, int(number))
    except versions.NoVersions:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


class VersionPages(FlowPages):
    """The versions of one flow."""

    under = "versions"

    def views(self) -> Iterable[tuple[str, View, str]]:
        return (
            ("", self.list_view, "versions"),
            ("compare/", self.compare_view, "compare"),
            ("<int:number>/", self.version_view, "version"),
            ("<int:number>/restore/", self.restore_view, "restore_version"),
        )

    @method_decorator(require_GET)
    def list_view(self, request: HttpRequest, flow: Flow) -> HttpResponseBase:
        context: dict[str, Any] = {"title": f"History of {flow}"}
        try:
            page = versions.versions_of(flow, request.GET.get("page", "1"))
            stored = versions.not_kept_yet(flow) if page.number == 1 else None
            shown = ([stored] if stored and page else []) + list(page)
            context |= {"page": page, "rows": shown, "choosable": len(shown) > 1}
        except versions.NoVersions as reason:
            context["reason"] = str(reason)
        return self._page(request, flow, "versions", context)

    @method_decorator(require_GET)
    def version_view(self, request: HttpRequest, flow: Flow, number: int) -> HttpResponseBase:
        return self._version_page(request, flow, self._version(flow, str(number)))

    def _version_page(
        self, request: HttpRequest, flow: Flow, version: FlowVersion, findings: tuple[Finding, ...] = ()
    ) -> HttpResponseBase:
        change = reverse("admin:flows_flow_change", args=[flow.pk])
        context = {
            "title": f"Version {version.number} of {flow}",
            "version": version,
            "text": versions.laid_out(version.document),
            "findings": findings,
            "is_stored": version.document == flow.flow_json,
            "edit_url": f"{change}?{urlencode({EDIT: version.number})}",
        }
        return self._page(request, flow, "version", context)

    @method_decorator(require_GET)
    def compare_view(self, request: HttpRequest, flow: Flow) -> HttpResponseBase:
        old, new = (self._version(flow, request.GET.get(side, "")) for side in ("old", "new"))
        comparison = versions.compare(old, new)
        found = comparison.differences or ()
        context = {
            "title": f"Changes of {flow}",
            "comparison": comparison,
            "differences": found[:_DIFFERENCES_SHOWN],
            "more_differences": len(found) - _DIFFERENCES_SHOWN,
            "rows": comparison.rows[:_ROWS_SHOWN],
            "more_rows": len(comparison.rows) > _ROWS_SHOWN,
        }
        return self._page(request, flow, "compare", context)

    @method_decorator(require_POST)
    def restore_view(self, request: HttpRequest, flow: Flow, number: int) -> HttpResponseBase:
        if not self.flow_admin.has_change_permission(request, flow):
            raise PermissionDenied
        with transaction.atomic():
            flow = Flow.objects.select_for_update().get(pk=flow.pk)
            version = self._version(flow, str(number))
            try:
                made = versions.restore_version(flow, version, request.user.get_username())
            except InvalidFlow as error:
                return self._version_page(request, flow, version, error.findings)
            self._tell(request, flow, version, made)
        return redirect("admin:flows_flow_change", flow.pk)

    def _tell(self, request: HttpRequest, flow: Flow, version: FlowVersion, made: FlowVersion | None) -> None:
        if made is None:
            messages.warning(request, f"The flow holds the document of version {version.number} already.")
            return
        note(request, [flow], f"Restored version {version.number}.")
        text = f"The document of version {version.number} is stored again; this is version {made.number}."
        messages.success(request, text)

    def _version(self, flow: Flow, number: str) -> FlowVersion:
        try:
            if number == STORED:
                return FlowVersion.of_stored(flow)
            found = versions.version_numbered(flow, int(number)) if _is_number(number) else None
        except versions.NoVersions as reason:
            raise Http404(str(reason)) from reason
        if found is None:
            raise Http404("The flow has no such version.")
        return found

    def _page(self, request: HttpRequest, flow: Flow, name: str, context: dict[str, Any]) -> TemplateResponse:
        return self.page(
            request, flow, name, context | {"may_change": self.flow_admin.has_change_permission(request, flow)}
        )
