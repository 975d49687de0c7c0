"""pages: what each page of the admin costs the server, small and large."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import draw
from bench.log_sites import Site, sqlite
from bench.outcome import Goal, Outcome, duration
from bench.rounds import Effort, Samples, Spread
from tests import needs
from tests.servers import MariaDB

SMALL, LARGE = "small", "large"
_SQLITE, _MARIADB = "SQLite", "MariaDB"
_DATABASES = (_SQLITE, _MARIADB)
_LIMIT = 2


def pages(effort: Effort) -> Outcome:
    """Do the pages stay as fast when the site has grown?"""
    full = effort.rounds > 5
    runs, days = (1_000_000, 200) if full else (20_000, 4)
    sizes = {SMALL: (1_000, 2, 1_000, 1), LARGE: (runs, 500, 1_000_000, days)}
    found = {name: _measured(name, sizes, effort) for name in _DATABASES}
    samples = Samples(figures={"sizes": sizes, "pages": found})
    names = list(found[_SQLITE])
    for database in _DATABASES:
        for label in sizes:
            samples.seconds[f"{database}, {label}"] = {
                number: found[database][page][label]["seconds"] for number, page in enumerate(names)
            }
    return Outcome(
        "pages",
        "What does each page of the admin cost the server, small against large?",
        f"Small: {_told(sizes[SMALL])}. Large: {_told(sizes[LARGE])}. Fifty flows, as many log rows as runs, one "
        "client, a warm process, Django's test client; the whole request, session, user and template included. Typed: "
        "each time another text; the picture is asked for after the check of the same text, as the page does. A page "
        "with a star examines a window and says so.",
        [
            ("page", *(f"{database}, {size}" for database in _DATABASES for size in (SMALL, LARGE, "ratio")),
             "queries", "sent"),
            *((page, *_times(samples, number), *_sizes(found[_SQLITE][page])) for number, page in enumerate(names)),
        ],
        _goals(samples, names),
        samples,
        draw.bars(
            f"Pages of the admin, large against small ({_SQLITE})",
            "times the small case",
            [_bar(page, _ratio(samples, _SQLITE, number)) for number, page in enumerate(names)],
        ),
    )  # fmt: skip


def _measured(database: str, sizes: dict[str, Any], effort: Effort) -> Any:
    with tempfile.TemporaryDirectory(prefix="bench") as name, _site(database, Path(name)) as site:
        return site.run("ours.pages", json.dumps(sizes), str(effort.rounds))


@contextmanager
def _site(database: str, folder: Path) -> Iterator[Site]:
    """Name a file, or start a server with a database for each size."""
    if database == _SQLITE:
        with sqlite(folder) as site:
            yield site
        return
    if missing := needs.missing_for_mariadb():
        raise SystemExit(missing)
    # With the memory that the package of the server gives to its tables.
    with MariaDB(("--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=0")) as server:
        for name in ("wf", SMALL, LARGE):
            server.create_database(name)
        yield Site(database, folder, server)


def _ratio(samples: Samples, database: str, number: int) -> Spread:
    return samples.ratio(f"{database}, {LARGE}", f"{database}, {SMALL}", number)


def _times(samples: Samples, number: int) -> Iterator[str]:
    for database in _DATABASES:
        for label in (SMALL, LARGE):
            yield duration(samples.of(f"{database}, {label}", number).median)
        yield f"{_ratio(samples, database, number).median:.2f}x"


def _sizes(page: dict[str, Any]) -> Iterator[str]:
    small, large = page[SMALL], page[LARGE]
    yield f"{large['queries']}" if small["queries"] == large["queries"] else f"{small['queries']}, {large['queries']}"
    yield f"{large['bytes'] / 1_000:,.0f} kB"


def _goals(samples: Samples, names: list[str]) -> list[Goal]:
    """Return the pages that miss the goal, and the slowest of those that meet it."""
    ratios = [
        (f"{page}, {database}", _ratio(samples, database, number))
        for number, page in enumerate(names)
        for database in _DATABASES
    ]
    ratios.sort(key=lambda one: one[1].median)
    goals = [Goal(what, ratio, _LIMIT) for what, ratio in ratios]
    met = [goal for goal in goals if goal.met]
    missed = [goal for goal in goals if not goal.met]
    last = [met[-1]._replace(what=f"{len(met)} of {len(goals)}, the last of them {met[-1].what}")] if met else []
    return [*last, *missed]


def _bar(page: str, ratio: Spread) -> draw.Bar:
    kind = "ours" if ratio.median <= _LIMIT else "peer"
    return draw.Bar(page, ratio.median, ratio.low, ratio.high, f"{ratio.median:.2f}x", kind)


def _told(size: tuple[int, int, int, int]) -> str:
    runs, steps, characters, days = size
    return (
        f"{runs:,} runs over {days:,} day{'s' * (days > 1)}, flows of {steps:,} steps, {characters:,} bytes of results"
    )
