"""Read the journal and the database after a run, and say what breaks the law; shares no code with the recorder.

The law: each step that ended has exactly one outcome, no step starts after its outcome was recorded, order is kept,
every run ends, and a kill costs at most one execution more.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.environment import ZONE
from tests.faults.flows import Expected

MOST_INTERRUPTIONS = 3


class Finding(NamedTuple):
    """One breach: `lost`, `double`, `stuck`, `order`, `late`, `extra`, `owner`, `numbers` or `status`."""

    kind: str
    text: str


class Line(NamedTuple):
    """One line of the journal."""

    path: str
    phase: str
    pid: int
    at: float


class Row(NamedTuple):
    """One row of wf_step_run."""

    id: int
    path: str
    attempt: int
    status: str
    ended_at: float
    retry_in: float | None
    error_type: str


@dataclass
class Seen:
    """What one run left behind."""

    key: str
    runs: list[dict[str, Any]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def executions(self) -> int:
        return sum(line.phase == "before" for line in self.lines)


class Reader:
    """Reads with the bare drivers: a path for SQLite, or the socket and the database's name for MariaDB."""

    def __init__(self, journal: Path, *, file: str = "", socket: str = "", database: str = "") -> None:
        self.journal = journal
        if file:
            self._connection: Any = sqlite3.connect(file, timeout=20)
            self._mark = "?"
        else:
            import MySQLdb  # noqa: PLC0415  (may be missing)

            self._connection = MySQLdb.connect(unix_socket=socket, user="root", database=database, charset="utf8mb4")
            self._connection.autocommit(True)
            self._mark = "%s"

    def close(self) -> None:
        self._connection.close()

    def select(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(sql.replace("?", self._mark), values)
        rows = list(cursor.fetchall())
        cursor.close()
        return rows

    def seen(self, key: str) -> Seen:
        """Return the run of a key, its rows and its journal."""
        columns = ("id", "status", "step", "active_flow", "failed_step", "error_type", "steps_done")
        runs = self.select(f"SELECT {', '.join(columns)} FROM wf_run WHERE `key` = ? ORDER BY id", key)
        seen = Seen(key, [dict(zip(columns, run, strict=True)) for run in runs])
        for run in seen.runs:
            seen.rows += self.rows(run["id"])
            seen.lines += self.lines(run["id"])
        return seen

    def rows(self, run: int) -> list[Row]:
        sql = (
            "SELECT id, path, attempt, status, ended_at, retry_in, error_type FROM wf_step_run "
            "WHERE run_id = ? ORDER BY id"
        )
        return [Row(*row)._replace(ended_at=_seconds(row[4])) for row in self.select(sql, run)]

    def lines(self, run: int) -> list[Line]:
        file = self.journal / str(run)
        if not file.exists():
            return []
        parts = [line.split() for line in file.read_text().splitlines()]
        return [Line(path, phase, int(pid), int(ns) / 1e9) for _run, path, phase, pid, ns in parts]


def _seconds(value: str | datetime) -> float:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC).timestamp()


def check(seen: Seen, expected: Expected, kills: int) -> list[Finding]:
    """Return every breach of the law in one run that was killed so often."""
    if len(seen.runs) != 1:
        return [Finding("double" if seen.runs else "stuck", f"{seen.key}: {len(seen.runs)} runs of one key")]
    run = seen.runs[0]
    found = [
        *_of_run(run, seen, expected),
        *_of_outcomes(seen, expected),
        *_of_order(seen.lines, expected),
        *_of_starts(seen),
        *_of_owners(seen.lines),
        *_of_numbers(seen.rows),
    ]
    extra = seen.executions - expected.executions
    if extra > kills:
        found.append(Finding("extra", f"{extra} executions more than an undisturbed run, after {kills} kills"))
    return [Finding(kind, f"run {run['id']} ({seen.key}): {text}") for kind, text in found]


