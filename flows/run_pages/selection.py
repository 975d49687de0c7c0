"""Which runs a reader asks for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from flows.models import RunQuerySet, Status, Trigger
from flows.models.run import LOST
from flows.paging.periods import TimedSelection


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSelection(TimedSelection):
    """The filters of the list of runs."""

    CHOICES: ClassVar[Mapping[str, Collection[str]]] = {"status": (*Status.values, LOST), "trigger": Trigger.values}

    flow: str = ""
    status: str = ""
    trigger: str = ""

    @property
    def is_bounded(self) -> bool:
        """Tell whether no index finds these rows, so that a page examines a window only."""
        return bool(self.trigger or (self.is_timed and (self.flow or self.status)))

    def examine(self, rows: RunQuerySet) -> RunQuerySet:
        rows = rows.of_flow(self.flow) if self.flow else rows
        rows = rows.filter(trigger=self.trigger) if self.trigger else rows
        return rows.in_status(self.status) if self.status else rows
