"""Let a test end, stop or break this process at a named point: `FLOWS_FAILPOINT=<point>:<nth>:kill|raise|stop`."""

import os
import signal
from collections import Counter

POINTS = (
    "run.created",
    "run.claimed",
    "step.started",
    "step.returned",
    "checkpoint.begun",
    "checkpoint.written",
    "checkpoint.committed",
    "run.finishing",
    "run.finished",
)


class FailpointReached(Exception):
    """Raised at the point that the environment names, for tests of what follows an unexpected error."""


_reached: Counter[str] = Counter()
_point, _nth, _action = "", 0, ""


def arm(text: str) -> None:
    """Set the point that counts from now on; an empty text disarms."""
    global _point, _nth, _action
    _reached.clear()
    point, nth, action = text.split(":") if text else ("", "0", "")
    if text and (point not in POINTS or action not in ("kill", "raise", "stop")):
        raise ValueError(f"FLOWS_FAILPOINT={text!r}: write <point>:<nth>:kill|raise|stop; points: {', '.join(POINTS)}")
    _point, _nth, _action = point, int(nth), action


def reach(point: str) -> None:
    """Do what the environment asks for at this point; nearly always nothing."""
    if point != _point:
        return
    _reached[point] += 1
    if _reached[point] != _nth:
        return
    if _action == "raise":
        raise FailpointReached(point)
    os.kill(os.getpid(), signal.SIGKILL if _action == "kill" else signal.SIGSTOP)


arm(os.environ.get("FLOWS_FAILPOINT", ""))
