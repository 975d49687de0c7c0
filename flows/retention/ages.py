"""Ages as people type them: `12h`, `90d`, `8w`."""

import re
from datetime import datetime, timedelta

from django.utils import timezone

from flows.engine import FlowError
from flows.engine.text import quoted

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_LEAST_AGE = timedelta(hours=1)


class RetentionError(FlowError):
    """A rule that cannot be meant; the text says what is wrong and how to write it."""


def parse_age(text: str, what: str) -> timedelta:
    """Return the age that is written as a whole number of hours, days or weeks: `12h`, `90d`, `8w`.

    `what` names the option in the error; raises RetentionError.
    """
    match = re.fullmatch(r"([0-9]{1,7})([hdw])", text.strip())
    if not match:
        raise RetentionError(f"{what} {quoted(text)}: write a whole number with h, d or w, such as 12h, 90d or 8w")
    age = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if age < _LEAST_AGE:
        raise RetentionError(f"{what} {quoted(text)}: the least is 1h")
    return age


def long_ago(age: timedelta) -> datetime:
    """Return the time that was this age ago; raises RetentionError."""
    try:
        return timezone.now() - age
    except OverflowError as error:
        raise RetentionError("That is further back than the calendar goes.") from error
