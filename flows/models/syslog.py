"""The table of log rows: the handler writes it, people read it."""

from collections.abc import Iterable
from typing import Self

from django.db import connections, models
from django.db.models.functions import Greatest, Left, Lower, StrIndex, Substr

from flows.engine.text import visible
from flows.models.times import local_text

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


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
