"""log-prune: how long it takes to remove old log rows, in ranges and at once."""

import tempfile
from pathlib import Path

from bench import draw
from bench.log_sites import mariadb
from bench.outcome import Goal, Outcome, duration
from bench.rounds import Effort, Samples

ROWS = 10_000_000
# What a nightly prunelogs of a month or a season finds; for most of a table the one DELETE reads the table at once.
SHARE = 0.1
OURS, ONCE = "prunelogs", "one DELETE"
_ROUNDS = 3


def log_prune(effort: Effort) -> Outcome:
    """How long does it take to remove the older rows of a large table?"""
    full = effort.rounds > 5
    rows = ROWS if full else ROWS // 50
    samples, longest, removed = Samples(), dict.fromkeys((OURS, ONCE), 0.0), 0
    with tempfile.TemporaryDirectory(prefix="bench") as name, mariadb(Path(name)) as site:
        site.run("log_rows", str(rows))
        site.keep()
        for number in range(_ROUNDS if full else 1):
            # Who goes first takes turns.
            for label in (OURS, ONCE) if number % 2 else (ONCE, OURS):
                site.put_back()
                found = site.run("log_pruning", label, str(SHARE))
                removed = found["rows"]
                longest[label] = max(longest[label], found["longest"])
                samples.seconds.setdefault(label, {rows: []})[rows].append(found["seconds"])
    return Outcome(
        "log-prune",
        f"How long does it take to remove {SHARE:.0%} of {rows:,} log rows?",
        "MariaDB with the options of its package (a buffer pool of 128 MiB), nobody else at the table, right after a "
        "start of the server. The one DELETE holds its locks, and its undo log, until its end.",
        [("way", "all", "rows a second", "longest transaction", "what it does"),
         (OURS, *_cells(OURS, rows, removed, samples, longest), "ranges of 10,000 ids, counts by level"),
         (ONCE, *_cells(ONCE, rows, removed, samples, longest), "DELETE ... WHERE created_at < ...")],
        [Goal("rows a second, against one DELETE", samples.ratio(ONCE, OURS, rows), 1.5, at_least=True)],
        samples,
        draw.bars("Removing old log rows", "s", [_bar(label, rows, samples) for label in (OURS, ONCE)]),
    )  # fmt: skip


def _cells(label: str, rows: int, removed: int, samples: Samples, longest: dict[str, float]) -> tuple[str, ...]:
    seconds = samples.of(label, rows).median
    return duration(seconds), f"{removed / seconds:,.0f}", duration(longest[label])


def _bar(label: str, rows: int, samples: Samples) -> draw.Bar:
    value, low, high = samples.of(label, rows)
    return draw.Bar(label, value, low, high, duration(value), "ours" if label == OURS else "peer")
