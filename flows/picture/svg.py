"""A picture as SVG text: classes for the looks, groups for the keyboard and the screen reader, no script."""

from collections.abc import Iterable
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement, tostring

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
from flows.picture.words import description_of, label_of, title_of

HUES = 6
_BEND = 5


def to_svg(picture: Picture, name: str = "") -> str:
    """Return the picture for a page that has picture.css; `name` is the flow's."""
    return tostring(element_of(picture, name), encoding="unicode")


def element_of(picture: Picture, name: str) -> Element:
    """Return the picture as the root of a tree; the tree escapes what stands in it."""
    layout = lay_out(picture)
    width, height = _number(layout.width), _number(layout.height)
    # Not role="img": that would hide the steps from a screen reader.
    root = Element(
        "svg",
        {
            "class": "flow-drawing",
            "width": width,
            "height": height,
            "viewBox": f"0 0 {width} {height}",
            "role": "group",
            "aria-labelledby": "flow-drawing-title",
            "aria-describedby": "flow-drawing-text",
        },
    )
    SubElement(root, "title", {"id": "flow-drawing-title"}).text = title_of(name)
    SubElement(root, "desc", {"id": "flow-drawing-text"}).text = description_of(picture)
    _draw_order(root, layout.boxes)
    by_target = _by_target(layout.arrows)
    sources = {arrow.source: arrow for arrow in layout.arrows if arrow.lane is not None}
    for box in layout.boxes:
        _draw_box(root, box, picture, by_target.get(box.place, ()), sources.get(box.place))
    _draw_footer(root, layout)
    return root


def _by_target(arrows: Iterable[Arrow]) -> dict[int, list[Arrow]]:
    found: dict[int, list[Arrow]] = {}
    for arrow in arrows:
        found.setdefault(arrow.target, []).append(arrow)
    return found


def _draw_order(root: Element, boxes: tuple[Box, ...]) -> None:
    """Draw the short lines that join the boxes of one sequence."""
    lines = [
        f"M{LEFT + INDENT / 2:g} {_number(upper.top + upper.height)}V{_number(lower.top)}"
        for upper, lower in pairwise(boxes)
        if lower.node.kind in {"step", "handler"} and upper.node.kind in {"step", "handler", "failure"}
    ]
    if lines:
        SubElement(root, "path", {"class": "flow-order", "d": "".join(lines)})


# --- a box -----------------------------------------------------------------------------------------------------------


def _draw_box(root: Element, box: Box, picture: Picture, arrows: Iterable[Arrow], begins: Arrow | None) -> None:
    node = SubElement(root, "g", {"class": "flow-node"})
    for arrow in arrows:
        _draw_arrow(node, arrow)
    # What has the focus is scrolled to as a whole, so the arrows are no part of it.
    group = SubElement(
        node,
        "g",
        {
            "class": _classes(box),
            "role": "group",
            "tabindex": "0",
            "aria-label": label_of(box.node, picture.nodes),
            "data-pointer": box.node.pointer,
            "data-place": str(box.place),
        },
    )
    _draw_frame(group, box)
    if box.node.number is not None:
        _write_beside(group, "flow-number", box.out, str(box.node.number))
    for row in box.rows:
        _draw_row(group, row)
    for mark in box.marks:
        _draw_mark(group, mark)
    if begins is not None:
        dot = {"class": f"flow-dot {_hue(begins)}", "cx": str(RIGHT), "cy": _number(box.out), "r": "3.5"}
        SubElement(group, "circle", dot)


def _classes(box: Box) -> str:
    node = box.node
    flags = {
        "flow-conditional": node.is_conditional,
        "flow-unread": node.is_unread,
        "flow-wrong": bool(node.findings),
    }
    return " ".join(["flow-box", f"flow-box-{node.kind}", *(name for name, is_set in flags.items() if is_set)])