def poisoned(seen: Seen) -> dict[str, int]:
    """Return the paths that were interrupted as often as a run bears, with how often that was.

    An attempt that came to its end lets the count begin anew: such a step does not end its process each time.
    """
    times: Counter[str] = Counter()
    for row in seen.rows:
        if row.status == "interrupted":
            times[row.path] += 1
        elif times[row.path] < MOST_INTERRUPTIONS:
            del times[row.path]
    return {path: number for path, number in times.items() if number >= MOST_INTERRUPTIONS}


def _of_run(run: dict[str, Any], seen: Seen, expected: Expected) -> list[Finding]:
    found = []
    if run["status"] not in ("succeeded", "failed", "cancelled"):
        found.append(Finding("stuck", f"it is {run['status']} at the end"))
    elif run["status"] != expected.status and not poisoned(seen):
        found.append(Finding("status", f"it is {run['status']}, not {expected.status}: {run['error_type']}"))
    if run["active_flow"] or run["step"]:
        found.append(Finding("stuck", f"it has ended and still holds {run['active_flow']} at {run['step']}"))
    found += [
        Finding("status", f"{path} was interrupted {number} times")
        for path, number in poisoned(seen).items()
        if number > MOST_INTERRUPTIONS
    ]
    return found


def _outcomes(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.status != "interrupted" and row.retry_in is None]


def _of_outcomes(seen: Seen, expected: Expected) -> list[Finding]:
    outcomes = _outcomes(seen.rows)
    times = Counter(row.path for row in outcomes)
    found = [Finding("double", f"{path} has {number} outcomes") for path, number in times.items() if number > 1]
    found += [Finding("status", f"nobody knows the path {path}") for path in times if path not in expected.steps]
    # A step that was interrupted too often has failed, and what follows is another course of the flow.
    needed = _passed(seen.lines) if poisoned(seen) else list(expected.steps)
    found += [Finding("lost", f"{path} has no outcome") for path in needed if not times[path]]
    found += [
        Finding("status", f"{row.path} is {row.status}, not {expected.steps.get(row.path)}")
        for row in outcomes
        if row.status != expected.steps.get(row.path) and not poisoned(seen)
    ]
    return found


def _passed(lines: Sequence[Line]) -> list[str]:
    """Return the paths behind which another step was started."""
    started = list(dict.fromkeys(line.path for line in lines if line.phase == "before"))
    return started[:-1]


def _of_order(lines: Sequence[Line], expected: Expected) -> list[Finding]:
    places = {path: index for index, path in enumerate(expected.steps)}
    found, furthest = [], -1
    for line in lines:
        place = places.get(line.path, -1)
        if line.phase == "before" and place < furthest:
            later = list(expected.steps)[furthest]
            found.append(Finding("order", f"{line.path} was executed after {later} had started"))
        furthest = max(furthest, place)
    return found


def _of_starts(seen: Seen) -> list[Finding]:
    """Return each start of a step whose outcome was recorded already; both times are of this machine's clock."""
    ended = {row.path: row.ended_at for row in _outcomes(seen.rows)}
    return [
        Finding("late", f"{line.path} started {line.at - ended[line.path]:.3f} s after its outcome")
        for line in seen.lines
        if line.phase == "before" and line.path in ended and line.at > ended[line.path]
    ]


def _of_owners(lines: Sequence[Line]) -> list[Finding]:
    """Return each start by a process after another one had begun to go on with the run."""
    found, known = [], []
    for line in lines:
        if line.pid not in known:
            known.append(line.pid)
        elif line.phase == "before" and line.pid != known[-1]:
            found.append(Finding("owner", f"{line.path} was started by {line.pid}, which had lost the run"))
    return found


def _of_numbers(rows: Sequence[Row]) -> list[Finding]:
    found = []
    for path in dict.fromkeys(row.path for row in rows):
        numbers = [row.attempt for row in rows if row.path == path]
        if numbers != list(range(1, len(numbers) + 1)):
            found.append(Finding("numbers", f"the attempts of {path} are numbered {numbers}"))
    return found
