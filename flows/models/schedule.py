"""The table of schedules: when a flow is due, with which inputs, and what came of the last due time."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self

from django.db import models

from flows.models.flow_settings import WhenActive
from flows.models.run import LONGEST_NAME


class WhenMissed(models.TextChoices):
    """What happens to a due time that nobody looked at in time."""

    SKIP = "skip", "let it go"
    ONCE = "once", "run once, late"


OVERLAPS = ((WhenActive.REFUSE.value, "skip the due time"), (WhenActive.QUEUE.value, "let the run wait"))


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """Queries over schedules."""

    def of_flow(self, name: str) -> Self:
        return self.filter(flow_name=name)

    def of_each(self, names: Iterable[str]) -> "dict[str, list[Schedule]]":
        """Return the schedules of these flows, by name."""
        found: dict[str, list[Schedule]] = {}
        for schedule in self.filter(flow_name__in=set(names)).order_by("id"):
            found.setdefault(schedule.flow_name, []).append(schedule)
        return found

    def due(self, moment: datetime) -> Self:
        return self.filter(next_due__lte=moment.timestamp()).order_by("next_due", "id")

    def next_due_at(self) -> datetime | None:
        """Return when the first of these is due."""
        seconds: int | None = self.aggregate(first=models.Min("next_due"))["first"]
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

    def rename(self, name: str, new_name: str) -> None:
        """Let the schedules of a flow follow its name; those that an earlier flow of that name left go."""
        self.filter(flow_name=new_name).delete()
        self.filter(flow_name=name).update(flow_name=new_name)


class Schedule(models.Model):
    """When a flow is due: a line of cron in a time zone.

    `next_due` and `last_due` are seconds since 1970, like a lease: in the local time of the tables an hour of autumn
    comes twice. `next_due` is NULL while the schedule is off. `inputs` is JSON text. `last_run` is the number of the
    run that the last due time made, `trouble` says why it made none.
    """

    flow_name = models.CharField(max_length=LONGEST_NAME, editable=False)
    cron = models.CharField(
        max_length=100,
        help_text="Minute, hour, day of the month, month, day of the week: 30 2 * * 1-5 is 02:30, Monday to Friday.",
    )
    zone = models.CharField("time zone", max_length=64, help_text="Whose clocks the line of cron means.")
    inputs = models.TextField(default="{}", editable=False)
    overlap = models.CharField(
        "overlap",
        max_length=8,
        choices=OVERLAPS,
        default=WhenActive.REFUSE,
        help_text="What happens at a due time while as many runs of the flow are active as may be.",
    )
    when_missed = models.CharField(
        "missed",
        max_length=8,
        choices=WhenMissed.choices,
        default=WhenMissed.SKIP,
        help_text="What happens to due times that passed while no scheduler was running.",
    )
    note = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    enabled = models.BooleanField("on", default=True)
    next_due = models.BigIntegerField(null=True, editable=False, db_index=True)
    last_due = models.BigIntegerField(null=True, editable=False)
    last_run = models.BigIntegerField(null=True, editable=False)
    trouble = models.TextField(blank=True, editable=False)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "wf_schedule"
        default_permissions = ()
        permissions = (("schedule_flow", "Can schedule flow"),)
        indexes = (models.Index(fields=["flow_name"], name="wf_schedule_flow"),)

    def __str__(self) -> str:
        return f"schedule {self.pk}"

    @property
    def next_due_at(self) -> datetime | None:
        return None if self.next_due is None else datetime.fromtimestamp(self.next_due, UTC)

    @property
    def last_due_at(self) -> datetime | None:
        return None if self.last_due is None else datetime.fromtimestamp(self.last_due, UTC)

    def go_on(self, next_due: datetime | None, **came_of_it: Any) -> bool:
        """Turn to the next due time; False where somebody else has, or the schedule was changed meanwhile."""
        seen = Schedule.objects.filter(pk=self.pk, next_due=self.next_due, flow_name=self.flow_name)
        following = None if next_due is None else int(next_due.timestamp())
        changed = seen.update(next_due=following, **came_of_it) == 1
        if changed:
            self.next_due = following
        return changed
