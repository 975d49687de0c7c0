"""What a reader of the log asks for."""

from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Left

from flows.log_pages.places import LONGEST, Place, beginning_of, pattern_of
from flows.models import LEVELS, SysLogQuerySet
from flows.paging.periods import TimedSelection

AND_ABOVE = "-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(TimedSelection):
    """The filters of a page of the log."""

    level: str = ""
    logger: str = ""
    flow: str = ""
    run: str = ""
    step: str = ""
    q: str = ""

    @property
    def levels(self) -> tuple[str, ...]:
        """Return the chosen levels; none for all."""
        level = self.level.removesuffix(AND_ABOVE)
        if level != self.level and level in LEVELS:
            return LEVELS[LEVELS.index(level) :]
        return (self.level,) if self.level else ()

    @property
    def place(self) -> Place:
        return Place(self.flow, self.run, self.step)

    @property
    def is_bounded(self) -> bool:
        """Tell whether no index finds these rows, so that a page examines a window only."""
        return bool(self.logger or any(self.place) or self.q or (self.level and self.is_timed))

    def examine(self, rows: SysLogQuerySet) -> SysLogQuerySet:
        """Narrow by what no index finds: logger, place, text."""
        if self.logger:
            rows = rows.filter(Q(logger_name=self.logger) | Q(logger_name__startswith=self.logger + "."))
        if any(self.place):
            rows = rows.alias(beginning=Left("message", LONGEST)).filter(
                message__startswith=beginning_of(self.place), beginning__regex=pattern_of(self.place)
            )
        return rows.filter(message__icontains=self.q) if self.q else rows
