"""Remove old rows of wf_syslog, a small range at a time: nobody waits for it, and it can stop anywhere."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple, Self

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from flows.engine import FlowError
from flows.engine.text import quoted
from flows.models import SysLog

RANGE_ROWS = 10_000
ERRORS = ("ERROR", "CRITICAL")

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_LEAST_AGE = timedelta(hours=1)


class RetentionError(FlowError):
    """An age that cannot be meant; the text says what is wrong and how to write it."""


def parse_age(text: str, what: str) -> timedelta:
    """Return the age that is written as a whole number of hours, days or weeks: `12h`, `90d`, `8w`.

    `what` names the option in the error; raises RetentionError.
    """
    match = re.fullmatch(r"([0-9]{1,7})([hdw])", text.strip())
    if not match:
        raise RetentionError(f"{what} {quoted(text)}: write a whole number with h, d or w, such as 12h, 90d or 8w")
    age = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if age < _LEAST_AGE:
        raise RetentionError(f"{what} {quoted(text)}: the least is 1h")
    return age


@dataclass(frozen=True)
class Rule:
    """Which rows go: those from before `before`; ERROR and CRITICAL only those from before `errors_before`."""

    before: datetime
    errors_before: datetime

    @classmethod
    def of_ages(
        cls, older_than: str, keep_errors: str = "", names: tuple[str, str] = ("--older-than", "--keep-errors")
    ) -> Self:
        """Return the rule for ages as they are typed, `90d` and `365d`; without the second, errors go with the rest.

        `names` is what the two are called where they are typed. Raises RetentionError.
        """
        age = parse_age(older_than, names[0])
        errors_age = parse_age(keep_errors, names[1]) if keep_errors else age
        if errors_age < age:
            raise RetentionError(
                f"{names[1]} {keep_errors} is shorter than {names[0]} {older_than}: errors are kept longer than "
                "other rows, or as long"
            )
        now = timezone.now()
        try:
            return cls(now - age, now - errors_age)
        except OverflowError as error:
            raise RetentionError("That is further back than the calendar goes.") from error

    def rows(self, using: str) -> QuerySet[SysLog]:
        """Return the rows that go, each by its own time."""
        old = Q(created_at__lt=self.before) & ~Q(level__in=ERRORS)
        return SysLog.objects.using(using).filter(old | Q(created_at__lt=self.errors_before, level__in=ERRORS))


class Progress(NamedTuple):
    """How far it is: which share of the ids is done (0 to 1), and how many rows went so far, by level."""

    share: float
    rows: Counter[str]


class _Span(NamedTuple):
    """Ids from `first` to before `end`."""

    first: int
    end: int


def prune(rule: Rule, *, using: str = DEFAULT_DB_ALIAS) -> Iterator[Progress]:
    """Remove the rows of the rule; yield after each range of 10,000 ids, which is one short transaction.

    Whoever stops iterating stops it; what was removed stays removed, and the next call goes on.
    """
    return _walk(rule, using, _remove)


def count_prunable(rule: Rule, *, using: str = DEFAULT_DB_ALIAS) -> Iterator[Progress]:
    """Count the rows that `prune` would remove, in the same ranges, and remove none."""
    return _walk(rule, using, _count)


def prune_some(rule: Rule, ranges: int, *, using: str = DEFAULT_DB_ALIAS) -> Progress:
    """Remove the rows of at most so many ranges, for a page that must answer soon; `share` is 1 when none is left."""
    progress = Progress(0.0, Counter())
    for progress in islice(prune(rule, using=using), ranges):  # noqa: B007  (the last one is the answer)
        pass
    return progress


def _walk(rule: Rule, using: str, act: Callable[[QuerySet[SysLog]], Counter[str]]) -> Iterator[Progress]:
    done: Counter[str] = Counter()
    last = _last_old_id(rule, using)
    span = _next_span(0, last, using)
    first = span.first if span else 0
    while span:
        done += act(rule.rows(using).filter(id__gte=span.first, id__lt=span.end).order_by())
        following = _next_span(span.end, last, using)
        yield Progress((span.end - first) / (last + 1 - first) if following else 1.0, Counter(done))
        span = following
    if not first:
        yield Progress(1.0, Counter())


def _last_old_id(rule: Rule, using: str) -> int:
    """Return the greatest id of an old row; 0 if there is none.

    The index on created_at knows the ids: only the entries of old rows are read, and no row. Ids are no times: others
    may have written their rows late, and their clocks may differ.
    """
    old = SysLog.objects.using(using).filter(created_at__lt=rule.before)
    # For the bare id SQLite would look at row after row from the youngest down.
    return old.aggregate(last=Max(F("id") + 0))["last"] or 0


def _next_span(start: int, last: int, using: str) -> _Span | None:
    """Return the next range that holds rows; gaps in the ids cost nothing."""
    first = SysLog.objects.using(using).filter(id__gte=start, id__lte=last).aggregate(first=Min("id"))["first"]
    return None if first is None else _Span(first, min(first + RANGE_ROWS, last + 1))


def _count(rows: QuerySet[SysLog]) -> Counter[str]:
    return Counter(dict(rows.values_list("level").annotate(Count("id"))))


def _remove(rows: QuerySet[SysLog]) -> Counter[str]:
    with transaction.atomic(using=rows.db):
        # The lock keeps what is counted until it is removed, also where somebody else removes rows.
        found = _count(rows.select_for_update())
        if found:
            rows.delete()
    return found