def _draw_frame(group: Element, box: Box) -> None:
    if box.node.is_repeated:
        _rectangle(group, "flow-frame flow-behind", LEFT - 4, box.top + 4, box.height)
    _rectangle(group, "flow-frame", LEFT, box.top, box.height)
    if box.node.is_flow:
        x, top, bottom = LEFT + 4, box.top, box.top + box.height
        SubElement(group, "path", {"class": "flow-side", "d": f"M{x} {_number(top)}V{_number(bottom)}"})


def _rectangle(group: Element, name: str, x: float, top: float, height: float) -> None:
    place = {"x": _number(x), "y": _number(top), "width": str(WIDTH), "height": _number(height), "rx": "6"}
    SubElement(group, "rect", {"class": name, **place})


def _draw_row(group: Element, row: Row) -> None:
    size = NAME_SIZE if row.kind == "name" else TEXT_SIZE
    wrong = " flow-wrong-row" if row.is_wrong and row.kind != "finding" else ""
    holder = SubElement(group, "g", {"class": f"flow-row-{row.kind}{wrong}"})
    if row.full and row.full != row.text:
        SubElement(holder, "title").text = row.full
    x = float(TEXT)
    if row.kind == "finding":
        _write_beside(holder, "flow-cross", row.middle, row.lead)
    elif row.lead:
        lead = {"class": "flow-lead", "x": _number(x), "y": _base(row.middle, size)}
        SubElement(holder, "text", lead).text = row.lead
        x += width_of(row.lead, TEXT_SIZE) + 8
    SubElement(holder, "text", {"x": _number(x), "y": _base(row.middle, size)}).text = row.text


def _write_beside(group: Element, name: str, middle: float, text: str) -> None:
    """Write into the margin of a box."""
    place = {"class": name, "x": str(LEFT + INDENT - 9), "y": _base(middle, TEXT_SIZE)}
    SubElement(group, "text", place).text = text


def _draw_mark(group: Element, mark: Mark) -> None:
    holder = SubElement(group, "g", {"class": "flow-mark"})
    place = {"x": _number(mark.x), "y": _number(mark.middle - 8), "width": _number(mark.width), "height": "16"}
    SubElement(holder, "rect", {**place, "rx": "8"})
    middle = {"x": _number(mark.x + mark.width / 2), "y": _base(mark.middle, 11)}
    SubElement(holder, "text", middle).text = mark.text


# --- arrows ----------------------------------------------------------------------------------------------------------


def _draw_arrow(group: Element, arrow: Arrow) -> None:
    names = ["flow-arrow", _hue(arrow)]
    names += ["flow-condition"] if arrow.is_condition else []
    names += ["flow-wrong-arrow"] if arrow.is_wrong else []
    holder = SubElement(group, "g", {"class": " ".join(names), "data-source": str(arrow.source)})
    SubElement(holder, "path", {"class": "flow-line", "d": _line(arrow)})
    y = _number(arrow.ends)
    SubElement(holder, "path", {"class": "flow-head", "d": f"M{RIGHT} {y}l8 -4v8z"})


def _line(arrow: Arrow) -> str:
    tip = RIGHT + 7
    if arrow.lane is None:
        return f"M{_number(arrow.x)} {_number(arrow.ends)}H{tip}"
    x, begins, ends = arrow.x, arrow.begins, arrow.ends
    return (
        f"M{RIGHT} {_number(begins)}H{_number(x - _BEND)}q{_BEND} 0 {_BEND} {_BEND}"
        f"V{_number(ends - _BEND)}q0 {_BEND} -{_BEND} {_BEND}H{tip}"
    )


def _hue(arrow: Arrow) -> str:
    return "flow-hue-far" if arrow.lane is None else f"flow-hue-{arrow.lane % HUES}"


# --- the rest --------------------------------------------------------------------------------------------------------


def _draw_footer(root: Element, layout: Layout) -> None:
    if layout.footer:
        place = {"class": "flow-footer", "x": str(LEFT), "y": _number(layout.height - 12)}
        SubElement(root, "text", place).text = layout.footer


def _base(middle: float, size: float) -> str:
    """Return where a line of text stands whose small letters lie around a height."""
    return _number(middle + size * 0.35)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
