"""Draw a long flow in parts: as many boxes as one looks through, and where the others are."""

from dataclasses import replace
from typing import NamedTuple

from flows.picture.model import Node, Picture

BOXES = 40


class Part(NamedTuple):
    """Boxes that are drawn together: their number among the parts, what they hold, and what is wrong there."""

    number: int
    label: str
    findings: int
    is_drawn: bool


def drawn_in_part(picture: Picture, number: int | None) -> Picture:
    """Return the picture with one part drawn: that of this number, or else the first with a finding."""
    if len(picture.nodes) <= BOXES:
        return picture
    last = (len(picture.nodes) - 1) // BOXES
    part = _first_wrong(picture) if number is None else min(max(number - 1, 0), last)
    return replace(picture, drawn=range(part * BOXES, min((part + 1) * BOXES, len(picture.nodes))))


def parts_of(picture: Picture) -> list[Part]:
    """Return the parts of a picture of which one is drawn; none where all is."""
    if picture.drawn is None:
        return []
    parts = [picture.nodes[begin : begin + BOXES] for begin in range(0, len(picture.nodes), BOXES)]
    return [
        Part(number, _label(nodes), sum(len(node.findings) for node in nodes), (number - 1) * BOXES in picture.drawn)
        for number, nodes in enumerate(parts, 1)
    ]


def _first_wrong(picture: Picture) -> int:
    return next((place // BOXES for place, node in enumerate(picture.nodes) if node.findings), 0)


def _label(nodes: tuple[Node, ...]) -> str:
    numbers = [node.number for node in nodes if node.kind == "step"]
    return f"Steps {numbers[0]}\u2013{numbers[-1]}" if numbers else "The end"
