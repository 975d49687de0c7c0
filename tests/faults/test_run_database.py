"""A database in trouble while a flow runs: the checkpoint is retried, never the step, and nothing is written twice."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.conftest import ROOT
from tests.environment import site_environment
from tests.faults.checker import Finding, Reader, check
from tests.faults.flows import DOCUMENTS, EXPECTED, EXPECTED_HELD, EXPECTED_LARGE, held, large
from tests.faults.harness import Forge, Length
from tests.faults.proxy import Proxy
from tests.servers import DURABLE, FAST, MariaDB

pytestmark = pytest.mark.no_database

SMALL_PACKETS = "--max-allowed-packet=2M"
LOST, NO_DATABASE = 4, 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    """A server that these tests may stop and kill, with the tables, the flows, and a user who is no administrator."""
    if missing := needs.missing_for_mariadb():
        needs.skip(missing)
    folder = tmp_path_factory.mktemp("site")
    with MariaDB((*FAST, SMALL_PACKETS)) as server:
        server.create_database("wf")
        for definition in (ROOT / "tests" / "legacy_tables.sql").read_text().split(";\n")[:2]:
            server.execute(definition, "wf")
        site = {**os.environ, **site_environment(folder), "DATABASE_URL": server.url("wf")}
        subprocess.run(
            [sys.executable, "manage.py", "migrate"], cwd=ROOT, env=site, check=True, capture_output=True
        )  # fmt: skip
        server.stop()
        server.options = (*DURABLE, SMALL_PACKETS)
        server.start()
        server.execute("CREATE USER flows@localhost IDENTIFIED BY 'sesame'")
        server.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON wf.* TO flows@localhost")
        for name, document in DOCUMENTS.items():
            store(server, name, document)
        yield server


def store(server: MariaDB, name: str, document: dict[str, Any]) -> None:
    text = json.dumps(document).replace("\\", "\\\\").replace("'", "''")
    server.execute(f"DELETE FROM wf_flow WHERE flow_name = '{name}'", "wf")
    server.execute(
        f"INSERT INTO wf_flow (flow_name, flow_json, enabled, deleted) VALUES ('{name}', '{text}', 1, 0)", "wf"
    )


@pytest.fixture(scope="module")
def parent(server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    with Forge(tmp_path_factory.mktemp("forge"), url_of_flows(server)) as forge:
        forge.warm("chain")
        yield forge


@pytest.fixture
def forge(parent: Forge, tmp_path: Path) -> Forge:
    parent.use(tmp_path)
    return parent


def url_of_flows(server: MariaDB) -> str:
    return server.url("wf").replace("root@", "flows:sesame@")


@contextmanager
def reading(server: MariaDB, forge: Forge) -> Iterator[Reader]:
    reader = Reader(forge.journal, socket=str(server.socket), database="wf")
    try:
        yield reader
    finally:
        reader.close()


def until_it_ends(forge: Forge, flow: str, key: str) -> int:
    """Run a flow until it ends; where the database failed before a run began, that is said, and one asks again."""
    # A busy machine may not get so far between two kills for long.
    for _ in range(2000):
        code = forge.work(flow=flow, key=key)
        if code != NO_DATABASE:
            return code
    return NO_DATABASE


# Connections that break


def test_a_reply_that_is_cut_around_commit_doubles_no_row_and_repeats_no_step(
    server: MariaDB, tmp_path: Path, length: Length
) -> None:
    wanted, number = length(24, 2000), 0
    found: list[Finding] = []
    with (
        Proxy(server.socket, share=0.2, seed=wanted) as proxy,
        Forge(tmp_path, url_of_flows(server).replace(str(server.socket), str(proxy.socket))) as forge,
        reading(server, forge) as reader,
    ):
        flows = tuple(EXPECTED)
        while sum(proxy.cuts.values()) < wanted:
            flow, key = flows[number % len(flows)], f"cut-{wanted}-{number}"
            code = until_it_ends(forge, flow, key)
            found += check(reader.seen(key), EXPECTED[flow], kills=0)
            assert code in (0, 1, 3), forge.said()
            assert not found, f"{found}\n{forge.said()[-3000:]}"
            number += 1
    length.tell(
        f"{sum(proxy.cuts.values()):,} cut replies in {number:,} runs ({proxy.cuts}): 0 double rows, 0 steps repeated"
    )


def test_connections_that_are_killed_ten_times_a_second_fail_no_step(
    server: MariaDB, forge: Forge, length: Length
) -> None:
    seconds, number = length(2, 600), 0
    ends = time.monotonic() + seconds
    with killing_connections(server) as killed:
        keys = []
        while time.monotonic() < ends:
            flow = tuple(EXPECTED)[number % len(EXPECTED)]
            keys.append((flow, f"dropped-{seconds}-{number}"))
            assert until_it_ends(forge, *keys[-1]) in (0, 1, 3), forge.said()
            number += 1
    with reading(server, forge) as reader:
        for flow, key in keys:
            assert check(reader.seen(key), EXPECTED[flow], kills=0) == [], forge.said()
    assert killed
    length.tell(
        f"{len(killed):,} connections killed in {seconds} s, {number:,} runs: 0 failed steps, 0 executions more"
    )


@contextmanager
def killing_connections(server: MariaDB) -> Iterator[list[int]]:
    """Kill every connection of the flows' user each 100 ms."""
    import MySQLdb  # noqa: PLC0415  (may be missing)

    killed: list[int] = []
    over = threading.Event()
    connection = MySQLdb.connect(unix_socket=str(server.socket), user="root")

    def kill() -> None:
        cursor = connection.cursor()
        while not over.wait(0.1):
            cursor.execute("SELECT id FROM information_schema.processlist WHERE user = 'flows'")
            for (number,) in cursor.fetchall():
                with suppress(MySQLdb.Error):
                    cursor.execute(f"KILL {number}")
                    killed.append(number)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()
        connection.close()


