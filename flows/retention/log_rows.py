"""Remove old rows of wf_syslog."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Self

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Count, Q, QuerySet

from flows.models import SysLog
from flows.retention.ages import RetentionError, long_ago, parse_age
from flows.retention.walking import Progress, Span, last_old_id, walk

RANGE_ROWS = 10_000
ERRORS = ("ERROR", "CRITICAL")


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
        return cls(long_ago(age), long_ago(errors_age))

    def rows(self, using: str) -> QuerySet[SysLog]:
        """Return the rows that go, each by its own time."""
        old = Q(created_at__lt=self.before) & ~Q(level__in=ERRORS)
        return SysLog.objects.using(using).filter(old | Q(created_at__lt=self.errors_before, level__in=ERRORS))


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
    table = SysLog.objects.using(using)

    def act_on(span: Span) -> Counter[str]:
        return act(span.of(rule.rows(using)).order_by())

    return walk(table, last_old_id(table, rule.before), RANGE_ROWS, act_on)


def _count(rows: QuerySet[SysLog]) -> Counter[str]:
    return Counter(dict(rows.values_list("level").annotate(Count("id"))))


def _remove(rows: QuerySet[SysLog]) -> Counter[str]:
    with transaction.atomic(using=rows.db):
        # The lock keeps what is counted until it is removed, also where somebody else removes rows.
        found = _count(rows.select_for_update())
        if found:
            rows.delete()
    return found
