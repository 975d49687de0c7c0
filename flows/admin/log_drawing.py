"""Draw the histogram of the log: where each piece of each bar stands."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flows.log_pages.histogram import OTHER, Bar, Histogram
from flows.log_pages.selection import Selection
from flows.models import LEVELS, local_text

WIDTH = 1000
HEIGHT = 100
# From the bottom up: what matters most stands on the ground, where it can be compared.
STACK = (*reversed(LEVELS), OTHER)
# A lonely error must not vanish below thousands of others.
_LEAST_HEIGHT = 2.0


class Piece(NamedTuple):
    """A rectangle of one level in a bar."""

    level: str
    y: float
    height: float


class DrawnBar(NamedTuple):
    """A bar, its text, and the address that narrows the list to it."""

    x: float
    width: float
    url: str
    text: str
    since: str
    counts: list[str]
    total: str
    pieces: list[Piece]


def drawing(histogram: Histogram, selection: Selection, address: Callable[[Selection], str]) -> dict[str, Any]:
    """Return what the template of the histogram needs."""
    about = "about " if histogram.is_estimated else ""
    number_text = _rounded if histogram.is_estimated else _exact
    step = WIDTH / len(histogram.bars)
    levels = [level for level in STACK if any(bar.counts[level] for bar in histogram.bars)]
    bars = [
        DrawnBar(
            round(number * step, 2),
            round(step * 0.86, 2),
            address(selection.within(bar.since, bar.until)),
            _text(bar, about, levels, number_text),
            local_text(bar.since, "milliseconds"),
            [number_text(bar.counts[level]) for level in levels],
            number_text(bar.total) if bar.total else "",
            _pieces(bar, histogram.peak),
        )
        for number, bar in enumerate(histogram.bars)
    ]
    first, last = histogram.bars[0], histogram.bars[-1]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars,
        "filled": [bar for bar in bars if bar.total],
        "levels": [(level, level.lower()) for level in levels],
        "since": local_text(first.since),
        "until": local_text(last.until),
        "middle": local_text(histogram.bars[len(bars) // 2].since),
        "each": _length((first.until - first.since).total_seconds()),
        "about": about,
        "total": number_text(histogram.total),
        "peak": number_text(histogram.peak),
        "is_estimated": histogram.is_estimated,
        "counted": ", ".join(histogram.counted),
        "which": f"level {selection.levels[0]}" + (" and above" if selection.levels[1:] else "")
        if selection.levels
        else "",
    }


def _exact(number: int) -> str:
    return f"{number:,}"


def _rounded(number: int) -> str:
    """Return an estimate without the digits that mean nothing."""
    return f"{int(float(f'{number:.2g}')):,}" if number >= 100 else str(number)


def _text(bar: Bar, about: str, levels: list[str], number_text: Callable[[int], str]) -> str:
    since, until = (local_text(moment, "milliseconds") for moment in (bar.since, bar.until))
    named = ", ".join(f"{number_text(bar.counts[level])} {level}" for level in levels if bar.counts[level])
    return f"{since} to {until}: {about}{number_text(bar.total)} rows" + (f": {named}" if named else "")


def _pieces(bar: Bar, peak: int) -> list[Piece]:
    pieces, top = [], float(HEIGHT)
    for level in STACK:
        if bar.counts[level]:
            height = min(max(bar.counts[level] / peak * HEIGHT, _LEAST_HEIGHT), top)
            top -= height
            pieces.append(Piece(level.lower(), round(top, 2), round(height, 2)))
    return pieces


def _length(seconds: float) -> str:
    """Return the length of a bar for people: 15 minutes, 7 days."""
    milliseconds = round(seconds * 1000) + 1
    for size, name in ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second")):
        if milliseconds % size == 0:
            number = milliseconds // size
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{milliseconds} ms"
