"""The pages and answers around the editor of a document; none of them saves anything."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET, require_POST

from flows import editor
from flows.editing.edits import Units
from flows.editing.refactor import Change, Workpiece
from flows.forms import with_line_feeds
from flows.models import Flow
from flows.services import procedures
from flows.where_used import uses_of_all, where_used

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    FlowModelAdmin = ModelAdmin[Flow]


class BadQuestion(ValueError):
    """The request lacks something, or holds something that it cannot mean; the text says what."""


def urls(flow_admin: "FlowModelAdmin") -> list[URLPattern]:
    """Return the addresses; who may see or use them is asked of the admin of the flows."""

    def for_editors(answer: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponseBase]:
        def view(request: HttpRequest) -> HttpResponse:
            if not (flow_admin.has_add_permission(request) or flow_admin.has_change_permission(request)):
                raise PermissionDenied
            try:
                return answer(request)
            except BadQuestion as error:
                return HttpResponseBadRequest(str(error), content_type="text/plain; charset=utf-8")

        return flow_admin.admin_site.admin_view(require_POST(view))

    def for_viewers(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
        def view(request: HttpRequest, **names: str) -> HttpResponse:
            if not flow_admin.has_view_permission(request):
                raise PermissionDenied
            return page(request, flow_admin, **names)

        return flow_admin.admin_site.admin_view(require_GET(view))

    return [
        path("check/", for_editors(check), name="flows_flow_check"),
        path("complete/", for_editors(complete), name="flows_flow_complete"),
        path("edit/", for_editors(edit), name="flows_flow_edit"),
        path("procedures/", for_viewers(procedures_page), name="flows_flow_procedures"),
        path("procedures/<str:mod>/<str:method>/", for_viewers(procedure_page), name="flows_flow_procedure"),
    ]


def check(request: HttpRequest) -> HttpResponse:
    panel = editor.check_panel(_text(request), _name(request))
    return TemplateResponse(request, "admin/flows/flow/check.html", {"panel": panel})


def complete(request: HttpRequest) -> HttpResponse:
    return JsonResponse(editor.completion(_text(request), _number(request, "cursor"), _name(request)))


def edit(request: HttpRequest) -> HttpResponse:
    text = _text(request)
    if _word(request, "action") == "goto":
        return JsonResponse({"edits": [], "select": editor.place_of(text, _word(request, "pointer"))})
    return JsonResponse(editor.edit(text, _name(request), _change(request, text)))


def _change(request: HttpRequest, text: str) -> Callable[[Workpiece], Change]:
    """Return the change that is asked for."""
    action = _word(request, "action")
    if action == "repair":
        pointer, message = _word(request, "pointer"), _word(request, "message")
        return lambda piece: piece.repair(pointer, message)
    offset = Units(text).offset(_number(request, "cursor"))
    if action == "rename":
        new = _word(request, "name")
        return lambda piece: piece.rename(offset, new)
    if action == "insert":
        mod, method = _word(request, "mod"), _word(request, "method")
        entry = editor.find_entry(mod, method)
        if entry is None:
            raise BadQuestion("There is no such procedure in the catalogue; open the page again.")
        return lambda piece: piece.insert(offset, entry)
    changes: dict[str, Callable[[Workpiece], Change]] = {
        "up": lambda piece: piece.move(offset, -1),
        "down": lambda piece: piece.move(offset, 1),
        "duplicate": lambda piece: piece.duplicate(offset),
    }
    if action not in changes:
        raise BadQuestion("The field “action” is one of goto, repair, rename, insert, up, down, duplicate.")
    return changes[action]


def procedures_page(request: HttpRequest, flow_admin: "FlowModelAdmin") -> HttpResponse:
    catalogue, uses = procedures(), uses_of_all()
    registered = [(entry, uses.pop((entry.mod, entry.method), 0)) for entry in catalogue.entries]
    context: dict[str, Any] = flow_admin.admin_site.each_context(request) | {
        "title": "Procedures",
        "opts": flow_admin.opts,
        "procedures": registered,
        "missing": sorted(uses.items()),
        "broken": catalogue.broken,
        "media": flow_admin.media,
    }
    return TemplateResponse(request, "admin/flows/flow/procedures.html", context)


def procedure_page(request: HttpRequest, flow_admin: "FlowModelAdmin", mod: str, method: str) -> HttpResponse:
    context: dict[str, Any] = flow_admin.admin_site.each_context(request) | {
        "title": f"{mod}.{method}",
        "opts": flow_admin.opts,
        "entry": editor.find_entry(mod, method),
        "uses": list(where_used(mod, method)),
        "media": flow_admin.media,
    }
    return TemplateResponse(request, "admin/flows/flow/procedure.html", context)


def _text(request: HttpRequest) -> str:
    return with_line_feeds(_word(request, "document"))


def _name(request: HttpRequest) -> str:
    return str(request.POST.get("flow_name", ""))


def _word(request: HttpRequest, key: str) -> str:
    if key not in request.POST:
        raise BadQuestion(f"The field “{key}” is missing.")
    return str(request.POST[key])


def _number(request: HttpRequest, key: str) -> int:
    word = _word(request, key)
    if not (word.isascii() and word.isdecimal() and len(word) < 10):
        raise BadQuestion(f"The field “{key}” is a place in the text: a whole number from 0.")
    return int(word)
