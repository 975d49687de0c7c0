"""The log in the admin: read, never written."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from flows.admin import log_view, retention
from flows.admin.read_only import ReadOnly
from flows.log_pages import download, pages
from flows.log_pages.histogram import read_histogram
from flows.log_pages.selection import Selection
from flows.models import SysLog
from flows.paging.keys import Cursor, Key
from flows.paging.periods import not_a_time, read_time

if TYPE_CHECKING:
    SysLogModelAdmin = admin.ModelAdmin[SysLog]
else:
    SysLogModelAdmin = admin.ModelAdmin

FORMATS: dict[str, tuple[str, Callable[[list[SysLog]], str], str]] = {
    "txt": ("text/plain; charset=utf-8", download.as_text, ""),
    "csv": ("text/csv; charset=utf-8", download.as_csv, download.csv_head()),
    "jsonl": ("application/jsonl", download.as_json_lines, ""),
}


@admin.register(SysLog)
class SysLogAdmin(ReadOnly, SysLogModelAdmin):
    """Browse, narrow, search, follow, open, take away."""

    class Media:
        css = {"all": ("flows/admin.css", "flows/log.css")}
        js = ("flows/log.js",)

    def get_urls(self) -> list[URLPattern]:
        own = (("rows", self.rows_view), ("download", self.download_view), ("prune", self.prune_view))
        return [
            path(f"{name}/", self.admin_site.admin_view(view), name=f"flows_syslog_{name}") for name, view in own
        ] + super().get_urls()

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        selection = self._selection(request)
        page = pages.read_page(selection, self._cursor(request, selection))
        context = log_view.list_context(selection, page, read_histogram(selection))
        return self._render(request, "list", context | {"title": "Log", **(extra_context or {})})

    @method_decorator(require_safe)
    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """Answer the page that follows the log: the rows that are new, as the list shows them."""
        selection = self._selection(request, tell=False)
        after = Key.read(request.GET.get("after", ""))
        new = pages.read_newer(selection, after.id if after else 0)
        response = self._render(request, "new_rows", log_view.new_rows_context(selection, new))
        patch_cache_control(response, no_store=True)
        return response

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        selection = self._selection(request)
        key = Key.read(object_id)
        row = SysLog.objects.filter(pk=key.id).first() if key else None
        if row is None:
            raise Http404(f"There is no log row {object_id}; it may have been removed.")
        context = log_view.record_context(selection, row, *pages.neighbours(row))
        return self._render(request, "record", context | {"title": f"Log row {row.pk}", **(extra_context or {})})

    @method_decorator(require_safe)
    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        raise Http404("A log row has no history: nobody changes it.")

    @method_decorator(require_safe)
    def download_view(self, request: HttpRequest) -> HttpResponseBase:
        selection = self._selection(request, tell=False)
        ending = request.GET.get("format", "txt")
        if ending not in FORMATS:
            raise Http404(f"There is no such format; the formats are {', '.join(FORMATS)}.")
        kind, write, head = FORMATS[ending]
        name = f"log-{timezone.localtime():%Y%m%d-%H%M%S}.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(_pieces(head, download.rows_as(write, selection)), kind, headers=headers)

    def prune_view(self, request: HttpRequest) -> HttpResponseBase:
        return retention.prune_view(request, self.admin_site)

    def _selection(self, request: HttpRequest, *, tell: bool = True) -> Selection:
        if not self.has_view_permission(request):
            raise PermissionDenied
        selection, complaints = Selection.read(request.GET.dict())
        for complaint in complaints if tell else ():
            messages.warning(request, complaint)
        return selection

    def _cursor(self, request: HttpRequest, selection: Selection) -> Cursor:
        asked = request.GET
        if asked.get("at"):
            moment = read_time(asked["at"])
            if moment:
                return pages.at_time(selection, moment)
            messages.warning(request, not_a_time(asked["at"]))
        return Cursor.read(asked.dict(), is_timed=selection.is_timed)

    def _render(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        site = self.admin_site.each_context(request)
        context = site | {"opts": self.opts, "media": self.media} | context
        return TemplateResponse(request, f"admin/flows/syslog/{name}.html", context)


def _pieces(head: str, body: Iterator[str]) -> Iterator[str]:
    yield head
    yield from body
