"""A picture as a file that stands alone: it brings its looks along, for a light and a dark screen."""

import re
from functools import cache
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from flows.engine.text import visible
from flows.picture.layout import LEFT, RIGHT
from flows.picture.measure import wrapped
from flows.picture.model import Picture
from flows.picture.svg import element_of

_STYLES = Path(__file__).resolve().parent.parent / "static" / "flows" / "picture.css"
_COLOUR = re.compile(r"(--picture-[\w-]+): (?:var\(--[\w-]+, )?(#\w+)\)?;")
_USE = re.compile(r"var\((--picture-[\w-]+)\)")
_DRAWING = re.compile(r"/\* drawing \*/(.*)/\* page \*/", re.DOTALL)


def to_svg_file(picture: Picture, name: str = "") -> str:
    """Return the picture as the text of an SVG file; `name` is the flow's."""
    root = element_of(picture, name)
    root.set("xmlns", "http://www.w3.org/2000/svg")
    if picture.message:
        _say(root, picture.message)
    style = Element("style")
    style.text = stylesheet()
    root.insert(2, style)
    ground = {"class": "flow-ground", "width": "100%", "height": "100%"}
    root.insert(3, Element("rect", ground))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


@cache
def stylesheet() -> str:
    """Return the rules of picture.css for the drawing, with colours in place of variables.

    Programs that are no browsers know no variables, and would paint all black.
    """
    text = _STYLES.read_text(encoding="utf-8")
    _, light, dark, *_ = (dict(_COLOUR.findall(block)) for block in re.split(r"/\* (?:light|dark)\b.*?\*/", text))
    drawing = _DRAWING.search(text)
    rules = drawing[1] if drawing else ""
    return f"{_coloured(rules, light)}\n@media (prefers-color-scheme: dark) {{{_coloured(rules, light | dark)}}}\n"


def _coloured(rules: str, colours: dict[str, str]) -> str:
    return _USE.sub(lambda use: colours[use[1]], rules)


def _say(root: Element, message: str) -> None:
    """Write why there is no picture."""
    lines = wrapped(visible(message), RIGHT - LEFT, 12, 6)
    height = str(20 * len(lines) + 20)
    root.set("height", height)
    root.set("viewBox", f"0 0 {root.get('width')} {height}")
    for place, line in enumerate(lines):
        SubElement(root, "text", {"class": "flow-footer", "x": str(LEFT), "y": str(20 * place + 24)}).text = line
