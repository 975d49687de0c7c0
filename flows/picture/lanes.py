"""Which lane beside the column each line takes, so that few cross and none share a place."""

from bisect import bisect_left
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
    taken = [_Lane() for _ in range(MAX_LANES)]
    lanes: dict[int, int] = {}
    for source, span in sorted(spans.items(), key=lambda item: (item[1].ends - item[1].begins, item[0])):
        free = next((lane for lane, others in enumerate(taken) if others.has_room(span)), None)
        if free is not None:
            taken[free].take(span)
            lanes[source] = free
    return lanes


class _Lane:
    """The lines of one lane; as none of them meet, those that begin later end later too."""

    def __init__(self) -> None:
        self.begins: list[float] = []
        self.ends: list[float] = []

    def has_room(self, span: Span) -> bool:
        before = bisect_left(self.begins, span.ends + _CLEARANCE)
        return not before or self.ends[before - 1] + _CLEARANCE <= span.begins

    def take(self, span: Span) -> None:
        place = bisect_left(self.begins, span.begins)
        self.begins.insert(place, span.begins)
        self.ends.insert(place, span.ends)
