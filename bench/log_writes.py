"""log-write: how many log rows a second get into the table."""

import tempfile
from pathlib import Path

from bench import draw
from bench.log_sites import Site, mariadb, sqlite
from bench.outcome import Goal, Outcome, times
from bench.rounds import Effort, Samples, Spread

ROWS = 50_000
BULK, MANY, OURS, TEXT = "bulk_create", "executemany", "ours", "ready-made INSERT text"
DOES = {
    BULK: "Django's model instances",
    MANY: "the driver's own, a transaction a batch",
    OURS: "from the queue: checks, cuts, converts, INSERTs, counts",
    TEXT: "the limit: the statement is there already",
}


def log_write(effort: Effort) -> Outcome:
    """How many log rows a second get into the table?"""
    samples = Samples()
    rows = ROWS if effort.rounds > 5 else ROWS // 10
    for open_site in (mariadb, sqlite):
        with tempfile.TemporaryDirectory(prefix="bench") as name, open_site(Path(name)) as site:
            _measure(site, effort.rounds, rows, samples)
    labels = [f"{label}, {database}" for database in ("MariaDB", "SQLite") for label in DOES]
    return Outcome(
        "log-write",
        "How many log rows a second get into the table, in batches of 500?",
        f"{rows:,} rows of 120 characters and a few tracebacks, one writer, nobody else at the table; over a socket. "
        "A writer that shares its process with busy threads gets less.",
        [("way", "rows a second", "of ready-made text", "of bulk_create", "what it does"),
         *(_row(label, rows, samples) for label in labels)],
        [
            Goal("MariaDB, ours against bulk_create", _gain(BULK, "MariaDB", rows, samples), 2.2, at_least=True),
            Goal("MariaDB, ours against ready-made text", _gain(TEXT, "MariaDB", rows, samples), 0.5, at_least=True),
            Goal("SQLite, ours against executemany", _gain(MANY, "SQLite", rows, samples), 0.8, at_least=True),
        ],
        samples,
        draw.bars("Log rows written", "rows a second", [_bar(label, rows, samples) for label in labels]),
    )  # fmt: skip


def _measure(site: Site, rounds: int, rows: int, samples: Samples) -> None:
    for label, seconds in site.run("log_writing", str(rounds), str(rows)).items():
        samples.seconds[f"{label}, {site.name}"] = {rows: seconds}


def _gain(other: str, database: str, rows: int, samples: Samples) -> Spread:
    # More rows a second is less seconds.
    return samples.ratio(f"{other}, {database}", f"{OURS}, {database}", rows)


def _row(label: str, rows: int, samples: Samples) -> tuple[str, ...]:
    name, database = label.rsplit(", ", 1)
    return (
        label,
        f"{rows / samples.of(label, rows).median:,.0f}",
        times(samples.ratio(f"{TEXT}, {database}", label, rows)),
        times(samples.ratio(f"{BULK}, {database}", label, rows)),
        DOES[name],
    )


def _bar(label: str, rows: int, samples: Samples) -> draw.Bar:
    median, least, most = samples.of(label, rows)
    kind = "ours" if label.startswith(OURS) else "limit" if label.startswith(TEXT) else "peer"
    return draw.Bar(label, rows / median, rows / most, rows / least, f"{rows / median:,.0f}", kind)
