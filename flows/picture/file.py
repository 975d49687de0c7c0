"""A picture as a file that stands alone: it brings its looks along, for a light and a dark screen."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from flows.engine.text import visible
from flows.picture.layout import LEFT, RIGHT, lay_out
from flows.picture.measure import wrapped
from flows.picture.model import Picture
from flows.picture.svg import drawing, inside
from flows.picture.tags import Tag, tag

_NAMESPACE = "http://www.w3.org/2000/svg"
_STYLES = Path(__file__).resolve().parent.parent / "static" / "flows" / "picture.css"
_COLOUR = re.compile(r"(--picture-[\w-]+): (?:var\(--[\w-]+, )?(#\w+)\)?;")
_USE = re.compile(r"var\((--picture-[\w-]+)\)")
_DRAWING = re.compile(r"/\* drawing \*/(.*)/\* page \*/", re.DOTALL)


def to_svg_file(picture: Picture, name: str = "") -> str:
    """Return the picture as the text of an SVG file; `name` is the flow's."""
    layout = lay_out(picture)
    drawn = inside(picture, layout)
    if picture.message:
        # It says why there is no picture.
        lines = wrapped(visible(picture.message), RIGHT - LEFT, 12, 6)
        layout, drawn = layout._replace(height=20 * len(lines) + 20), _written(lines)
    looks = tag("style", {}, stylesheet()), tag("rect", {"class": "flow-ground", "width": "100%", "height": "100%"})
    root = drawing(picture, name, layout, chain(looks, drawn), _NAMESPACE)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'


def _written(lines: Iterable[str]) -> Iterator[Tag]:
    for place, line in enumerate(lines):
        yield tag("text", {"class": "flow-footer", "x": LEFT, "y": 20 * place + 24}, line)


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
