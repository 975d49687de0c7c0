"""durable: what a step costs whose outcome is committed, against the row and its COMMIT alone, and against a peer."""

import tempfile
from pathlib import Path

from bench import draw
from bench.log_sites import mariadb
from bench.outcome import Goal, Outcome, duration, times
from bench.rounds import Contestant, Effort, Samples, Spread, play

STEPS = 100
_RUN = "the document checked before, each step with its record, the run's own row"
_ROW = "the limit: the same row of a step, the same driver, nothing else"


def durable(effort: Effort) -> Outcome:
    """What does a step cost whose outcome is committed before the next one starts?"""
    with tempfile.TemporaryDirectory(prefix="bench") as name, mariadb(Path(name)) as server:
        row = Contestant("row and COMMIT, SQLite", "ours.row_and_commit", _ROW)
        ours = Contestant("ours, SQLite", "ours.durable", _RUN)
        dbos = Contestant("DBOS, SQLite", "peers.dbos", "two commits a step; queues and a server for many workers")
        row_there = row._replace(label="row and COMMIT, MariaDB", database=server.url)
        ours_there = ours._replace(label="ours, MariaDB", database=server.url)
        contestants = (row, ours, dbos, row_there, ours_there)
        samples = play(contestants, [STEPS], effort)
    present = [one for one in contestants if one.label in samples.seconds]
    goals = [
        Goal("ours, SQLite, against row and COMMIT", samples.ratio(ours.label, row.label, STEPS), 2.5),
        Goal("ours, MariaDB, against row and COMMIT", samples.ratio(ours_there.label, row_there.label, STEPS), 2.5),
        *(Goal(f"commits of {one.label}, against steps + 2", _share(one, samples), 1) for one in (ours, ours_there)),
    ]
    if dbos.label in samples.seconds:
        faster = samples.ratio(dbos.label, ours.label, STEPS)
        goals.append(Goal("DBOS, SQLite, against ours", faster, 4, at_least=True))
    return Outcome(
        "durable",
        f"What does a step cost whose outcome is committed before the next one starts? A chain of {STEPS} steps.",
        "What a COMMIT costs is the disk's affair: each of them waits for it, on both databases. One run at a time, no "
        "log lines, no work in the steps, MariaDB over a socket with the options of its package. All files lie on one "
        "file system.",
        [("way", "a step", "of row and COMMIT", "of ours", f"commits for {STEPS} steps", "what it does"),
         *(_table_row(one, row_there if one.database else row, ours_there if one.database else ours, samples)
           for one in present)],
        goals,
        samples,
        draw.bars("A durable step", "µs a step", [_bar(one, samples) for one in present]),
    )  # fmt: skip


def _share(one: Contestant, samples: Samples) -> Spread:
    share = samples.figures["commits"][one.label][STEPS] / (STEPS + 2)
    return Spread(share, share, share)


def _table_row(one: Contestant, limit: Contestant, ours: Contestant, samples: Samples) -> tuple[str, ...]:
    return (
        one.label,
        duration(samples.of(one.label, STEPS).median / STEPS),
        times(samples.ratio(one.label, limit.label, STEPS)),
        times(samples.ratio(one.label, ours.label, STEPS)),
        str(samples.figures["commits"][one.label][STEPS]),
        one.does,
    )


def _bar(one: Contestant, samples: Samples) -> draw.Bar:
    value, low, high = (seconds / STEPS * 1e6 for seconds in samples.of(one.label, STEPS))
    kind = "peer" if one.peer else "ours" if one.label.startswith("ours") else "limit"
    return draw.Bar(one.label, value, low, high, duration(value / 1e6), kind)
