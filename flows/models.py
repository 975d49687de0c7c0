"""The two tables of the owner's database: read and written here, never created or altered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import connections, models
from django.db.models.functions import Greatest, Left, Lower, StrIndex, Substr
from django.utils import timezone

from flows.engine.document import load_document
from flows.engine.text import visible

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def local_text(moment: datetime | None, precision: str = "seconds") -> str:
    """Return a time in the zone of the site, `2026-01-31 15:30:00`; empty where a row holds no valid one."""
    return timezone.localtime(moment).replace(tzinfo=None).isoformat(" ", precision) if moment else ""


class FlowQuerySet(models.QuerySet["Flow"]):
    """Queries over flows; the nullable flags count as off when they are NULL."""

    def not_deleted(self) -> Self:
        return self.exclude(deleted=True)

    def deleted(self) -> Self:
        return self.filter(deleted=True)

    def enabled(self) -> Self:
        return self.not_deleted().filter(enabled=True)

    def holder_of(self, name: str, but: "Flow") -> "Flow | None":
        """Return another flow that the database takes for one of this name, deleted or not."""
        return self.filter(flow_name=name).exclude(pk=but.pk).first()

    def switched_on(self) -> Self:
        return self.filter(enabled=True)

    def switched_off(self) -> Self:
        return self.exclude(enabled=True)

    def change_flags(self, **flags: bool) -> int:
        """Set flags of all these rows and move `updated_at`; return how many rows there were."""
        return self.update(**flags, updated_at=timezone.now())


class Flow(models.Model):
    """A workflow as it is stored: its name, its document, its two flags."""

    flow_name = models.CharField("name", max_length=128, unique=True)
    # Text, not JSONField: rows that others wrote may hold anything, and a page that lists them must not fail.
    flow_json = models.TextField("document")
    enabled = models.BooleanField(null=True, default=False)
    deleted = models.BooleanField(null=True, default=False)
    created_at = models.DateTimeField("created", auto_now_add=True)
    updated_at = models.DateTimeField("last change", auto_now=True)

    objects = FlowQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "wf_flow"
        ordering = ("flow_name",)
        permissions = (("run_flow", "Can run flow"),)

    def __str__(self) -> str:
        return visible(self.flow_name)

    @property
    def step_count(self) -> int | None:
        """Return how many steps the stored document lists; None where it is no such document."""
        value, findings = load_document(self.flow_json)
        steps = value.get("procedures") if not findings and isinstance(value, dict) else None
        return len(steps) if isinstance(steps, list) else None

    def enable(self) -> None:
        self.enabled = True
        self.save_fields(["enabled"])

    def disable(self) -> None:
        self.enabled = False
        self.save_fields(["enabled"])

    def mark_deleted(self) -> None:
        self.deleted = True
        self.save_fields(["deleted"])

    def restore(self) -> None:
        self.deleted = False
        self.save_fields(["deleted"])

    def save_fields(self, fields: Iterable[str]) -> None:
        """Write these fields and the time of change, and nothing that somebody else may have written since."""
        self.save(update_fields=[*fields, "updated_at"])


class SysLogQuerySet(models.QuerySet["SysLog"]):
    """Queries over the log, worded so that the database takes the index that is meant."""

    def one_level(self, level: str) -> Self:
        """Read one level by its index, in which the rows of a level are sorted by id."""
        if connections[self.db].vendor == "mysql":
            # With an equality the server looks all of the level through and leaves a bound on the id to the end.
            return self.filter(level__gte=level, level__lte=level)
        return self.filter(level=level)

    def any_of_levels(self, levels: Iterable[str]) -> Self:
        """Compare the level row by row, where another index has found the rows."""
        return self.alias(its_level=Left("level", 16)).filter(its_level__in=levels)

    def with_heads(self) -> Self:
        """Read only the beginning of each message, as `head`: a traceback may have 64 KiB."""
        return self.defer("message").annotate(head=Left("message", 400))

    def with_hits(self, text: str) -> Self:
        """Read what stands around the first occurrence of a text, as `around`."""
        found = StrIndex(Lower("message"), Lower(models.Value(text)))
        start = Greatest(found - 60, 1, output_field=models.IntegerField())
        return self.annotate(around=Substr("message", start, 300))


class SysLog(models.Model):
    """One log record. The handler writes it; people read it."""

    created_at = models.DateTimeField("time")
    level = models.CharField(max_length=16)
    logger_name = models.CharField("logger", max_length=64)
    message = models.TextField()

    objects = SysLogQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "wf_syslog"
        ordering = ("-id",)
        verbose_name = "log row"
        permissions = (("prune_syslog", "Can remove old log rows"),)

    def __str__(self) -> str:
        return visible(f"{self.local_time} {self.level} {self.logger_name}")

    @property
    def local_time(self) -> str:
        """Return the time in the zone of the site, with milliseconds."""
        return local_text(self.created_at, "milliseconds")
