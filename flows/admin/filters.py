"""What the lists can be narrowed to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from flows.engine.text import quoted
from flows.models import LEVELS, Flow, FlowQuerySet, SysLogQuerySet, local_text

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


class LevelFilter(admin.SimpleListFilter):
    """One level, or a level and all above it; the choices are fixed, so that no list of them is read from the log."""

    title = "level"
    parameter_name = "level"
    AND_ABOVE = "-up"

    def lookups(self, request: HttpRequest, model_admin: AnyAdmin) -> list[tuple[str, str]]:
        above = [(level + self.AND_ABOVE, f"{level} and above") for level in ("INFO", "WARNING", "ERROR")]
        return above + [(level, f"Only {level}") for level in LEVELS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, SysLogQuerySet)  # noqa: S101  (for the type checker)
        value = self.value()
        if not value:
            return queryset
        level = value.removesuffix(self.AND_ABOVE)
        return queryset.at_least(level) if value != level and level in LEVELS else queryset.of_level(value)


class TimeFilter(admin.ListFilter):
    """A period up to now, or a range of local times."""

    title = "time"
    PARAMETERS = ("time", "since", "until")
    template = "admin/flows/syslog/time_filter.html"
    PERIODS = {
        "15m": ("Last 15 minutes", timedelta(minutes=15)),
        "1h": ("Last hour", timedelta(hours=1)),
        "24h": ("Last 24 hours", timedelta(days=1)),
        "7d": ("Last 7 days", timedelta(days=7)),
    }

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: AnyAdmin) -> None:
        super().__init__(request, params, model, model_admin)
        taken = {name: params.pop(name) for name in self.PARAMETERS if name in params}
        self.chosen: dict[str, str] = {name: values[-1] for name, values in taken.items()}
        self.period = self.chosen.get("time", "")
        self.since = self._moment("since")
        self.until = self._moment("until")

    def _moment(self, name: str) -> datetime | None:
        text = self.chosen.get(name, "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            aware = moment if moment.tzinfo else timezone.make_aware(moment)
            # At the ends of the calendar only one of the two zones has the moment.
            return timezone.localtime(aware.astimezone(UTC))
        except (ValueError, OverflowError):
            message = f"{quoted(text)} is no time and was ignored; write it like 2026-01-31 15:30."
            messages.warning(self.request, message)
            return None

    def expected_parameters(self) -> list[str | None]:
        return [*self.PARAMETERS]

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        named = {"": "Any time", "today": "Today"} | {key: label for key, (label, _) in self.PERIODS.items()}
        ranged = self.since or self.until
        for key, label in named.items():
            yield {
                "selected": not ranged and self.period == key,
                "query_string": changelist.get_query_string({"time": key} if key else {}, [*self.PARAMETERS]),
                "display": label,
                "spec": self,
            }

    @property
    def range_values(self) -> dict[str, str]:
        """Return the two ends as the fields of the range show them."""
        return {"since": _field_value(self.since), "until": _field_value(self.until)}

    @property
    def other_parameters(self) -> list[tuple[str, str]]:
        """Return what else the list is narrowed by, for the form of the range to keep."""
        mine = {*self.PARAMETERS, "p", "e"}
        return [(key, value) for key, values in self.request.GET.lists() if key not in mine for value in values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        assert isinstance(queryset, SysLogQuerySet)  # noqa: S101  (for the type checker)
        if self.period == "today":
            queryset = queryset.since(timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0))
        elif self.period in self.PERIODS:
            queryset = queryset.since(timezone.now() - self.PERIODS[self.period][1])
        if self.since:
            queryset = queryset.since(self.since)
        return queryset.until(self.until) if self.until else queryset


def _field_value(moment: datetime | None) -> str:
    return local_text(moment, "milliseconds").replace(" ", "T")