# A server in trouble while a step is executed


Mend = Callable[[], Any]


def stopped(server: MariaDB) -> Mend:
    server.stop()
    return server.start


def crashed(server: MariaDB) -> Mend:
    server.kill9()
    return server.start


def hanging(server: MariaDB) -> Mend:
    server.pause()
    return server.resume


def read_only(server: MariaDB) -> Mend:
    server.execute("SET GLOBAL read_only = 1")
    return lambda: server.execute("SET GLOBAL read_only = 0")


def connection_dropped(server: MariaDB) -> Mend:
    for (number,) in server.execute("SELECT id FROM information_schema.processlist WHERE user = 'flows'"):
        server.execute(f"KILL {number}")
    return lambda: None


def locked_out(server: MariaDB) -> Mend:
    server.execute("ALTER USER flows@localhost ACCOUNT LOCK")
    connection_dropped(server)
    return lambda: server.execute("ALTER USER flows@localhost ACCOUNT UNLOCK")


def row_locked(server: MariaDB) -> Mend:
    """Let somebody hold the row of the run for longer than the server lets others wait."""
    server.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
    connection_dropped(server)
    holder = _connect(server)
    holder.cursor().execute("SELECT id FROM wf_run WHERE status = 'running' FOR UPDATE")

    def mend() -> None:
        time.sleep(1.5)
        holder.close()
        server.execute("SET GLOBAL innodb_lock_wait_timeout = 50")

    return mend


def deadlocked(server: MariaDB) -> Mend:
    """Let somebody who holds a shared lock of the run ask for the whole of it when the checkpoint waits for it."""
    holder = _connect(server)
    cursor = holder.cursor()
    cursor.execute("SELECT id FROM wf_run WHERE status = 'running' LOCK IN SHARE MODE")
    # The more it has written, the less it is the one that has to give way.
    cursor.execute("CREATE TEMPORARY TABLE much (n INT) ENGINE=InnoDB")
    cursor.execute("INSERT INTO much SELECT seq FROM seq_1_to_500")

    def mend() -> None:
        time.sleep(0.3)
        cursor.execute("UPDATE wf_run SET asked_by = 'somebody' WHERE status = 'running'")
        holder.commit()
        holder.close()
        [(_, _, text)] = server.execute("SHOW ENGINE INNODB STATUS")
        assert "LATEST DETECTED DEADLOCK" in text

    return mend


def _connect(server: MariaDB) -> Any:
    import MySQLdb  # noqa: PLC0415  (may be missing)

    return MySQLdb.connect(unix_socket=str(server.socket), user="root", database="wf")


TROUBLES = [stopped, crashed, hanging, read_only, connection_dropped, locked_out, row_locked, deadlocked]


