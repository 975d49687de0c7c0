"""The log in the admin: read, never written."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from flows.admin.filters import LevelFilter, TimeFilter
from flows.engine.text import visible
from flows.models import LEVELS, SysLog
from flows.templatetags.flow_text import visible_lines

if TYPE_CHECKING:
    SysLogModelAdmin = admin.ModelAdmin[SysLog]
    SysLogPaginator = Paginator[SysLog]
else:
    SysLogModelAdmin = admin.ModelAdmin
    SysLogPaginator = Paginator

LINE_LENGTH = 200


class NewestFirstPaginator(SysLogPaginator):
    """Pages over the newest rows only: a count of all would read the whole table."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        assert isinstance(rows, QuerySet)  # noqa: S101  (for the type checker)
        return rows.values("pk")[: self.MOST].count()

    @property
    def is_cut(self) -> bool:
        """Tell whether there may be rows that no page shows."""
        return self.count == self.MOST


@admin.register(SysLog)
class SysLogAdmin(SysLogModelAdmin):
    """Browse, filter, search, open."""

    list_display = ("time", "shown_level", "logger", "first_line")
    list_display_links = ("time",)
    list_filter = (LevelFilter, TimeFilter)
    search_fields = ("message",)
    search_help_text = "A part of the message"
    ordering = ("-id",)
    # The order of the primary key is the one that a large table gives away for nothing.
    sortable_by = ()
    list_per_page = 100
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = NewestFirstPaginator
    actions = None
    fields = ("time", "shown_level", "logger", "text")

    class Media:
        css = {"all": ("flows/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[SysLog]:
        return SysLog.objects.with_heads().order_by("-id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="time")
    def time(self, row: SysLog) -> SafeString:
        return format_html('<span class="log-time">{}</span>', row.local_time or "—")

    @admin.display(description="level")
    def shown_level(self, row: SysLog) -> SafeString:
        known = row.level.lower() if row.level in LEVELS else "other"
        return format_html('<span class="log-level log-{}">{}</span>', known, visible(row.level))

    @admin.display(description="logger")
    def logger(self, row: SysLog) -> SafeString:
        # A narrow column breaks after a dot.
        return format_html_join(mark_safe(".<wbr>"), "{}", ((part,) for part in visible(row.logger_name).split(".")))

    @admin.display(description="message")
    def first_line(self, row: Any) -> str:
        line, *rest = row.head.strip().splitlines() or [""]
        shown = visible(line[:LINE_LENGTH])
        return f"{shown} …" if rest or len(line) > LINE_LENGTH else shown or "(empty)"

    @admin.display(description="message")
    def text(self, row: SysLog) -> SafeString:
        return format_html('<pre class="flow-text">{}</pre>', visible_lines(row.message))
