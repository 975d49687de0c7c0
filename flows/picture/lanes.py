"""Which lane beside the column each line takes, so that few cross and none share a place."""

from collections.abc import Mapping
from typing import NamedTuple

MAX_LANES = 24
_CLEARANCE = 8


class Span(NamedTuple):
    """From where to where a line goes, downward."""

    begins: float
    ends: float


def lanes_of(spans: Mapping[int, Span]) -> dict[int, int]:
    """Return the lane of each line, counted from the column outward; what finds none free is left out.

    Short lines come first and take the innermost lane that is free, so that a long one goes around those that it
    spans. Lines that do not meet share a lane.
    """
    taken: list[list[Span]] = [[] for _ in range(MAX_LANES)]
    lanes: dict[int, int] = {}
    for source, span in sorted(spans.items(), key=lambda item: (item[1].ends - item[1].begins, item[0])):
        free = next((lane for lane, others in enumerate(taken) if not any(_meet(span, one) for one in others)), None)
        if free is not None:
            taken[free].append(span)
            lanes[source] = free
    return lanes


def _meet(one: Span, other: Span) -> bool:
    return one.begins < other.ends + _CLEARANCE and other.begins < one.ends + _CLEARANCE
