"""Run the suite on SQLite and, beside it, on MariaDB; say in plain lines how many passed on each: `python -m tests`."""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.needs import missing_for_mariadb

NO_TESTS_SELECTED = 5


@dataclass(frozen=True, slots=True)
class Result:
    """How one run of the suite ended."""

    ok: bool
    passed: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped.total()} skipped"


def main(arguments: list[str]) -> int:
    """Run the suite twice with these arguments of pytest; return the exit code."""
    missing = missing_for_mariadb()
    with ThreadPoolExecutor() as beside, tempfile.TemporaryFile("w+") as output:
        # Both at once: each waits much of its time, for servers, browsers and children.
        there = None if missing else beside.submit(run_suite, ["--database=mariadb", *arguments], output)
        print("== SQLite", flush=True)
        sqlite = run_suite(["--database=sqlite", *arguments])
        print("\n== MariaDB", flush=True)
        mariadb = there.result() if there else without_mariadb()
        output.seek(0)
        print(output.read())

    print(f"\nSQLite:  {sqlite}\nMariaDB: {mariadb}")
    skipped = sqlite.skipped + mariadb.skipped
    for reason, number in skipped.items():
        print(f"SKIPPED {number}: {reason}")
    if missing:
        print(f"SKIPPED the whole MariaDB run: {missing}")
    print(Result(sqlite.ok and mariadb.ok, sqlite.passed + mariadb.passed, sqlite.failed + mariadb.failed, skipped))
    return 0 if sqlite.ok and mariadb.ok else 1


def run_suite(arguments: list[str], output: IO[str] | None = None) -> Result:
    """Run pytest in a process of its own, which prints to `output` or here, and return what its report says."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *arguments]
        done = subprocess.run(
            command, env=clean_environment(), stdout=output, stderr=output and subprocess.STDOUT, check=False
        )
        return read_report(report, done.returncode, narrowed=len(arguments) > 1)


def read_report(report: Path, returncode: int, *, narrowed: bool) -> Result:
    """Count the outcomes in a JUnit report; a run that broke off without one counts as a failure."""
    if returncode == NO_TESTS_SELECTED and narrowed:
        return Result(ok=True)
    if not report.exists():
        return Result(ok=False, failed=1)
    passed = failed = 0
    skipped: Counter[str] = Counter()
    for case in ET.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (skip := case.find("skipped")) is not None:
            expected = "expected to fail: " if skip.get("type") == "pytest.xfail" else ""
            skipped[expected + skip.get("message", "")] += 1
        else:
            passed += 1
    ok = returncode == 0
    return Result(ok, passed, failed if ok else max(failed, 1), skipped)


def without_mariadb() -> Result:
    """Return what a run that cannot be made counts as: nothing, or in CI a failure."""
    in_ci = os.environ.get("CI") == "true"
    return Result(ok=not in_ci, failed=int(in_ci))


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change how pytest and Django start."""
    ours = ("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION", "PYTEST_ADDOPTS", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in ours}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
