"""What the lists can be narrowed to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from flows.models import Flow, FlowQuerySet

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin


class EnabledFilter(admin.SimpleListFilter):
    """Enabled or not; NULL is not."""

    title = "enabled"
    parameter_name = "enabled"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        return [("yes", "Enabled"), ("no", "Disabled")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, FlowQuerySet)  # noqa: S101  (for the type checker)
        if self.value() == "yes":
            return queryset.switched_on()
        return queryset.switched_off() if self.value() == "no" else queryset


class DeletedFilter(admin.SimpleListFilter):
    """Deleted flows are shown only to who asks for them."""

    title = "deleted"
    parameter_name = "deleted"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        return [("yes", "Deleted"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        default, *others = super().choices(changelist)
        yield {**default, "display": "Not deleted"}
        yield from others  # type: ignore[misc]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flow]) -> QuerySet[Flow]:
        assert isinstance(queryset, FlowQuerySet)  # noqa: S101  (for the type checker)
        if self.value() == "yes":
            return queryset.deleted()
        return queryset if self.value() == "all" else queryset.not_deleted()
