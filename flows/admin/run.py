"""The runs in the admin: read, resumed, cancelled; never written."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from flows import runs
from flows.admin import resuming, run_diff, run_texts, run_view
from flows.admin.read_only import ReadOnly
from flows.admin.starting import url_after
from flows.engine import FlowError
from flows.engine.text import visible
from flows.models import Run
from flows.paging.keys import Cursor
from flows.run_pages.detail import NOTHING_SEEN, RunDetail, Seen, read_origins, read_run
from flows.run_pages.listing import read_runs
from flows.run_pages.selection import RunSelection
from flows.tables import is_missing_table

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

_TABLES = ("wf_run", "wf_step_run")


def page_for(permission: str) -> Callable[[View], View]:
    """Open a page to those with a permission; where there is no history, it says so instead."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(self: "RunAdmin", request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            if not settings.FLOWS_HISTORY:
                return self.render(request, "no_history", {"title": "Runs", "is_off": True})
            try:
                return view(self, request, *args, **kwargs)
            except runs.UnknownRun as error:
                raise Http404(str(error)) from error
            except DatabaseError as error:
                if not is_missing_table(error) or not any(table in str(error) for table in _TABLES):
                    raise
                return self.render(request, "no_history", {"title": "Runs"})

        return guarded  # type: ignore[return-value]

    return decorate


@admin.register(Run)
class RunAdmin(ReadOnly, RunModelAdmin):
    """Browse, open, watch, resume, cancel."""

    class Media:
        css = {"all": ("flows/admin.css", "flows/log.css", "flows/run.css")}
        js = ("flows/run.js",)

    def get_urls(self) -> list[URLPattern]:
        own = (
            ("diff/", self.diff_view, "diff"),
            ("<int:run_id>/live/", self.live_view, "live"),
            ("<int:run_id>/resume/", self.resume_view, "resume"),
            ("<int:run_id>/origin/<str:step>/", self.origin_view, "origin"),
            ("<int:run_id>/cancel/", self.cancel_view, "cancel"),
            ("<int:run_id>/text/<str:what>/", self.text_view, "text"),
            ("<int:run_id>/steps/<int:step_run_id>/<str:what>/", self.step_text_view, "step_text"),
        )
        return [
            path(route, self.admin_site.admin_view(view), name=f"flows_run_{name}") for route, view, name in own
        ] + super().get_urls()

    # Reading

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        selection, complaints = RunSelection.read(request.GET.dict())
        for complaint in complaints:
            messages.warning(request, complaint)
        page = read_runs(selection, Cursor.read(request.GET.dict(), is_timed=selection.is_timed))
        context = run_view.list_context(selection, page)
        return self.render(request, "list", context | {"title": "Runs", **(extra_context or {})})

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        detail = self._detail(request, _number(object_id))
        title = visible(f"Run {detail.run.pk} of {detail.run.flow_name}")
        return self.render(request, "page", run_view.page_context(request, detail) | {"title": title})

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def live_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Answer the page that watches a run: the same fragment that stands on it, without what it has already."""
        seen = Seen(*(request.GET.get(name, "") for name in Seen._fields))
        response = self.render(request, "live", run_view.page_context(request, self._detail(request, run_id, seen)))
        patch_cache_control(response, no_store=True)
        return response

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def text_view(self, request: HttpRequest, run_id: int, what: str) -> HttpResponse:
        if run_view.PART in request.GET:
            return self.render(request, "text_body", {"text": run_texts.part_of_run(run_id, what)})
        return run_texts.of_run(run_id, what)

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def step_text_view(self, request: HttpRequest, run_id: int, step_run_id: int, what: str) -> HttpResponse:
        if run_view.PART in request.GET:
            return self.render(request, "text_body", {"text": run_texts.part_of_step(run_id, step_run_id, what)})
        return run_texts.of_step(run_id, step_run_id, what)

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def diff_view(self, request: HttpRequest) -> HttpResponseBase:
        return run_diff.diff_view(request, self.admin_site)

    @method_decorator(require_safe)
    @page_for("flows.view_run")
    def origin_view(self, request: HttpRequest, run_id: int, step: str) -> HttpResponse:
        run, origin = read_origins(run_id, step)
        if origin is None:
            raise Http404("The definition of the run has no such step.")
        context = {
            "run": run,
            "origin": run_view.shown_origin(origin, run),
            "title": f"Where the parameters of {step} come from",
        }
        return self.render(request, "origin", context)

    @method_decorator(require_safe)
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise Http404("The history of a run is the run itself.")

    # Acting

    @method_decorator([require_http_methods(["GET", "HEAD", "POST"]), transaction.non_atomic_requests])
    @page_for("flows.resume_run")
    def resume_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = runs.find_run(run_id)
        refusal = ""
        if request.method == "POST":
            try:
                going_on = resuming.resume(request, run)
            except FlowError as error:
                refusal = str(error)
                run = runs.find_run(run_id)
            else:
                self._note(request, run, "Resumed." if going_on.pk == run.pk else f"Run {going_on.pk} goes on from it.")
                return redirect(url_after(request, going_on))
        return self.render(request, "resume", resuming.page_context(run) | {"refusal": refusal})

    @method_decorator([require_POST, transaction.non_atomic_requests])
    @page_for("flows.cancel_run")
    def cancel_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        try:
            run = runs.cancel_run(run_id, request.user.get_username())
        except runs.RunNotTaken as error:
            messages.error(request, visible(str(error)).capitalize())
        else:
            self._note(request, run, "Cancelled.")
            when = "is cancelled" if run.is_ended else "is to end after the step it is at"
            messages.success(request, f"Run {run.pk} {when}.")
        may_see = self.has_view_permission(request)
        return redirect("admin:flows_run_change", run_id) if may_see else redirect("admin:index")

    def render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        site = self.admin_site.each_context(request)
        context = site | {"opts": self.opts, "media": self.media} | context
        return TemplateResponse(request, f"admin/flows/run/{name}.html", context)

    def _detail(self, request: HttpRequest, run_id: int, seen: Seen = NOTHING_SEEN) -> RunDetail:
        number = _number(request.GET.get(run_view.FROM, "")) or None
        return read_run(run_id, with_log=request.user.has_perm("flows.view_syslog"), number=number, seen=seen)

    def _note(self, request: HttpRequest, run: Run, text: str) -> None:
        LogEntry.objects.log_actions(request.user.pk, [run], CHANGE, text)  # type: ignore[arg-type]


def _number(text: str) -> int:
    """Return the number that an address holds; 0, which no run has, where it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0
