"""The table of runs: each row is a small state machine, and every change of status names the status it expects."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce, Left, Length
from django.utils import timezone

from flows.engine.text import visible
from flows.failpoints import reach
from flows.models.times import DatabaseSeconds, local_text
from flows.process import ProcessName, place, this_process

LEASE_SECONDS = 60
"""How long a run belongs to its process without a sign of life; the process renews it four times as often."""

GOES_ON_WITHIN = timedelta(days=1)
"""For so long an interrupted run may go on by itself; then it waits for a person."""

LONGEST_PATH = 400
LONGEST_NAME = 128


class Status(models.TextChoices):
    """What a run is; the last three are final. A run whose process is gone is *lost* until somebody sees it."""

    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (Status.QUEUED, Status.RUNNING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
LOST = "lost"


class Trigger(models.TextChoices):
    """What started a run."""

    COMMAND = "command"
    ADMIN = "admin"
    SCHEDULE = "schedule"
    API = "api"


def _lease_is_over() -> Q:
    return Q(status=Status.RUNNING, lease_until__lt=DatabaseSeconds())


class RunQuerySet(models.QuerySet["Run"]):
    """Queries over runs. `with_lease` tells of each whether its lease is over, by the clock of the database."""

    def with_lease(self) -> Self:
        over = models.Case(models.When(_lease_is_over(), then=True), default=False, output_field=models.BooleanField())
        return self.annotate(lease_is_over=over)

    def without_texts(self) -> Self:
        """Leave out what a list does not show, which may have megabytes."""
        return self.defer("definition", "subflows", "inputs", "code", "outputs", "warnings")

    def for_lists(self) -> Self:
        """Read only what says which run it is, when it began and what became of it."""
        columns = ("id", "flow_name", "status", "place", "pid", "process_began", "started_at", "created_at", "ended_at")
        return self.with_lease().only(*columns, "step", "failed_step", "seconds")

    def with_heads(self, characters: int) -> Self:
        """Read only the beginning of inputs and outputs, as `inputs_head` and `outputs_head`, and their lengths, and
        nothing of what no page shows."""
        return self.defer("subflows", "inputs", "code", "outputs").annotate(
            inputs_head=Left("inputs", characters),
            inputs_length=Length("inputs"),
            outputs_head=Left("outputs", characters),
            outputs_length=Length("outputs"),
        )

    def of_flow(self, name: str) -> Self:
        return self.filter(flow_name=name)

    def going_on_from(self, run_id: int) -> Self:
        """Narrow to the runs that took over the finished steps of this one."""
        return self.filter(continues=run_id)

    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def running(self) -> Self:
        return self.filter(status=Status.RUNNING)

    def waiting(self) -> Self:
        """Narrow to runs that anybody may execute; a process that waits for the end of another run keeps its own."""
        return self.filter(status=Status.QUEUED, pid=0)

    def turned_away(self) -> Self:
        """Narrow to runs that wait because they found no room, the one that has waited longest first.

        Thousands may wait, and few of them are these: an index finds them.
        """
        # A plain True is no comparison on SQLite, and finds no index.
        return self.waiting().filter(turned_away__in=[True]).order_by("id")

    def turn_away(self) -> int:
        """Note of runs that wait that they found no room."""
        return self.waiting().update(turned_away=True)

    def may_go_on(self, resumed_when_lost: models.QuerySet[Any, Any]) -> Self:
        """Narrow to interrupted runs that go on by themselves, because nobody stopped them.

        Those with a step in doubt go on where the name of their flow is one of these.
        """
        lately = timezone.now() - GOES_ON_WITHIN
        dropped = self.filter(status=Status.INTERRUPTED, lease_until__isnull=False, ended_at__gt=lately)
        return dropped.filter(Q(step="") | Q(flow_name__in=resumed_when_lost))

    def lost(self) -> Self:
        """Narrow to running runs whose process is gone: its lease is over, or it ran here and is known to be dead."""
        # The status is said once more, outside of the OR: that is what the index finds.
        return self.running().filter(_lease_is_over() | Q(pk__in=self._known_dead()))

    def in_status(self, status: str) -> Self:
        """Narrow to a status as people see it: `lost` is one, and a lost run is not `running`."""
        if status == LOST:
            return self.lost()
        rows = self.filter(status=status)
        return rows.exclude(_lease_is_over()).exclude(pk__in=self._known_dead()) if status == Status.RUNNING else rows

    def _known_dead(self) -> list[int]:
        here = self.model.objects.using(self.db).running().filter(place=place()).exclude(place="")
        return [run.pk for run in here.only("place", "pid", "process_began") if run.process.is_known_dead]


class Run(models.Model):
    """One execution of a flow, with its own copy of the definition.

    `definition`, `subflows` (documents by name), `inputs`, `code` (module to hash), `outputs` and `warnings` are JSON
    text. `step` is the path of the step in flight, and of an interrupted run that of the step in doubt. `active_flow`
    is the name of the flow as long as the run counts as active, and `active_place` its place among those that may be:
    the database lets the two stand once. `turned_away` tells that a message for it came and found no room.
    """

    flow_id = models.BigIntegerField(null=True, editable=False)
    flow_name = models.CharField("flow", max_length=LONGEST_NAME)
    active_flow = models.CharField(max_length=LONGEST_NAME, null=True, editable=False)  # noqa: DJ001  (NULLs are not equal)
    active_place = models.PositiveSmallIntegerField(default=1, editable=False)
    turned_away = models.BooleanField(default=False, editable=False)
    status = models.CharField(max_length=16, choices=Status.choices)
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    asked_by = models.CharField(max_length=150, blank=True)
    key = models.CharField(max_length=200, blank=True)
    key_digest = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001  (the same)
    continues = models.BigIntegerField(null=True)

    definition = models.TextField()
    definition_hash = models.CharField(max_length=64)
    subflows = models.TextField(default="{}")
    inputs = models.TextField(default="{}")
    code = models.TextField(default="{}")

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0.0)
    steps_total = models.PositiveIntegerField(default=0)
    steps_done = models.PositiveIntegerField(default=0)

    owner = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.BigIntegerField(null=True, editable=False)
    place = models.CharField(max_length=64, blank=True, editable=False)
    pid = models.BigIntegerField(default=0, editable=False)
    process_began = models.BigIntegerField(default=0, editable=False)
    step = models.CharField(max_length=LONGEST_PATH, blank=True)
    step_attempt = models.PositiveIntegerField(default=0)
    step_started_at = models.DateTimeField(null=True)
    cancel_asked_by = models.CharField(max_length=150, blank=True)

    outputs = models.TextField(default="{}")
    warnings = models.TextField(default="[]")
    failed_step = models.CharField(max_length=LONGEST_PATH, blank=True)
    error_type = models.CharField(max_length=200, blank=True)
    error_message = models.TextField(blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "wf_run"
        ordering = ("-id",)
        default_permissions = ("view",)
        permissions = (("resume_run", "Can resume run"), ("cancel_run", "Can cancel run"))
        constraints = (models.UniqueConstraint(fields=["active_flow", "active_place"], name="wf_run_active"),)
        indexes = (
            models.Index(fields=["flow_name", "id"], name="wf_run_flow"),
            models.Index(fields=["flow_name", "status", "id"], name="wf_run_flow_status"),
            models.Index(fields=["status", "id"], name="wf_run_status"),
            models.Index(fields=["continues"], name="wf_run_continues"),
            models.Index(fields=["created_at", "status"], name="wf_run_created"),
            models.Index(fields=["flow_name", "turned_away", "status", "id"], name="wf_run_turned_away"),
        )

    def __str__(self) -> str:
        return f"run {self.pk} of {visible(self.flow_name)}"

    # What is known of it

    @property
    def process(self) -> ProcessName:
        return ProcessName(self.place, self.pid, self.process_began)

    @property
    def is_lost(self) -> bool:
        """Whether it counts as running and its process is gone; of a row that was read `with_lease`."""
        is_over: bool = getattr(self, "lease_is_over", False)
        return self.status == Status.RUNNING and (is_over or self.process.is_known_dead)

    @property
    def shown_status(self) -> str:
        """Return the status as people see it."""
        return LOST if self.is_lost else self.status

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED

    @property
    def step_in_doubt(self) -> str:
        """Return the path of the step that may have been executed without a record; empty where there is none."""
        return self.step if self.status == Status.INTERRUPTED or self.is_lost else ""

    @property
    def began(self) -> str:
        return local_text(self.started_at or self.created_at)

    # Changes of status; each returns whether this call made it

    def claim(self, owner: str) -> bool:
        """Take a run that waits or was interrupted; False where somebody else was first.

        Raises IntegrityError where its `active_place` among the runs of the flow is taken.
        """
        claimed = self._change((Status.QUEUED, Status.INTERRUPTED), **self.held_by(owner))
        if claimed:
            reach("run.claimed")
        return claimed

    def claim_waiting(self, owner: str) -> bool:
        """Take a run that waits, as `claim` does."""
        return self._change((Status.QUEUED,), **self.held_by(owner))

    def held_by(self, owner: str) -> dict[str, Any]:
        """Return the values of a run that this process executes under that owner's name."""
        return {
            "status": Status.RUNNING,
            "owner": owner,
            "lease_until": DatabaseSeconds() + LEASE_SECONDS,
            **_process_columns(this_process()),
            "active_flow": self.flow_name,
            "active_place": self.active_place,
            "turned_away": False,
            "started_at": Coalesce("started_at", timezone.now()),
            "ended_at": None,
            "step": "",
            "step_attempt": 0,
            "step_started_at": None,
        }

    def renew(self, owner: str) -> bool:
        """Keep the lease for as long again; False where the run is no longer this owner's."""
        return self._rows(Status.RUNNING).filter(owner=owner).update(lease_until=DatabaseSeconds() + LEASE_SECONDS) == 1

    def interrupt_if_lost(self) -> bool:
        """Turn a lost run into an interrupted one; the row must have been read `with_lease`."""
        rows = self._rows(Status.RUNNING).filter(owner=self.owner)
        return self._end(rows if self.process.is_known_dead else rows.filter(_lease_is_over()), Status.INTERRUPTED)

    def interrupt(self, owner: str) -> bool:
        """Interrupt a run in the middle of its step, in the name of its owner."""
        return self._end(self._rows(Status.RUNNING).filter(owner=owner), Status.INTERRUPTED)

    def requeue(self) -> bool:
        """Let an interrupted run wait for somebody to go on with it.

        Raises IntegrityError where its `active_place` among the runs of the flow is taken.
        """
        active = {"active_flow": self.flow_name, "active_place": self.active_place}
        nobody = _process_columns(ProcessName("", 0, 0))
        return self._change((Status.INTERRUPTED,), status=Status.QUEUED, ended_at=None, **active, **nobody)

    def wait_here(self) -> bool:
        """Let a run that waits be this process's to execute."""
        return self._rows(Status.QUEUED).update(**self.kept_here()) == 1

    def call_again(self) -> bool:
        """Let a run that was turned away be sent again; False where somebody else does that."""
        return self._rows(Status.QUEUED).filter(turned_away=True).update(turned_away=False) == 1

    @staticmethod
    def kept_here() -> dict[str, Any]:
        """Return the values of a run that waits and is this process's to execute."""
        return _process_columns(this_process())

    def stay_interrupted(self, owner: str) -> bool:
        """Give the lease of an interrupted run back: it waits for a person."""
        return self._rows(Status.INTERRUPTED).filter(owner=owner).update(lease_until=None) == 1

    def cancel(self) -> bool:
        """Cancel a run that nobody executes."""
        return self._end(self._rows(Status.QUEUED, Status.INTERRUPTED), Status.CANCELLED)

    def ask_to_cancel(self, by: str) -> bool:
        """Let a run that is executed stop after its step."""
        return self._rows(Status.RUNNING).update(cancel_asked_by=by[:150]) == 1

    def _rows(self, *expected: Status) -> RunQuerySet:
        return Run.objects.filter(pk=self.pk, status__in=expected)

    def _change(self, expected: Iterable[Status], **values: Any) -> bool:
        with transaction.atomic():
            changed = self._rows(*expected).update(**values) == 1
        if changed:
            self.refresh_from_db()
        return changed

    def _end(self, rows: RunQuerySet, status: Status, **values: Any) -> bool:
        changed = rows.update(status=status, active_flow=None, ended_at=timezone.now(), **values) == 1
        if changed:
            self.refresh_from_db()
        return changed


def _process_columns(process: ProcessName) -> dict[str, Any]:
    return {"place": process.place, "pid": process.pid, "process_began": process.began}


def newest_runs(name: str | None = None, status: str | None = None) -> RunQuerySet:
    """Return the runs of a flow in a status, or of all, the newest first, without their texts."""
    rows = Run.objects.with_lease().without_texts().order_by("-id")
    rows = rows.of_flow(name) if name else rows
    return rows.in_status(status) if status else rows
