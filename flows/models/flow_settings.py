"""The table of how each flow is run: where, how urgently, how many at once, how often, and what after a loss."""

from collections.abc import Iterable

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, F, Q, When

from flows.models.run import LONGEST_NAME
from flows.models.times import DatabaseSeconds

DEFAULT_QUEUE = "flows"


class Priority(models.TextChoices):
    """Which of two waiting messages of a queue is taken first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class WhenActive(models.TextChoices):
    """What happens to one more run while as many as may be are active."""

    SITE = "", "as the site (FLOWS_WHEN_ACTIVE)"
    REFUSE = "refuse", "refuse it"
    QUEUE = "queue", "let it wait"


class FlowSettingsQuerySet(models.QuerySet["FlowSettings"]):
    """Queries over the settings of flows."""

    def of(self, name: str) -> "FlowSettings":
        """Return the settings of a flow; those of one that has none are the defaults."""
        return self.filter(flow_name=name).first() or FlowSettings(flow_name=name)

    def of_each(self, names: Iterable[str]) -> "dict[str, FlowSettings]":
        known = {settings.flow_name: settings for settings in self.filter(flow_name__in=set(names))}
        return {name: known.get(name) or FlowSettings(flow_name=name) for name in names}

    def queues(self) -> set[str]:
        """Return the queues that flows are sent to."""
        return {DEFAULT_QUEUE, *self.values_list("queue", flat=True)}

    def rename(self, name: str, new_name: str) -> None:
        """Let the settings of a flow follow its name, in place of those that an earlier flow of that name left."""
        if self.filter(flow_name=name).exists():
            self.filter(flow_name=new_name).delete()
            self.filter(flow_name=name).update(flow_name=new_name)


class FlowSettings(models.Model):
    """How one flow is run. `minute` and `starts` count the starts of the last minute, by the database's clock."""

    flow_name = models.CharField(max_length=LONGEST_NAME, unique=True, editable=False)
    queue = models.CharField(
        max_length=64,
        default=DEFAULT_QUEUE,
        validators=[RegexValidator(r"\A[A-Za-z0-9._-]+\Z", "Use letters, digits, points, dashes and underscores.")],
        help_text="Workers take runs from the queues they are started with (celery worker -Q); by default “flows”.",
    )
    priority = models.CharField(
        max_length=8,
        choices=Priority.choices,
        default=Priority.NORMAL,
        help_text="Of the runs that wait in a queue, those with a higher priority begin first.",
    )
    max_active = models.PositiveSmallIntegerField(
        "active at once",
        default=1,
        validators=[MinValueValidator(1)],
        help_text="How many runs of this flow may be active at the same time.",
    )
    when_active = models.CharField(
        "one more",
        max_length=8,
        choices=WhenActive.choices,
        default=WhenActive.SITE,
        blank=True,
        help_text="What happens to a run that is asked for while so many are active.",
    )
    starts_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many runs may begin in one minute of the clock; empty: no limit. The others wait.",
    )
    resume_lost = models.BooleanField(
        "resume lost runs",
        default=False,
        help_text="A run whose process died in a step goes on by itself, and that step is executed once more. "
        "Only for flows whose steps may be executed twice.",
    )
    minute = models.BigIntegerField(default=0, editable=False)
    starts = models.PositiveIntegerField(default=0, editable=False)

    objects = FlowSettingsQuerySet.as_manager()

    class Meta:
        db_table = "wf_flow_settings"
        verbose_name = verbose_name_plural = "settings of a flow"
        default_permissions = ()

    def __str__(self) -> str:
        return f"settings of {self.flow_name}"

    def count_start(self) -> bool:
        """Count a start; False where this minute has as many as it may."""
        if self.starts_per_minute is None:
            return True
        minute = DatabaseSeconds() - DatabaseSeconds() % 60
        rows = FlowSettings.objects.filter(~Q(minute=minute) | Q(starts__lt=F("starts_per_minute")), pk=self.pk)
        # MySQL sets one column after the other: the count has to be set while the minute is still the old one.
        return rows.update(starts=Case(When(minute=minute, then=F("starts") + 1), default=1), minute=minute) == 1
