"""Draw a benchmark as SVG with a logarithmic scale, readable on a light and on a dark page."""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

_WIDTH = 760
_STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600; font-size: 15px }
.faint { fill: #57606a; font-size: 11px } .grid { stroke: #d0d7de } .range { stroke: #24292f }
.ours { fill: #0969da; stroke: #0969da } .limit { fill: #1a7f37; stroke: #1a7f37 }
.peer { fill: #8c959f; stroke: #8c959f } polyline { fill: none !important; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .faint { fill: #9198a1 } .grid { stroke: #3d444d } .range { stroke: #e6edf3 }
.ours { fill: #4493f8; stroke: #4493f8 } .limit { fill: #3fb950; stroke: #3fb950 }
.peer { fill: #7d8590; stroke: #7d8590 } }
</style>"""


class Bar(NamedTuple):
    """One row; `kind` is ours, limit or peer; `low` and `high` are the ends of the line over the bar."""

    label: str
    value: float
    low: float
    high: float
    shown: str
    kind: str


class Line(NamedTuple):
    """One series of points; `kind` as for a bar."""

    label: str
    points: Sequence[tuple[float, float]]
    kind: str


class _Scale(NamedTuple):
    """From a value to a place, by its logarithm."""

    first: int
    last: int
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (log10(value) - self.first) / (self.last - self.first)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.first, self.last + 1)]


def _scale(values: Sequence[float], start: float, end: float) -> _Scale:
    first = floor(log10(min(values)))
    return _Scale(first, max(first + 1, ceil(log10(max(values)))), start, end)


def bars(title: str, unit: str, rows: Sequence[Bar]) -> str:
    """Return a chart with one bar a row; `unit` names what the axis counts."""
    top, step, left = 56, 26, 250
    height = top + step * len(rows) + 24
    scale = _scale([row.low for row in rows] + [row.high for row in rows], left, _WIDTH - 80)
    parts = [*_heading(title, f"{unit}, logarithmic; thin line: least and most of the rounds")]
    for decade in scale.decades:
        parts.append(f'<line class="grid" x1="{scale(decade)}" x2="{scale(decade)}" y1="{top}" y2="{height - 20}"/>')
        parts.append(_text(scale(decade), height - 6, f"{decade:g}", "faint", "middle"))
    for index, row in enumerate(rows):
        y = top + step * index
        width = max(2.0, round(scale(row.value) - left, 1))
        parts += [
            _text(left - 8, y + 17, row.label, "", "end"),
            f'<rect class="{row.kind}" x="{left}" y="{y + 5}" width="{width}" height="16" rx="2"/>',
            f'<line class="range" x1="{scale(row.low)}" x2="{scale(row.high)}" y1="{y + 13}" y2="{y + 13}"/>',
            _text(scale(row.high) + 8, y + 17, row.shown, "", "start"),
        ]
    return _svg(title, height, parts)


def lines(title: str, x_unit: str, y_unit: str, series: Sequence[Line]) -> str:
    """Return a chart with one line a series, both axes logarithmic."""
    top, bottom, left, right = 56, 400, 60, _WIDTH - 210
    points = [point for line in series for point in line.points]
    across = _scale([x for x, _ in points], left, right)
    up = _scale([y for _, y in points], bottom, top)
    parts = [*_heading(title, f"{y_unit} by {x_unit}, both logarithmic")]
    for decade in up.decades:
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{up(decade)}" y2="{up(decade)}"/>')
        parts.append(_text(left - 8, up(decade) + 4, f"{decade:g}", "faint", "end"))
    parts += [_text(across(x), bottom + 18, f"{x:,g}", "faint", "middle") for x in sorted({x for x, _ in points})]
    for line in series:
        places = " ".join(f"{across(x)},{up(y)}" for x, y in line.points)
        parts.append(f'<polyline class="{line.kind}" points="{places}"/>')
        parts += [f'<circle class="{line.kind}" cx="{across(x)}" cy="{up(y)}" r="3"/>' for x, y in line.points]
    parts += _labels(series, across, up)
    return _svg(title, bottom + 32, parts)


def _labels(series: Sequence[Line], across: _Scale, up: _Scale) -> list[str]:
    """Return the name of each line at its end, pushed down where two would overlap."""
    parts = []
    free = 0.0
    for line in sorted(series, key=lambda line: -line.points[-1][1]):
        x, y = line.points[-1]
        free = max(free + 16, up(y) + 4)
        parts.append(_text(across(x) + 10, free, line.label, "", "start"))
    return parts


def _heading(title: str, subtitle: str) -> list[str]:
    return [_text(12, 22, title, "title", "start"), _text(12, 40, subtitle, "faint", "start")]


def _text(x: float, y: float, text: str, style: str, anchor: str) -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", _STYLE, *parts, "</svg>", ""])
