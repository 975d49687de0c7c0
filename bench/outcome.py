"""What a benchmark found: a table, its goals, a picture; printed, and kept as JSON, as SVG and in the docs."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, NamedTuple

from bench.environments import ROOT
from bench.rounds import Samples, Spread

RESULTS = ROOT / "bench" / "results"
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "explanation" / "performance.md"


class Goal(NamedTuple):
    """A figure that was aimed at, and what came out; nothing is asserted."""

    what: str
    found: Spread
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.found.median >= self.limit if self.at_least else self.found.median <= self.limit

    def __str__(self) -> str:
        aim = f"{'at least' if self.at_least else 'at most'} {self.limit:g}x"
        return f"{self.what}: {aim}; {times(self.found)}: {'met' if self.met else 'NOT MET'}"


@dataclass
class Outcome:
    """One benchmark; the first row of the table is its heading."""

    name: str
    question: str
    caveat: str
    table: Sequence[Sequence[str]]
    goals: Sequence[Goal]
    samples: Samples
    picture: str


def times(ratio: Spread) -> str:
    """Return a ratio for people, with the least and the most of the rounds: `5.1x (4.9 to 5.6)`."""
    return f"{_figure(ratio.median)}x ({_figure(ratio.low)} to {_figure(ratio.high)})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def duration(seconds: float) -> str:
    """Return a length of time with three digits: `0.45 µs`, `12.3 ms`."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1 or unit == "µs":
            return f"{_figure(seconds * factor)} {unit}"
    raise AssertionError


def tell(outcome: Outcome) -> None:
    """Print a benchmark."""
    print(f"\n{outcome.name}: {outcome.question}\n")
    widths = [max(map(len, column)) for column in zip(*outcome.table, strict=True)]
    for index, row in enumerate(outcome.table):
        first, *rest = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest[:-1]), rest[-1][0]]
        print("  ".join(cells).rstrip())
        if not index:
            print("  ".join("-" * width for width in widths))
    print()
    for goal in outcome.goals:
        print(f"goal  {goal}")
    for label, reason in outcome.samples.skipped.items():
        print(f"LEFT OUT  {label}: {reason}")
    print(f"caveat  {outcome.caveat}")


def keep(outcome: Outcome, load_before: float) -> None:
    """Write the figures, the picture and the tables of the docs."""
    now = datetime.now()
    versions = _versions() | {label: one for label, one in outcome.samples.versions.items() if one}
    document = {
        "benchmark": outcome.name,
        "date": now.isoformat(timespec="seconds"),
        "question": outcome.question,
        "caveat": outcome.caveat,
        "machine": _machine() | {"load_before": round(load_before, 2), "load_after": round(os.getloadavg()[0], 2)},
        "versions": versions,
        "left_out": outcome.samples.skipped,
        "goals": [_as_data(goal) for goal in outcome.goals],
        "table": [list(row) for row in outcome.table],
        "seconds": outcome.samples.seconds,
    } | outcome.samples.figures
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%d}-{outcome.name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / f"bench-{outcome.name}.svg").write_text(outcome.picture, encoding="utf-8")
    _write_into_the_page(outcome, now, versions)
    print(f"kept  {path.relative_to(ROOT)}, docs/images/bench-{outcome.name}.svg, {PAGE.relative_to(ROOT)}")


def _as_data(goal: Goal) -> dict[str, Any]:
    aim = "at least" if goal.at_least else "at most"
    return {"what": goal.what, aim: goal.limit, "found": goal.found._asdict(), "met": goal.met}


def _machine() -> dict[str, Any]:
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), "Django": version("django"), "product": _commit()}


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _write_into_the_page(outcome: Outcome, now: datetime, versions: dict[str, str]) -> None:
    """Replace the figures of this benchmark in the docs, which stand between two comments."""
    begin, end = f"<!-- {outcome.name}: written by python -m bench -->", f"<!-- end of {outcome.name} -->"
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if begin not in text or end not in text:
        print(f"{PAGE.relative_to(ROOT)} has no place for {outcome.name}: {begin} ... {end}", file=sys.stderr)
        return
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n\n{_markdown(outcome, now, versions)}\n{end}{after}", encoding="utf-8")


def _markdown(outcome: Outcome, now: datetime, versions: dict[str, str]) -> str:
    heading, *rows = outcome.table
    lines = [_row(heading), "|---" + "|--:" * (len(heading) - 2) + "|---|", *map(_row, rows), ""]
    lines += [f"- Goal: {goal}" for goal in outcome.goals]
    lines += [f"- Left out: {label}: {reason}" for label, reason in outcome.samples.skipped.items()]
    known = ", ".join(f"{name} {one}" for name, one in versions.items())
    lines += ["", f"Measured {now:%Y-%m-%d} on {os.cpu_count()} shared cores: {known}."]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
