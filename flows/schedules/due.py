"""Say when a schedule is due."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from flows.engine.text import did_you_mean, quoted
from flows.models import Schedule
from flows.schedules.cron import Cron, InvalidCron, read_cron


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Return the names of the time zones that this machine knows."""
    return tuple(sorted(available_timezones()))


def read_zone(name: str) -> ZoneInfo:
    """Return a time zone; raises `InvalidCron` where this machine knows none of this name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        guess = did_you_mean(name, zones())
        raise InvalidCron(f"no time zone is named {quoted(name)}, write it like Europe/Berlin.{guess}") from error


def times_of(schedule: Schedule) -> tuple[Cron, ZoneInfo]:
    """Return the due times of a schedule as they are stored; raises `InvalidCron`."""
    return read_cron(schedule.cron), read_zone(schedule.zone)


def plan(schedule: Schedule, now: datetime) -> None:
    """Set when a schedule that is new, or whose times were changed, is due next: after now, or not at all."""
    cron, zone = times_of(schedule)
    following = cron.first_after(now, zone) if schedule.enabled else None
    schedule.next_due = None if following is None else int(following.timestamp())
