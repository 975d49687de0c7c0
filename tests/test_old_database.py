"""The owner's database on a real MariaDB server: we change no table of it, and what happens to it changes no run."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, RUN_MANAGE
from tests.environment import site_environment
from tests.servers import MariaDB

GATE = '''
"""A step that waits until the test has done its mischief."""

import time
from pathlib import Path


class Gate:
    def __init__(self, logger):
        self.logger = logger

    def wait(self, context, params):
        folder = Path(params["folder"])
        self.logger.info("at the gate")
        (folder / "reached").touch()
        while not (folder / "open").exists():
            time.sleep(0.01)
        self.logger.info("through the gate")
        return {"text": "through"}
'''

pytestmark = pytest.mark.no_database


@pytest.fixture
def database(mariadb_server: MariaDB) -> Iterator[str]:
    """The name of a database with the two tables and rows as the predecessor left them."""
    name = f"old_{time.monotonic_ns()}"
    mariadb_server.create_database(name)
    for file in ("legacy_tables.sql", "legacy_rows.sql"):
        for statement in statements(ROOT / "tests" / file):
            mariadb_server.execute(statement, name)
    yield name
    mariadb_server.execute(f"DROP DATABASE IF EXISTS {name}")


def statements(path: Path) -> list[str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    return [statement.strip().removesuffix(";") for statement in "\n".join(lines).split(";\n") if statement.strip()]


def structure(server: MariaDB, database: str) -> list[str]:
    shown = [server.execute(f"SHOW CREATE TABLE {table}", database)[0][1] for table in ("wf_flow", "wf_syslog")]
    return [re.sub(r" AUTO_INCREMENT=\d+", "", text) for text in shown]


def test_the_old_tables_are_the_same_after_all_that_we_do(
    manage: RUN_MANAGE, mariadb_server: MariaDB, database: str
) -> None:
    url = mariadb_server.url(database)
    before = structure(mariadb_server, database)
    old_rows = mariadb_server.execute("SELECT * FROM wf_syslog ORDER BY id", database)

    for command in (
        ["migrate", "-v0"],
        ["createtables"],
        ["importflows", "samples", "--enable"],
        ["runflow", "hello"],
        ["runflow", "old_hello"],
        ["runflow", "每日报表"],
        ["migrate", "flows", "zero", "-v0"],
        ["migrate", "-v0"],
    ):
        done = manage(*command, DATABASE_URL=url)
        assert done.returncode == 0, (command, done.stderr)

    assert structure(mariadb_server, database) == before
    rows = mariadb_server.execute("SELECT * FROM wf_syslog ORDER BY id", database)
    assert rows[: len(old_rows)] == old_rows
    assert len(rows) > len(old_rows) + 15


def test_a_change_moves_the_time_of_change_in_the_zone_of_the_server(
    manage: RUN_MANAGE, mariadb_server: MariaDB, database: str
) -> None:
    code = "from flows.models import Flow; Flow.objects.get(flow_name='old_hello').disable()"

    done = manage("shell", "-v0", "-c", code, DATABASE_URL=mariadb_server.url(database))

    assert done.returncode == 0, done.stderr
    age = "ABS(TIMESTAMPDIFF(SECOND, updated_at, NOW())) < 60"
    sql = f"SELECT enabled, {age}, created_at = '2025-12-19 08:39:02.123' FROM wf_flow WHERE flow_name = 'old_hello'"
    assert mariadb_server.execute(sql, database) == [(0, 1, 1)]


def test_old_rows_are_read_with_their_local_time(manage: RUN_MANAGE, mariadb_server: MariaDB, database: str) -> None:
    code = "from flows.models import SysLog; print(SysLog.objects.get(id=1).created_at.isoformat())"

    done = manage("shell", "-v0", "-c", code, DATABASE_URL=mariadb_server.url(database))

    assert done.stdout.strip() == "2025-12-19T08:39:02.124000+08:00"


def test_the_tables_that_createtables_makes_are_those_of_the_owner(
    manage: RUN_MANAGE, mariadb_server: MariaDB, database: str
) -> None:
    fresh = f"{database}_new"
    mariadb_server.create_database(fresh)
    try:
        assert manage("createtables", DATABASE_URL=mariadb_server.url(fresh)).returncode == 0

        columns = "SHOW COLUMNS FROM {}"
        for table in ("wf_flow", "wf_syslog"):
            made = mariadb_server.execute(columns.format(table), fresh)
            assert made == mariadb_server.execute(columns.format(table), database)
    finally:
        mariadb_server.execute(f"DROP DATABASE {fresh}")


def _gate(folder: Path) -> dict[str, str]:
    """Make a package with the gate, and a file with a flow that goes through it; return the environment for both."""
    package = folder / "gateprocs"
    package.mkdir()
    (package / "Gate.py").write_text(GATE)
    document = {
        "procedures": [
            {"name": "gate", "mod": "Gate", "method": "wait", "params": {"folder": str(folder)}},
            {"name": "after", "mod": "common.Kt", "method": "prt", "params": {"msg": "@gate.text"}},
        ]
    }
    (folder / "import").mkdir()
    (folder / "import" / "x.json").write_text(json.dumps(document))
    return {"PYTHONPATH": str(folder), "FLOWS_PROCEDURE_PACKAGES": "procedures,gateprocs"}


MISCHIEF: dict[str, Callable[[MariaDB, str], None]] = {
    "nothing": lambda server, database: None,
    "the log table is dropped": lambda server, database: _do(server, "DROP TABLE wf_syslog", database),
    "the log table is renamed": lambda server, database: _do(server, "RENAME TABLE wf_syslog TO old_log", database),
    "the whole database is dropped": lambda server, database: _do(server, f"DROP DATABASE {database}", database),
    "the server is stopped": lambda server, database: server.stop(),
    "the server is killed": lambda server, database: server.kill9(),
}


def _do(server: MariaDB, sql: str, database: str) -> None:
    server.execute(sql, database)


@pytest.mark.parametrize("mischief", MISCHIEF.values(), ids=MISCHIEF.keys())
def test_what_happens_to_the_log_table_during_a_run_does_not_change_the_run(
    manage: RUN_MANAGE, own_mariadb_server: MariaDB, tmp_path: Path, mischief: Callable[[MariaDB, str], None]
) -> None:
    server = own_mariadb_server
    server.create_database("flows")
    environment = _gate(tmp_path) | {"DATABASE_URL": server.url("flows")}
    for command in (["createtables"], ["importflows", str(tmp_path / "import"), "--enable"]):
        assert manage(*command, **environment).returncode == 0

    done = _run_through_the_gate(tmp_path, environment, lambda: mischief(server, "flows"))

    lines = [re.sub(r"\d+\.\d\d m?s", "T", line) for line in done.stdout.splitlines()]
    assert (done.returncode, lines) == (
        0,
        ["gate  succeeded  T", "after  succeeded  T", "x succeeded: 2 steps in T"],
    )
    assert "Traceback" not in done.stderr
    assert "through the gate" in (tmp_path / "log" / "flows.log").read_text()


def test_a_run_that_is_told_to_end_leaves_its_log_rows(
    manage: RUN_MANAGE, own_mariadb_server: MariaDB, tmp_path: Path
) -> None:
    server = own_mariadb_server
    server.create_database("flows")
    environment = _gate(tmp_path) | {"DATABASE_URL": server.url("flows"), "LOG_DB_FLUSH_SECONDS": "30"}
    for command in (["createtables"], ["importflows", str(tmp_path / "import"), "--enable"]):
        assert manage(*command, **environment).returncode == 0

    done = _run_through_the_gate(tmp_path, environment, lambda: None, signal.SIGTERM)

    assert done.returncode == 143
    messages = [row[0] for row in server.execute("SELECT message FROM wf_syslog", "flows")]
    assert "[flow=x step=gate] at the gate" in messages


def _run_through_the_gate(
    folder: Path, environment: dict[str, str], mischief: Callable[[], None], number: int = 0
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), "runflow", "x"]
    process = subprocess.Popen(
        command,
        env={"PATH": "/usr/bin:/bin", **site_environment(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / "reached").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    mischief()
    if number:
        process.send_signal(number)
    else:
        (folder / "open").touch()
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)
