"""Run flows in workers that are killed, resume them in others, and have each run checked when it has ended."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from django.db import connection

from flows.failpoints import POINTS
from flows.models import Flow
from tests.conftest import ROOT
from tests.environment import site_environment
from tests.faults.checker import Finding, Reader, check, poisoned
from tests.faults.flows import EXPECTED, texts
from tests.faults.steps.common.Marked import FOLDER

KILLED = -9
AT_ANY_TIME = "at any time"
MOST_KILLS_OF_A_RUN = 6
_LONGEST_WORKER_SECONDS = 0.06
_MOST_WORKERS_OF_A_RUN = 20


class Length:
    """How long a test is: `length(3, 500)` is 3 in the default run, and 500 or a share of it in the long one."""

    def __init__(self, share: float, capsys: pytest.CaptureFixture[str], name: str) -> None:
        self._share = share
        self._capsys = capsys
        self._name = name

    def __call__(self, short: int, long: int) -> int:
        return max(short, round(long * self._share))

    @property
    def is_full(self) -> bool:
        return self._share > 0

    def tell(self, figure: str) -> None:
        """Print what a long test measured past pytest's capture."""
        if self.is_full:
            with self._capsys.disabled():
                print(f"\n{self._name}: {figure}", flush=True)


class Forge:
    """A process that forks workers; `fork` returns at once, `wait` when the worker has ended or stopped."""

    def __init__(self, folder: Path, url: str, **environment: str) -> None:
        self.folder = folder
        self._url = url
        self._environment = environment
        self.use(folder)

    def use(self, folder: Path) -> None:
        """Let the workers write their journals and output in this folder from now on."""
        self.journal = folder / "journal"
        self.output = folder / "output"
        self.journal.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forge"],
            cwd=ROOT,
            env=forge_environment(self.folder, self._url) | self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def fork(self, **work: Any) -> int:
        """Start a worker and return its pid."""
        return self._ask({"fork": {"output": str(self.output), "journal": str(self.journal), **work}})

    def warm(self, flow: str) -> None:
        """Run a flow in the parent once."""
        self._ask({"warm": flow})

    def wait(self, pid: int) -> int:
        """Return how a worker ended: its exit code, or the negative number of the signal."""
        return self._ask({"wait": pid})

    def work(self, **work: Any) -> int:
        return self.wait(self.fork(**work))

    def said(self) -> str:
        """Return what workers printed so far."""
        return self.output.read_text() if self.output.exists() else ""

    def _ask(self, request: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def forge_environment(folder: Path, url: str) -> dict[str, str]:
    """Return the environment of a site on this database whose flows may call the steps of these tests."""
    return {
        **os.environ,
        **site_environment(folder),
        "DATABASE_URL": url,
        "LOG_LEVEL": "CRITICAL",
        "FLOWS_PROCEDURE_PACKAGES": "tests.faults.steps",
        FOLDER: str(folder / "journal"),
    }


def reader_of_the_test_database(journal: Path) -> Reader:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return Reader(journal, file=name)
    return Reader(journal, socket=connection.settings_dict["OPTIONS"]["unix_socket"], database=name)


def store_flows() -> None:
    for name, text in texts().items():
        Flow.objects.create(flow_name=name, flow_json=text, enabled=True)


@dataclass
class Report:
    """What a campaign did, and what it found."""

    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    extra: int = 0
    poisoned: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(finding.kind == kind for finding in self.findings)

    def __str__(self) -> str:
        kills = self.kills.total()
        lines = [f"{self.runs:,} runs, {kills:,} kills in {self.seconds:.0f} s ({kills / self.seconds:.0f} a second)"]
        lines += [f"  {number:>6,}  {place}" for place, number in sorted(self.kills.items())]
        lines.append(
            f"lost steps {self.count('lost')}, outcomes twice {self.count('double')}, "
            f"stuck runs {self.count('stuck')}, "
            f"out of order {self.count('order') + self.count('late') + self.count('owner')}, "
            f"executions more {self.extra:,} (at most one a kill), "
            f"runs that failed after 3 interruptions of one step {self.poisoned}"
        )
        return "\n".join([*lines, *(f"{kind}: {text}" for kind, text in self.findings[:20])])


class Campaign:
    """Kills workers at boundaries and at random times until so many kills are made."""

    def __init__(self, forge: Forge, reader: Reader, seed: int, changes: tuple[str, ...] = ()) -> None:
        self._forge = forge
        self._reader = reader
        self._chance = random.Random(seed)
        self._changes = changes
        self.report = Report()

    def run(self, kills: int, flows: tuple[str, ...] = tuple(EXPECTED)) -> Report:
        """Go on until that many kills are made, and return the report."""
        began = time.monotonic()
        while self.report.kills.total() < kills and len(self.report.findings) < 100:
            self._one_run(flows[self.report.runs % len(flows)])
        self.report.seconds += time.monotonic() - began
        return self.report

    def _one_run(self, flow: str) -> None:
        key = f"{flow}-{self.report.runs}"
        budget = self._chance.randint(1, MOST_KILLS_OF_A_RUN)
        killed = 0
        for _ in range(_MOST_WORKERS_OF_A_RUN):
            code, place = self._one_worker(flow, key, is_killed=killed < budget)
            if code == KILLED:
                killed += 1
                self.report.kills[place] += 1
            elif code in (0, 1, 3):
                break
            elif code != 4:
                self.report.findings.append(Finding("broken", f"{key}: exit {code}: {self._forge.said()[-2000:]}"))
                break
        self._check(key, flow, killed)

    def _one_worker(self, flow: str, key: str, *, is_killed: bool) -> tuple[int, str]:
        """Execute or resume a run in a worker; return how that ended, and where it was killed."""
        work = {"flow": flow, "key": key, "changes": self._changes}
        place = self._chance.choice((*POINTS, *POINTS, AT_ANY_TIME, AT_ANY_TIME, AT_ANY_TIME, AT_ANY_TIME))
        if not is_killed:
            return self._forge.work(**work), ""
        if place != AT_ANY_TIME:
            return self._forge.work(**work, failpoint=f"{place}:{self._nth(place)}:kill"), place
        pid = self._forge.fork(**work)
        time.sleep(self._chance.uniform(0, _LONGEST_WORKER_SECONDS))
        os.kill(pid, 9)
        return self._forge.wait(pid), place

    def _nth(self, place: str) -> int:
        return 1 if place.startswith("run.") else self._chance.choice((1, 1, 2, 2, 3, 4, 5, 6, 7))

    def _check(self, key: str, flow: str, killed: int) -> None:
        seen = self._reader.seen(key)
        self.report.runs += 1
        self.report.extra += max(seen.executions - EXPECTED[flow].executions, 0)
        self.report.poisoned += bool(poisoned(seen))
        self.report.findings += check(seen, EXPECTED[flow], killed)
