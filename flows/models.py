"""The two tables of the owner's database: read and written here, never created or altered."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.utils import timezone


class FlowQuerySet(models.QuerySet["Flow"]):
    """Queries over flows; the nullable flags count as off when they are NULL."""

    def not_deleted(self) -> Self:
        return self.exclude(deleted=True)

    def deleted(self) -> Self:
        return self.filter(deleted=True)

    def enabled(self) -> Self:
        return self.not_deleted().filter(enabled=True)

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
        return self.flow_name

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


class SysLog(models.Model):
    """One log record. The handler writes it; people read it."""

    created_at = models.DateTimeField("time")
    level = models.CharField(max_length=16)
    logger_name = models.CharField("logger", max_length=64)
    message = models.TextField()

    class Meta:
        managed = False
        db_table = "wf_syslog"
        ordering = ("-id",)
        verbose_name = "log row"

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M:%S} {self.level} {self.logger_name}"
