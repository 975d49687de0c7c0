"""The scheduler of `celery beat`: that of django-celery-beat, which makes the runs of flows that are due as well."""

import logging
from typing import Any

from django.db import close_old_connections
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler

from flows.engine.text import describe
from flows.schedules.ticking import look

logger = logging.getLogger(__name__)


class FlowScheduler(DatabaseScheduler):  # type: ignore[misc]  # the package has no types
    """Makes the runs here, in the process of the scheduler: a message would wait behind runs that take hours."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Send the periodic tasks that are due, make the runs that are due, and return when to look again."""
        wait: float = super().tick(*args, **options)
        return min(wait, self._seconds_to_the_next_run())

    def _seconds_to_the_next_run(self) -> float:
        try:
            close_old_connections()
            next_due = look(timezone.now())
        except Exception as error:
            logger.error("the due runs of flows are looked at again: %s", describe(error), exc_info=error)
            next_due = None
        longest: float = self.max_interval
        wait = (next_due - timezone.now()).total_seconds() if next_due else longest
        # What is still due has failed, and is not tried again at once.
        return wait if wait > 0 else longest
