"""The picture of a flow in the admin: on its page, redrawn while it is edited, and as a file."""

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import patch_cache_control
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST, require_safe

from flows.forms import with_line_feeds
from flows.models import Flow
from flows.picture import Picture, picture_of, to_svg, to_svg_file
from flows.services import check_document

if TYPE_CHECKING:
    FlowModelAdmin = admin.ModelAdmin[Flow]
else:
    FlowModelAdmin = admin.ModelAdmin


def urls(model_admin: FlowModelAdmin) -> list[URLPattern]:
    """Return the addresses of the redrawn picture and of the file."""
    own = model_admin.admin_site.admin_view
    return [
        path("picture/", own(partial(redrawn, model_admin=model_admin)), name="flows_flow_picture"),
        path(
            "<path:object_id>/picture.svg",
            own(partial(as_file, model_admin=model_admin)),
            name="flows_flow_picture_file",
        ),
    ]


def on_page(context: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of a flow needs to show its picture: of the text that stands in the form."""
    flow: Flow | None = context.get("original")
    form = context["adminform"].form
    stored = flow.flow_json if flow else ""
    text = form["flow_json"].value() if "flow_json" in form.fields else stored
    return drawing(with_line_feeds(text or ""), flow.flow_name if flow else "")


@require_POST
def redrawn(request: HttpRequest, model_admin: FlowModelAdmin) -> HttpResponseBase:
    """Draw the text that was sent; store nothing."""
    if not (model_admin.has_view_or_change_permission(request) or model_admin.has_add_permission(request)):
        raise PermissionDenied
    text, name = (request.POST.get(key, "") for key in ("flow_json", "flow_name"))
    response = TemplateResponse(request, "admin/flows/flow/picture_drawing.html", drawing(with_line_feeds(text), name))
    patch_cache_control(response, no_store=True)
    return response


@require_safe
def as_file(request: HttpRequest, object_id: str, model_admin: FlowModelAdmin) -> HttpResponseBase:
    """Hand out the picture of the stored document."""
    flow = model_admin.get_object(request, unquote(object_id))
    if not model_admin.has_view_or_change_permission(request, flow):
        raise PermissionDenied
    if flow is None:
        return model_admin._get_obj_does_not_exist_redirect(request, model_admin.opts, object_id)  # type: ignore[attr-defined,no-any-return]
    text = to_svg_file(_picture(flow.flow_json, flow.flow_name), flow.flow_name)
    response = HttpResponse(text, content_type="image/svg+xml; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{flow}.svg")
    return response


def drawing(text: str, name: str) -> dict[str, Any]:
    """Return what the template of the picture needs."""
    picture = _picture(text, name)
    # The tree that it is written from escapes what stands in it.
    svg = "" if picture.message else mark_safe(to_svg(picture, name))  # noqa: S308
    return {"picture": picture, "picture_svg": svg}


def _picture(text: str, name: str) -> Picture:
    report = check_document(text, name)
    return picture_of(text, report.findings, report.hints)
