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

from flows.admin.flow_pages import no_such_flow
from flows.engine import Report
from flows.forms import with_line_feeds
from flows.models import Flow
from flows.picture import Picture, drawn_in_part, parts_of, picture_of, to_svg, to_svg_file
from flows.remembered import Remembered
from flows.services import check_document

if TYPE_CHECKING:
    FlowModelAdmin = admin.ModelAdmin[Flow]
else:
    FlowModelAdmin = admin.ModelAdmin


PART = "picture"
"""The parameter that names the part of a long picture to draw."""
_PICTURES = Remembered[tuple[Report, Picture]](most=16)


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


def on_page(context: dict[str, Any], number: str) -> dict[str, Any]:
    """Return what the page of a flow needs to show its picture: of the text that stands in the form, the part of this
    number."""
    flow: Flow | None = context.get("original")
    form = context["adminform"].form
    stored = flow.flow_json if flow else ""
    text = form["flow_json"].value() if "flow_json" in form.fields else stored
    return drawing(with_line_feeds(text or ""), flow.flow_name if flow else "", number)


@require_POST
def redrawn(request: HttpRequest, model_admin: FlowModelAdmin) -> HttpResponseBase:
    """Draw the text that was sent; store nothing."""
    if not (model_admin.has_view_or_change_permission(request) or model_admin.has_add_permission(request)):
        raise PermissionDenied
    text, name, number = (request.POST.get(key, "") for key in ("flow_json", "flow_name", PART))
    context = drawing(with_line_feeds(text), name, number)
    response = TemplateResponse(request, "admin/flows/flow/picture_drawing.html", context)
    patch_cache_control(response, no_store=True)
    return response


@require_safe
def as_file(request: HttpRequest, object_id: str, model_admin: FlowModelAdmin) -> HttpResponseBase:
    """Hand out the picture of the stored document."""
    flow = model_admin.get_object(request, unquote(object_id))
    if not model_admin.has_view_or_change_permission(request, flow):
        raise PermissionDenied
    if flow is None:
        return no_such_flow(model_admin, request, object_id)
    text = to_svg_file(_picture(flow.flow_json, flow.flow_name), flow.flow_name)
    response = HttpResponse(text, content_type="image/svg+xml; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, f"{flow}.svg")
    return response


def drawing(text: str, name: str, number: str) -> dict[str, Any]:
    """Return what the template of the picture needs."""
    chosen = int(number) if number.isascii() and number.isdecimal() and len(number) < 5 else None
    picture = drawn_in_part(_picture(text, name), chosen)
    # The tree that it is written from escapes what stands in it.
    svg = "" if picture.message else mark_safe(to_svg(picture, name))  # noqa: S308
    return {"picture": picture, "picture_svg": svg, "picture_parts": parts_of(picture)}


def _picture(text: str, name: str) -> Picture:
    """Return the picture of a text; it is as old as what the checker has to say of it."""
    report = check_document(text, name)
    known = _PICTURES.find(text)
    if known is None or known[0] is not report:
        known = report, picture_of(text, report.findings, report.hints)
        _PICTURES.keep(text, known)
    return known[1]
