"""A whole process: each orderly end writes what waits, and the three sinks hold the same lines."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from flows.log_signal import flushed_at_sigterm
from flows.models import SysLog

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.django_db(transaction=True)

ENDS = {
    "return": "",
    "exception": "raise ValueError('the end')",
    "exit": "sys.exit(3)",
    "thread": "threading.Thread(target=lambda: (time.sleep(0.3), log.info('late'))).start()",
}

PROGRAM = """
import logging, sys, threading, time
from django.apps import apps
from django.conf import settings
from django.utils.log import configure_logging

configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
log = logging.getLogger("tests.program")
log.info("before Django has loaded")
apps.populate(settings.INSTALLED_APPS)
for number in range(1000):
    log.info("row %d", number)
"""


SINKS = """
import logging
import django
django.setup()
from flows.engine.current import CurrentStep, current_step
from flows.models import SysLog

log = logging.getLogger("procedures.common.Kt")

def prt():
    current_step.set(CurrentStep("hello", None, "step1"))
    log.info({"msg": "hello"})
    log.debug("fine")
    try:
        {}["x"]
    except KeyError:
        log.exception("bad")

prt()
list(SysLog.objects.all()[:1])
logging.getLogger("django.server").info("GET /")
"""


def url_of_the_test_database() -> str:
    name, options = connection.settings_dict["NAME"], connection.settings_dict["OPTIONS"]
    if connection.vendor == "mysql":
        return f"mysql://root@localhost/{name}?unix_socket={options['unix_socket']}"
    return f"sqlite:///{name}"


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url_of_the_test_database(), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("end", ENDS)
def test_each_orderly_end_of_a_process_writes_what_waits(end: str, tmp_path: Path) -> None:
    began = time.monotonic()
    done = run(PROGRAM + ENDS[end], LOG_DIR=str(tmp_path))
    assert time.monotonic() - began < 5
    assert done.returncode == {"exception": 1, "exit": 3}.get(end, 0)
    assert ("Traceback" in done.stderr) == (end == "exception")
    late = ["late"] if end == "thread" else []
    ours = SysLog.objects.filter(logger_name="tests.program").order_by("id").values_list("message", flat=True)
    assert list(ours) == ["before Django has loaded", *(f"row {number}" for number in range(1000)), *late]


def test_console_file_and_table_hold_the_same(tmp_path: Path) -> None:
    done = run(SINKS, LOG_DIR=str(tmp_path / "log"), LOG_LEVEL="DEBUG", DEBUG="on")
    assert done.returncode == 0, done.stderr
    file = (tmp_path / "log" / "flows.log").read_text().splitlines()
    rows = list(SysLog.objects.order_by("id").values_list("level", "logger_name", "message"))
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}"
    where = r"<string> prt \[flow=hello step=step1\]"
    assert [level for level, _, _ in rows] == ["INFO", "DEBUG", "ERROR"]
    assert {name for _, name, _ in rows} == {"procedures.common.Kt"}
    assert rows[0][2] == "[flow=hello step=step1] {'msg': 'hello'}"
    assert rows[2][2].startswith("[flow=hello step=step1] bad\nTraceback (most recent call last):\n")
    assert len(file) == 3
    assert re.fullmatch(rf"{stamp} INFO {where} {{'msg': 'hello'}}", file[0])
    assert re.fullmatch(rf"{stamp} ERROR {where} bad\\nTraceback .*KeyError: 'x'", file[2])
    console = done.stderr.splitlines()
    assert console[:2] == file[:2]
    assert re.fullmatch(rf"{stamp} ERROR {where} bad", console[2])
    assert "KeyError: 'x'" in console
    assert console[-1].endswith("GET /")


TERMINATED = """
import logging, os, signal, sys, time
import django
django.setup()
from flows.log_signal import flushed_at_sigterm

log = logging.getLogger("tests.program")
with flushed_at_sigterm():
    for number in range(1000):
        log.info("row %d", number)
    print("ready", flush=True)
    number = 0
    while True:
        log.info("late %d", number)
        print(number, flush=True)
        number += 1
"""


def test_sigterm_loses_no_row(tmp_path: Path) -> None:
    last = terminated(tmp_path, after_seconds=0.3)
    rows = SysLog.objects.filter(logger_name="tests.program").order_by("id").values_list("message", flat=True)
    expected = [*(f"row {number}" for number in range(1000)), *(f"late {number}" for number in range(last + 1))]
    assert [*rows][: len(expected)] == expected


def terminated(folder: Path, after_seconds: float) -> int:
    """Let a program log, end it by SIGTERM, and return the number of its last log call that came back."""
    out = folder / "out"
    with out.open("w") as stdout:
        process = subprocess.Popen(
            [sys.executable, "-c", TERMINATED],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": url_of_the_test_database(), "LOG_DIR": str(folder)},
            stdout=stdout,
            stderr=subprocess.DEVNULL,
        )
    try:
        while "ready" not in out.read_text():
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(after_seconds)
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 128 + signal.SIGTERM
    # What follows the last end of a line may have been interrupted.
    return int(out.read_text().split("\n")[-2].replace("ready", "-1"))


def test_a_handler_of_sigterm_that_is_there_stays() -> None:
    def theirs(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, theirs)
    try:
        with flushed_at_sigterm():
            assert signal.getsignal(signal.SIGTERM) is theirs
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with flushed_at_sigterm():
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_the_console_speaks_json_where_it_is_told_to(tmp_path: Path) -> None:
    done = run(SINKS, LOG_DIR=str(tmp_path), LOG_CONSOLE="json", DEBUG="on")
    assert done.returncode == 0, done.stderr
    hello, bad = [json.loads(line) for line in done.stderr.splitlines()[:2]]
    assert (hello["level"], hello["logger"], hello["message"]) == ("INFO", "procedures.common.Kt", "{'msg': 'hello'}")
    assert (hello["flow"], hello["run"], hello["step"], hello["traceback"]) == ("hello", None, "step1", None)
    assert bad["traceback"].endswith("KeyError: 'x'")
    # The file is as ever.
    assert (tmp_path / "flows.log").read_text().splitlines()[0].endswith("[flow=hello step=step1] {'msg': 'hello'}")
