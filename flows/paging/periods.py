"""The time range that a reader asks for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from django.db.models import Q
from django.utils import timezone

from flows.engine.text import named, quoted
from flows.models import local_text

PERIODS = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "today": ("Today", timedelta(0)),
}
_LONGEST_VALUE = 500
EARLIEST = timezone.make_aware(datetime(1000, 1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedSelection:
    """The filters of a page, each empty where it is not used; the names are those of the address.

    A table's own selection adds the others; `CHOICES` are the values of those that take few.
    """

    CHOICES: ClassVar[Mapping[str, Collection[str]]] = {}

    time: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, parameters: dict[str, str]) -> tuple[Self, list[str]]:
        """Return what an address asks for, and a complaint for each value that was ignored."""
        known = {field.name: parameters.get(field.name, "")[:_LONGEST_VALUE] for field in fields(cls)}
        complaints = []
        if known["time"] not in PERIODS:
            known["time"] = ""
        for name in ("since", "until"):
            if known[name] and read_time(known[name]) is None:
                complaints.append(not_a_time(known[name]))
                known[name] = ""
        for name, choices in cls.CHOICES.items():
            if known[name] and known[name] not in choices:
                complaints.append(f"{quoted(known[name])} is no {name} and was ignored; there is: {named(choices)}.")
                known[name] = ""
        return cls(**known), complaints

    def parameters(self) -> dict[str, str]:
        """Return the selection as the parameters of an address."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    def without(self, *names: str) -> Self:
        return replace(self, **dict.fromkeys(names, ""))

    def within(self, since: datetime, until: datetime) -> Self:
        """Return the same selection over another time range."""
        ends = {"since": local_text(since, "milliseconds"), "until": local_text(until, "milliseconds")}
        return replace(self, time="", **ends)

    @property
    def is_timed(self) -> bool:
        return bool(self.time or self.since or self.until)

    def period(self) -> tuple[datetime | None, datetime | None]:
        """Return the two ends of the time range as they are now."""
        begins = [moment for moment in (_beginning_of(self.time), read_time(self.since)) if moment]
        # Rows without a valid time are in no range.
        earliest = EARLIEST if self.is_timed else None
        return max(begins, default=earliest), read_time(self.until)

    def in_period(self) -> Q:
        """Return what is true of the rows in the time range."""
        since, until = self.period()
        return (Q(created_at__gte=since) if since else Q()) & (Q(created_at__lte=until) if until else Q())


def _beginning_of(period: str) -> datetime | None:
    if period == "today":
        return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return timezone.now() - PERIODS[period][1] if period in PERIODS else None


def read_time(text: str) -> datetime | None:
    """Return the local time that a text names; None where it names none."""
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else timezone.make_aware(moment)
        # At the ends of the calendar only one of the two zones has the moment.
        aware.astimezone(UTC)
        return timezone.localtime(aware)
    except (ValueError, OverflowError):
        return None


def not_a_time(text: str) -> str:
    return f"{quoted(text)} is no time and was ignored; write it like 2026-01-31 15:30."
