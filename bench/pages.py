"""pages: what each page of the admin costs the server, small and large."""

import json
import tempfile
from pathlib import Path

from bench import draw
from bench.log_sites import sqlite
from bench.outcome import Goal, Outcome, duration
from bench.rounds import Effort, Samples

SMALL, LARGE = "small", "large"
_LABELS = (SMALL, LARGE)


def pages(effort: Effort) -> Outcome:
    """Do the pages stay as fast when the site has grown?"""
    full = effort.rounds > 5
    sizes = {SMALL: (100, 2, 1_000), LARGE: (1_000_000, 500, 1_000_000) if full else (20_000, 500, 1_000_000)}
    with tempfile.TemporaryDirectory(prefix="bench") as name, sqlite(Path(name)) as site:
        found = site.run("ours.pages", json.dumps(sizes), str(effort.rounds))
    samples = Samples(figures={"sizes": sizes, "pages": found})
    for number, page in enumerate(found):
        for label in _LABELS:
            samples.seconds.setdefault(label, {})[number] = found[page][label]
    return Outcome(
        "pages",
        "What does each page of the admin cost the server, small against large?",
        f"Small: {_told(sizes[SMALL])}. Large: {_told(sizes[LARGE])}. SQLite, one client, a warm process, Django's "
        "test client; the whole request, session, user and template included. A page of 500 steps shows all of them.",
        [("page", SMALL, LARGE, "large to small"),
         *((page, *(duration(samples.of(label, number).median) for label in _LABELS),
            f"{samples.ratio(LARGE, SMALL, number).median:.1f}x") for number, page in enumerate(found))],
        [Goal(page, samples.ratio(LARGE, SMALL, number), 2) for number, page in enumerate(found)],
        samples,
        draw.lines(
            "Pages of the admin",
            "page",
            "ms",
            [draw.Line(label, [(number + 1, samples.of(label, number).median * 1_000) for number in range(len(found))],
                       "ours" if label == LARGE else "theirs") for label in _LABELS],
        ),
    )  # fmt: skip


def _told(size: tuple[int, int, int]) -> str:
    return "{:,} runs, a flow of {:,} steps, {:,} bytes of results".format(*size)
