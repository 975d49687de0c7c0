"""The table of step runs: one row for each execution of a step that has ended. A row is never changed."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Self

from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Left, Length, Right

from flows.models.run import LONGEST_PATH, Run
from flows.models.times import local_text


class StepStatus(models.TextChoices):
    """How an execution ended. A step that is running has no row yet: it stands on the run."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    REUSED = "reused"


_IS_BELOW = Q(path__contains="/") | Q(path__contains="[")


class StepRunQuerySet(models.QuerySet["StepRun"]):
    """Queries over the executions of steps."""

    def in_order(self) -> Self:
        """Sort as they ended."""
        return self.order_by("id")

    def without_texts(self) -> Self:
        """Leave out what may have megabytes."""
        return self.defer("params", "result", "traceback")

    def with_heads(self, characters: int) -> Self:
        """Read only the beginning of parameters and result, as `params_head` and `result_head`; of a traceback the end,
        which says what was raised, as `traceback_tail`; their lengths; and the run that a reused step comes from, as
        `reused_run`."""
        origin = StepRun.objects.filter(pk=OuterRef("reused_from")).values("run_id")
        return self.without_texts().annotate(
            params_head=Left("params", characters),
            params_length=Length("params"),
            result_head=Left("result", characters),
            result_length=Length("result"),
            traceback_tail=Right("traceback", characters),
            traceback_length=Length("traceback"),
            reused_run=Subquery(origin),
        )

    def of_steps(self, names: Iterable[str]) -> Self:
        """Narrow to executions of these steps themselves."""
        return self.filter(path__in=list(names))

    def below_steps_of(self, names: Iterable[str]) -> Self:
        """Narrow to the entries of these steps and the steps of their sub-flows."""
        # As ranges, which the index of the paths finds: of each letter the one behind it ends them.
        ranges = [Q(path__gt=name + first, path__lt=name + chr(ord(first) + 1)) for name in names for first in "/["]
        return self.filter(reduce(or_, ranges, Q(pk__in=[])))

    def failed_for_good(self) -> Self:
        """Narrow to failures after which nothing was tried again."""
        return self.filter(status=StepStatus.FAILED, retry_in__isnull=True)

    def top_level(self) -> Self:
        """Narrow to the steps of the flow itself."""
        return self.exclude(_IS_BELOW)

    def below_steps(self) -> Self:
        """Narrow to entries of `foreach` and steps of sub-flows."""
        return self.filter(_IS_BELOW)


class StepRun(models.Model):
    """One execution of a step, of an entry of a `foreach`, or of a step in a sub-flow.

    `path` says which: `load`, `each[3]`, `sub/load`. `params` and `result` are JSON text; `result` is empty where the
    step has none, or where `not_storable` says why it could not be kept. `retry_in` are the seconds after which another
    attempt follows.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="steps")
    path = models.CharField(max_length=LONGEST_PATH)
    attempt = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=StepStatus.choices)
    procedure = models.CharField(max_length=255)
    params = models.TextField()
    params_digest = models.CharField(max_length=64, blank=True)
    result = models.TextField(blank=True)
    not_storable = models.TextField(blank=True)
    error_type = models.CharField(max_length=200, blank=True)
    error_message = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0.0)
    retry_in = models.FloatField(null=True)
    owner = models.CharField(max_length=32, blank=True)
    reused_from = models.BigIntegerField(null=True)

    objects = StepRunQuerySet.as_manager()

    class Meta:
        db_table = "wf_step_run"
        ordering = ("id",)
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["run", "path", "attempt"], name="wf_step_run_attempt"),)

    def __str__(self) -> str:
        return f"{self.path}, attempt {self.attempt} of run {self.run_id}"

    @property
    def began(self) -> str:
        return local_text(self.started_at, "milliseconds")
