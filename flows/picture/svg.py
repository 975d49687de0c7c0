"""A picture as SVG text: classes for the looks, groups for the keyboard and the screen reader, no script."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from flows.picture.layout import (
    INDENT,
    LEFT,
    NAME_SIZE,
    RIGHT,
    TEXT,
    TEXT_SIZE,
    WIDTH,
    Arrow,
    Box,
    Layout,
    Mark,
    Row,
    lay_out,
)
from flows.picture.measure import width_of
from flows.picture.model import Picture
from flows.picture.tags import Attributes, Tag, number, tag
from flows.picture.words import description_of, label_of, title_of

HUES = 6
_BEND = 5


def to_svg(picture: Picture, name: str = "") -> str:
    """Return the picture for a page that has picture.css; `name` is the flow's."""
    layout = lay_out(picture)
    return drawing(picture, name, layout, inside(picture, layout))


def drawing(picture: Picture, name: str, layout: Layout, drawn: Iterable[Tag], namespace: str = "") -> Tag:
    """Return the tag around what is drawn, with what a screen reader says of it."""
    # Not role="img": that would hide the steps from a screen reader.
    attributes: Attributes = {
        "class": "flow-drawing",
        "width": layout.width,
        "height": layout.height,
        "viewBox": f"0 0 {number(layout.width)} {number(layout.height)}",
        "role": "group",
        "aria-labelledby": "flow-drawing-title",
        "aria-describedby": "flow-drawing-text",
    }
    return tag(
        "svg",
        {**attributes, "xmlns": namespace} if namespace else attributes,
        tag("title", {"id": "flow-drawing-title"}, title_of(name)),
        tag("desc", {"id": "flow-drawing-text"}, description_of(picture)),
        *drawn,
    )


def inside(picture: Picture, layout: Layout) -> Iterator[Tag]:
    """Yield what is drawn, from the back to the front."""
    yield from _order(layout.boxes)
    by_target = _by_target(layout.arrows)
    sources = {arrow.source: arrow for arrow in layout.arrows if arrow.lane is not None}
    for box in layout.boxes:
        # What has the focus is scrolled to as a whole, so the arrows are no part of it.
        arrows = map(_arrow, by_target.get(box.place, ()))
        yield tag("g", {"class": "flow-node"}, *arrows, _box(box, picture, sources.get(box.place)))
    if layout.footer:
        place: Attributes = {"class": "flow-footer", "x": LEFT, "y": layout.height - 12}
        yield tag("text", place, layout.footer)


def _by_target(arrows: Iterable[Arrow]) -> dict[int, list[Arrow]]:
    found: dict[int, list[Arrow]] = {}
    for arrow in arrows:
        found.setdefault(arrow.target, []).append(arrow)
    return found


def _order(boxes: Sequence[Box]) -> Iterator[Tag]:
    """Yield the short lines that join the boxes of one sequence."""
    lines = [
        f"M{LEFT + INDENT / 2:g} {number(upper.top + upper.height)}V{number(lower.top)}"
        for upper, lower in pairwise(boxes)
        if lower.node.kind in {"step", "handler"} and upper.node.kind in {"step", "handler", "failure"}
    ]
    if lines:
        yield tag("path", {"class": "flow-order", "d": "".join(lines)})


# --- a box -----------------------------------------------------------------------------------------------------------


def _box(box: Box, picture: Picture, begins: Arrow | None) -> Tag:
    attributes: Attributes = {
        "class": _classes(box),
        "role": "group",
        "tabindex": 0,
        "aria-label": label_of(box.node, picture.nodes),
        "data-pointer": box.node.pointer,
        "data-place": box.place,
    }
    return tag("g", attributes, *_frame(box), *map(_row, box.rows), *map(_mark, box.marks), *_dot(box, begins))


def _classes(box: Box) -> str:
    node = box.node
    flags = {
        "flow-conditional": node.is_conditional,
        "flow-unread": node.is_unread,
        "flow-wrong": bool(node.findings),
    }
    return " ".join(["flow-box", f"flow-box-{node.kind}", *(name for name, is_set in flags.items() if is_set)])


