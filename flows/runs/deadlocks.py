"""Do something again that MySQL broke off so that another process could go on."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

from flows.tables import is_deadlock

Done = TypeVar("Done")

# Each time somebody got on, so that the end of this is that all did.
_TRIES = 1000


def again_after_deadlock(act: Callable[[], Done]) -> Done:
    """Return what `act` returns, called again after a deadlock; in a transaction, which is gone then, it is raised."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return act()
        except OperationalError as error:
            if not tries_left or connection.in_atomic_block or not is_deadlock(error):
                raise
    raise AssertionError("the last try returns or raises")
