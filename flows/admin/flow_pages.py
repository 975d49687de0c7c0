"""Pages below one flow: how they find it, who may see them, and what is written down of what was done there."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from flows.engine.text import visible
from flows.models import Flow

if TYPE_CHECKING:
    FlowModelAdmin = ModelAdmin[Flow]

View = Callable[..., HttpResponseBase]


class FlowPages:
    """Views that are given the flow they are about; who may see it is what the admin of the flows says."""

    under: ClassVar[str]
    """The part of the address that follows the flow's."""

    def __init__(self, flow_admin: "FlowModelAdmin") -> None:
        self.flow_admin = flow_admin

    def views(self) -> Iterable[tuple[str, View, str]]:
        """Return the rest of the address, the view and the name of each page."""
        raise NotImplementedError

    def urls(self) -> list[URLPattern]:
        admin_view = self.flow_admin.admin_site.admin_view
        return [
            path(f"<path:object_id>/{self.under}/{rest}", admin_view(self._of_flow(view)), name=f"flows_flow_{name}")
            for rest, view, name in self.views()
        ]

    def _of_flow(self, view: View) -> View:
        def of_flow(request: HttpRequest, object_id: str, **names: Any) -> HttpResponseBase:
            flow = self.flow_admin.get_object(request, unquote(object_id))
            if not self.flow_admin.has_view_permission(request, flow):
                raise PermissionDenied
            return no_such_flow(self.flow_admin, request, object_id) if flow is None else view(request, flow, **names)

        return of_flow

    def page(self, request: HttpRequest, flow: Flow, name: str, context: dict[str, Any]) -> TemplateResponse:
        """Return a page with what every page of the admin shows."""
        common = self.flow_admin.admin_site.each_context(request) | {
            "opts": self.flow_admin.opts,
            "flow": flow,
            "media": self.flow_admin.media,
        }
        return TemplateResponse(request, f"admin/flows/flow/{name}.html", common | context)


def no_such_flow(flow_admin: "FlowModelAdmin", request: HttpRequest, object_id: str) -> HttpResponseBase:
    """Lead to the list, with a word."""
    return flow_admin._get_obj_does_not_exist_redirect(request, flow_admin.opts, object_id)  # type: ignore[attr-defined,no-any-return]


def note(request: HttpRequest, flows: Iterable[Flow], text: str, flag: int = CHANGE) -> None:
    """Write down in the history of each of these flows what this user did."""
    LogEntry.objects.log_actions(request.user.pk, [*flows], flag, visible(text))  # type: ignore[arg-type]