def _frame(box: Box) -> Iterator[Tag]:
    if box.node.is_repeated:
        yield _rectangle("flow-frame flow-behind", LEFT - 4, box.top + 4, box.height)
    yield _rectangle("flow-frame", LEFT, box.top, box.height)
    if box.node.is_flow:
        yield tag("path", {"class": "flow-side", "d": f"M{LEFT + 4} {number(box.top)}v{number(box.height)}"})
    if box.node.number is not None:
        yield _beside("flow-number", box.out, str(box.node.number))


def _rectangle(name: str, x: float, top: float, height: float) -> Tag:
    return tag("rect", {"class": name, "x": x, "y": top, "width": WIDTH, "height": height, "rx": 6})


def _row(row: Row) -> Tag:
    wrong = " flow-wrong-row" if row.is_wrong and row.kind != "finding" else ""
    return tag("g", {"class": f"flow-row-{row.kind}{wrong}"}, *_inside_row(row))


def _inside_row(row: Row) -> Iterator[Tag]:
    if row.full and row.full != row.text:
        yield tag("title", {}, row.full)
    base = _base(row.middle, NAME_SIZE if row.kind == "name" else TEXT_SIZE)
    x = float(TEXT)
    if row.kind == "finding":
        yield _beside("flow-cross", row.middle, row.lead)
    elif row.lead:
        yield tag("text", {"class": "flow-lead", "x": x, "y": base}, row.lead)
        x += width_of(row.lead, TEXT_SIZE) + 8
    yield tag("text", {"x": x, "y": base}, row.text)


def _beside(name: str, middle: float, text: str) -> Tag:
    """Return what is written into the margin of a box."""
    return tag("text", {"class": name, "x": LEFT + INDENT - 9, "y": _base(middle, TEXT_SIZE)}, text)


def _mark(mark: Mark) -> Tag:
    plate = {"x": mark.x, "y": mark.middle - 8, "width": mark.width, "height": 16, "rx": 8}
    word = {"x": mark.x + mark.width / 2, "y": _base(mark.middle, 11)}
    return tag("g", {"class": "flow-mark"}, tag("rect", plate), tag("text", word, mark.text))


def _dot(box: Box, begins: Arrow | None) -> Iterator[Tag]:
    """Yield where the arrows of a box leave it."""
    if begins is not None:
        yield tag("circle", {"class": f"flow-dot {_hue(begins)}", "cx": RIGHT, "cy": box.out, "r": 3.5})


# --- arrows ----------------------------------------------------------------------------------------------------------


def _arrow(arrow: Arrow) -> Tag:
    names = ["flow-arrow", _hue(arrow)]
    names += ["flow-condition"] if arrow.is_condition else []
    names += ["flow-wrong-arrow"] if arrow.is_wrong else []
    return tag(
        "g",
        {"class": " ".join(names), "data-source": arrow.source},
        tag("path", {"class": "flow-line", "d": _line(arrow)}),
        tag("path", {"class": "flow-head", "d": f"M{RIGHT} {number(arrow.ends)}l8 -4v8z"}),
    )


def _line(arrow: Arrow) -> str:
    tip = RIGHT + 7
    if arrow.lane is None:
        return f"M{number(arrow.x)} {number(arrow.ends)}H{tip}"
    x, begins, ends = arrow.x, arrow.begins, arrow.ends
    return (
        f"M{RIGHT} {number(begins)}H{number(x - _BEND)}q{_BEND} 0 {_BEND} {_BEND}"
        f"V{number(ends - _BEND)}q0 {_BEND} -{_BEND} {_BEND}H{tip}"
    )


def _hue(arrow: Arrow) -> str:
    return "flow-hue-far" if arrow.lane is None else f"flow-hue-{arrow.lane % HUES}"


def _base(middle: float, size: float) -> float:
    """Return where a line of text stands whose small letters lie around a height."""
    return middle + size * 0.35
