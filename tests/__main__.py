"""Run the tests in five parts at the same time, and say in plain lines how many passed in each: `python -m tests`.

What depends on the database is run on SQLite and on MariaDB, the rest once; what needs a browser or goes through all
pages has a part of its own, and so have the engine and what else needs no Django.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.needs import missing_for_mariadb

NO_TESTS_SELECTED = 5

PARTS = {
    "Once": ("--database=sqlite", "--part=once"),
    "Engine": ("--database=sqlite", "--part=engine"),
    "Browser": ("--database=sqlite", "--part=browser"),
    "SQLite": ("--database=sqlite", "--part=each"),
    "MariaDB": ("--database=mariadb",),
}
SHOWN = "SQLite"


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
    """Run all parts with these arguments of pytest; return the exit code."""
    missing = missing_for_mariadb()
    with ThreadPoolExecutor() as pool:
        # All at once: each waits much of its time, for servers, browsers and processes.
        runs = {
            name: pool.submit(
                without_mariadb if missing and name == "MariaDB" else run_part, name, [*options, *arguments]
            )
            for name, options in PARTS.items()
        }
        results = {name: run.result() for name, run in runs.items()}
    for name, result in results.items():
        print(f"{name + ':':<9}{result}")
    together = sum_of(results.values())
    for reason, number in together.skipped.items():
        print(f"SKIPPED {number}: {reason}")
    if missing:
        print(f"SKIPPED the whole MariaDB run: {missing}")
    print(together)
    return 0 if together.ok else 1


def sum_of(results: Iterable[Result]) -> Result:
    ok, passed, failed, skipped = zip(*((one.ok, one.passed, one.failed, one.skipped) for one in results), strict=True)
    return Result(all(ok), sum(passed), sum(failed), sum(skipped, Counter()))


def run_part(name: str, arguments: list[str]) -> Result:
    """Run pytest in a process of its own and return what its report says.

    What one of them says is shown as it comes, what the others say when they have ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={report}", *arguments]
        output = None if name == SHOWN else subprocess.PIPE
        done = subprocess.run(
            command, env=clean_environment(), stdout=output, stderr=subprocess.STDOUT, text=True, check=False
        )
        print(f"\n== {name}\n{done.stdout or 'see above'}", flush=True)
        return read_report(report, done.returncode, narrowed=len(arguments) > len(PARTS[name]))


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


def without_mariadb(_name: str, _arguments: list[str]) -> Result:
    """Return what a run that cannot be made counts as: nothing, or in CI a failure."""
    in_ci = os.environ.get("CI") == "true"
    return Result(ok=not in_ci, failed=int(in_ci))


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change how pytest and Django start."""
    ours = ("DJANGO_SETTINGS_MODULE", "DJANGO_CONFIGURATION", "PYTEST_ADDOPTS", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in ours}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