@pytest.fixture
def gate(server: MariaDB, tmp_path: Path) -> Path:
    store(server, "held", held(str(tmp_path / "gate")))
    return tmp_path / "gate"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_checkpoint_waits_for_a_server_in_trouble_and_its_step_is_not_repeated(
    trouble: Callable[[MariaDB], Mend], server: MariaDB, forge: Forge, gate: Path
) -> None:
    worker = forge.fork(flow="held", key=trouble.__name__)
    wait_for_step(forge, "w")
    mend = trouble(server)
    gate.touch()
    time.sleep(0.7)
    mend()
    assert forge.wait(worker) == 0, forge.said()
    with reading(server, forge) as reader:
        assert check(reader.seen(trouble.__name__), EXPECTED_HELD, kills=0) == []


def wait_for_step(forge: Forge, path: str) -> None:
    gives_up = time.monotonic() + 30
    while time.monotonic() < gives_up:
        if any(f" {path} before " in file.read_text() for file in forge.journal.iterdir()):
            return
        time.sleep(0.005)
    raise AssertionError(f"{path} did not start: {forge.said()}")


def test_a_database_that_stays_away_for_a_whole_lease_ends_the_process_and_the_run_is_lost(
    server: MariaDB, forge: Forge, gate: Path
) -> None:
    worker = forge.fork(flow="held", key="away", changes=["with_a_lease_of_two_seconds"])
    wait_for_step(forge, "w")
    server.stop()
    began = time.monotonic()
    gate.touch()
    try:
        assert forge.wait(worker) == LOST, forge.said()
    finally:
        server.start()
    assert 1 < time.monotonic() - began < 20
    assert "presumed lost" in forge.said()
    [(run, status)] = server.execute("SELECT id, status FROM wf_run WHERE `key` = 'away'", "wf")
    assert status == "running"
    assert forge.work(resume=run) == 0, forge.said()
    with reading(server, forge) as reader:
        # Its outcome could not be written, so the step in flight is executed once more.
        assert check(reader.seen("away"), EXPECTED_HELD, kills=1) == []


# Results beyond what a statement may have

SIZES = [(300, "y"), (800, "y"), (1000, "y"), (3000, "y"), (390, '"'), (1000, '"'), (390, "\u6f22"), (1000, "\n")]


@pytest.mark.parametrize(("kilobytes", "of"), SIZES)
def test_a_result_near_or_beyond_max_allowed_packet_ends_its_run_at_once(
    kilobytes: int, of: str, server: MariaDB, forge: Forge
) -> None:
    size = kilobytes * 1024 // len(of.encode())
    key = f"large-{kilobytes}-{ord(of[0])}"
    store(server, "large", large(size, of))
    began = time.monotonic()
    assert forge.work(flow="large", key=key) == 0, forge.said()
    assert time.monotonic() - began < 10
    assert "not written" not in forge.said()
    with reading(server, forge) as reader:
        assert check(reader.seen(key), EXPECTED_LARGE, kills=0) == []
        [(result, why)] = reader.select(
            "SELECT LENGTH(result), not_storable FROM wf_step_run s JOIN wf_run r ON r.id = s.run_id "
            "WHERE r.`key` = ? AND path = 'big'",
            key,
        )
    assert bool(result) == (not why)


# A database that is down before the start


@pytest.mark.parametrize("state", ["down", "hanging", "wrong password"])
def test_a_database_that_cannot_be_reached_before_the_start_is_one_clear_line_and_exit_code_3(
    state: str, server: MariaDB, tmp_path: Path, length: Length
) -> None:
    url = server.url("wf").replace("root@", "flows:open-sesame@")
    url = url.replace(str(server.socket), str(tmp_path / "nobody")) if state == "down" else url
    times, longest = length(1, 100), 0.0
    if state == "hanging":
        server.pause()
    try:
        for _ in range(times):
            began = time.monotonic()
            done = subprocess.run(
                [sys.executable, "manage.py", "runflow", "chain"],
                cwd=ROOT,
                env={**os.environ, **site_environment(tmp_path), "DATABASE_URL": url},
                capture_output=True,
                text=True,
                check=False,
            )
            longest = max(longest, time.monotonic() - began)
            assert done.returncode == 3, done.stderr
            assert done.stderr.count("\n") == 1, done.stderr
            assert "is unavailable" in done.stderr
            assert "sesame" not in done.stdout + done.stderr
    finally:
        server.resume()
    length.tell(f"{state}, {times} times: exit code 3, one line without the password, at most {longest:.1f} s")
