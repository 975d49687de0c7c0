"""Read a line of cron, and say at which moments it is due in a time zone; plain Python."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from flows.engine import FlowError
from flows.engine.text import quoted

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PART = re.compile(r"(?P<first>\*|\w{1,9})(-(?P<last>\w{1,9}))?(/(?P<step>\d{1,9}))?", re.ASCII)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)

# No zone sets its clocks back by more.
_SHIFTED_WITHIN = timedelta(hours=3)
# A 29 February can be eight years away: 2096 to 2104.
_FAR = timedelta(days=9 * 366)


class InvalidCron(FlowError):
    """The text is no line of cron, or one that is never due."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> frozenset[int]:
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, text: str) -> range:
        match = _PART.fullmatch(text)
        if match is None or (match["step"] and not match["last"] and match["first"] != "*"):
            raise self._wrong(text, "write a number, a range like 1-5, * or */5, several with commas between")
        is_all = match["first"] == "*"
        first = self.least if is_all else self._number(match["first"])
        last = self.most if is_all else self._number(match["last"] or match["first"])
        step = int(match["step"] or 1)
        if last < first or not step or (is_all and match["last"]):
            raise self._wrong(text, "a range goes upwards, and a step is at least 1")
        return range(first, last + 1, step)

    def _number(self, text: str) -> int:
        if text.lower() in self.words:
            return self.least + self.words.index(text.lower())
        if not text.isdecimal() or not self.least <= int(text) <= self.most:
            raise self._wrong(text, f"it is from {self.least} to {self.most}")
        return int(text)

    def _wrong(self, text: str, why: str) -> InvalidCron:
        return InvalidCron(f"{self.name}: {quoted(text)} is wrong, {why}")


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A line of cron, with the meaning that Debian's cron gives it.

    With a star at the beginning of minute or hour it is due whenever the clock of the zone shows such a time.
    Otherwise each such time of a day is due once: a time that the clock passes over when it is set forward is due
    right after, and of one that comes twice when it is set back the first is.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    needs_both_days: bool
    is_fixed: bool

    def first_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first due time after a moment, in UTC; None where there is none in the years to come."""
        near = _near(moment, zone)
        found: datetime | None = None
        for local in self._forward(_clock(moment, zone) - near):
            if found is not None and local > _clock(found, zone) + near:
                break
            later = [due for due in self._moments(local, zone) if due > moment]
            found = min([*later, found] if found else later, default=None)
        return found

    def last_until(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the last due time that is not after a moment, in UTC; None where there was none for years."""
        near = _near(moment, zone)
        found: datetime | None = None
        for local in self._backward(_clock(moment, zone) + near):
            if found is not None and local < _clock(found, zone) - near:
                break
            before = [due for due in self._moments(local, zone) if due <= moment]
            found = max([*before, found] if found else before, default=None)
        return found

    def _moments(self, local: datetime, zone: ZoneInfo) -> list[datetime]:
        """Return the due times that belong to a time of the clock."""
        both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
        shown = sorted(moment for moment in both if _clock(moment, zone) == local)
        if not self.is_fixed:
            return shown
        return shown[:1] or [_first_shown_after(local, zone)]

    def _forward(self, begin: datetime) -> Iterator[datetime]:
        """Yield the times of the clock from a minute on."""
        days = (begin.date() + number * _DAY for number in range(_FAR.days))
        for day in filter(self._is_day, days):
            yield from (local for local in self._times(day) if local >= begin)

    def _backward(self, begin: datetime) -> Iterator[datetime]:
        """Yield the times of the clock from a minute back."""
        days = (begin.date() - number * _DAY for number in range(_FAR.days))
        for day in filter(self._is_day, days):
            yield from reversed(list(takewhile(lambda local: local <= begin, self._times(day))))

    def _times(self, day: date) -> Iterator[datetime]:
        return (datetime.combine(day, time(hour, minute)) for hour in self.hours for minute in self.minutes)

    def _is_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (of_month and of_week) if self.needs_both_days else (of_month or of_week)


@lru_cache(maxsize=1024)
def read_cron(text: str) -> Cron:
    """Read the five fields of a line of cron; raises `InvalidCron`."""
    texts = text.split()
    if len(texts) != len(_FIELDS):
        raise InvalidCron(
            "a line of cron has five fields: minute, hour, day of the month, month, day of the week; like 30 2 * * 1-5"
        )
    minutes, hours, days, months, weekdays = (field.read(one) for field, one in zip(_FIELDS, texts, strict=True))
    cron = Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(number % 7 for number in weekdays),
        needs_both_days=texts[2].startswith("*") or texts[4].startswith("*"),
        is_fixed=not texts[0].startswith("*") and not texts[1].startswith("*"),
    )
    if next(cron._forward(datetime(2000, 1, 1)), None) is None:
        raise InvalidCron("no month has such a day")
    return cron


def _near(moment: datetime, zone: ZoneInfo) -> timedelta:
    """Return by how much the clock is set around a moment: so far its times may be out of order."""
    before, after = (moment + sign * _SHIFTED_WITHIN for sign in (-1, 1))
    return abs(_clock(after, zone) - _clock(before, zone) - (after - before))


def _clock(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock of the zone shows."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _first_shown_after(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment after a time of the clock that is passed over, at which the clock shows a time again."""
    while True:
        local += _MINUTE
        moment = local.replace(tzinfo=zone).astimezone(UTC)
        if _clock(moment, zone) == local:
            return moment
