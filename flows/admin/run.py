"""The runs in the admin: read, never written."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from flows.admin.run_diff import diff_view
from flows.models import Run

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin


@admin.register(Run)
class RunAdmin(RunModelAdmin):
    """Browse and compare."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        return [
            path("diff/", self.admin_site.admin_view(self.diff_view), name="flows_run_diff"),
            *super().get_urls(),
        ]

    def diff_view(self, request: HttpRequest) -> HttpResponseBase:
        return diff_view(request, self.admin_site)
