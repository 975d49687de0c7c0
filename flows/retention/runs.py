"""Remove old runs with their steps: by age, and by number for each flow."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple, Self

from django.db import transaction
from django.db.models import QuerySet

from flows.models import ENDED, Run, Status
from flows.retention.ages import RetentionError, long_ago, parse_age
from flows.retention.walking import Progress, Span, last_old_id, walk

RANGE_RUNS = 200
"""Few, since each may have hundreds of steps, which go in the same transaction."""

REMOVABLE = (*ENDED, Status.INTERRUPTED)
"""An interrupted run can still be resumed: it goes by age alone."""


@dataclass(frozen=True)
class Rule:
    """Which runs go: those that ended before `before`, and those beyond the newest `most` ended ones of their flow.

    Runs that failed, were cancelled or interrupted stay until `failures_before` in either case. With `keep_last` the
    newest ended run of a flow stays, whatever its age.
    """

    before: datetime | None = None
    failures_before: datetime | None = None
    most: int | None = None
    keep_last: bool = False

    @classmethod
    def of_options(
        cls, older_than: str = "", keep_failures: str = "", most: int | None = None, *, keep_last: bool = False
    ) -> Self:
        """Return the rule for options as they are typed; raises RetentionError."""
        if not older_than and most is None:
            raise RetentionError("Say which runs go: --older-than AGE, --most N, or both.")
        if most is not None and most < 1:
            raise RetentionError(f"--most {most}: the least is 1")
        age = parse_age(older_than, "--older-than") if older_than else None
        failures_age = parse_age(keep_failures, "--keep-failures") if keep_failures else None
        if age and failures_age and failures_age < age:
            raise RetentionError(
                f"--keep-failures {keep_failures} is shorter than --older-than {older_than}: failures are kept longer "
                "than other runs, or as long"
            )
        return cls(long_ago(age) if age else None, long_ago(failures_age) if failures_age else None, most, keep_last)


class _Row(NamedTuple):
    """What decides whether a run goes."""

    id: int
    flow_name: str
    status: str
    ended_at: datetime | None


@dataclass(frozen=True)
class _Plan:
    """A rule, with the ids that it comes to: by flow, the first run that stays by number, and the newest ended one."""

    rule: Rule
    first_kept: dict[str, int]
    newest: dict[str, int]

    @classmethod
    def of(cls, rule: Rule) -> Self:
        first_kept = _newest_but(rule.most - 1) if rule.most else {}
        return cls(rule, first_kept, _newest_but(0) if rule.keep_last else {})

    @property
    def last_id(self) -> int:
        """Return the greatest id of a run that may go."""
        by_age = last_old_id(Run.objects.all(), self.rule.before) if self.rule.before else 0
        return max(by_age, *(kept - 1 for kept in self.first_kept.values()), 0)

    def takes(self, run: _Row) -> bool:
        if run.ended_at is None or run.id == self.newest.get(run.flow_name):
            return False
        kept_from = self.rule.failures_before
        if run.status != Status.SUCCEEDED and kept_from and run.ended_at >= kept_from:
            return False
        is_old = self.rule.before is not None and run.ended_at < self.rule.before
        return is_old or (run.status in ENDED and run.id < self.first_kept.get(run.flow_name, 0))


def prune_runs(rule: Rule) -> Iterator[Progress]:
    """Remove the runs of the rule; yield after each range of 200 ids, which is one short transaction.

    Whoever stops iterating stops it; what was removed stays removed, and the next call goes on.
    """
    plan = _Plan.of(rule)
    return walk(Run.objects.all(), plan.last_id, RANGE_RUNS, partial(_remove, plan))


def count_prunable_runs(rule: Rule) -> Iterator[Progress]:
    """Count the runs that `prune_runs` would remove, in the same ranges, and remove none."""
    plan = _Plan.of(rule)
    return walk(Run.objects.all(), plan.last_id, RANGE_RUNS, partial(_count, plan))


def _newest_but(passed_over: int) -> dict[str, int]:
    """Return by flow the id of its newest ended run, or of the one behind so many newer ones; not where there is none.

    Each flow is asked for by its own index entries, so that the number of its older runs does not matter.
    """
    found = {}
    for name in Run.objects.order_by().values_list("flow_name", flat=True).distinct():
        ended = Run.objects.of_flow(name).filter(status__in=ENDED).order_by("-id").values_list("id", flat=True)
        for run_id in ended[passed_over : passed_over + 1]:
            found[name] = run_id
    return found


def _going(plan: _Plan, rows: QuerySet[Run]) -> list[_Row]:
    columns = rows.filter(status__in=REMOVABLE).order_by("id").values_list(*_Row._fields)
    return [row for row in map(_Row._make, columns) if plan.takes(row)]


def _count(plan: _Plan, span: Span) -> Counter[str]:
    return Counter(row.status for row in _going(plan, span.of(Run.objects.all())))


def _remove(plan: _Plan, span: Span) -> Counter[str]:
    with transaction.atomic():
        # The lock keeps an interrupted run from being resumed while it goes.
        going = _going(plan, span.of(Run.objects.select_for_update()))
        if going:
            # Of a run Django reads only the id, and removes all their steps with one statement.
            Run.objects.filter(pk__in=[row.id for row in going]).only("pk").delete()
    return Counter(row.status for row in going)
