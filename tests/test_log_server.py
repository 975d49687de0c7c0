"""A database server may die, hang or hang up: the rows come through, and the caller never feels it."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from flows.log_handler import DatabaseLogHandler
from tests.servers import MariaDB

ROOT = Path(__file__).resolve().parent.parent

# The server is the same whatever the other tests run on.
pytestmark = pytest.mark.no_database


@pytest.fixture
def log() -> logging.Logger:
    made = logging.getLogger("tests.log_server")
    made.propagate = False
    made.setLevel(logging.DEBUG)
    return made


@pytest.fixture
def handler(log: logging.Logger, private_server: MariaDB) -> Iterator[DatabaseLogHandler]:
    made = DatabaseLogHandler("logs")
    log.addHandler(made)
    yield made
    log.removeHandler(made)
    made.close()


@pytest.fixture
def private_server(own_mariadb_server: MariaDB, django_db_blocker: DjangoDbBlocker) -> Iterator[MariaDB]:
    """A server that may die, known to Django as the database `logs`."""
    own_mariadb_server.create_database("wf")
    config = environ.Env.db_url_config(own_mariadb_server.url("wf"))
    connections.settings["logs"] = connections.configure_settings({"default": config})["default"]
    definition = (ROOT / "tests" / "legacy_tables.sql").read_text().split(";\n")[1]
    own_mariadb_server.execute(definition, "wf")
    with django_db_blocker.unblock():
        yield own_mariadb_server
    del connections.settings["logs"]


def rows_of(server: MariaDB) -> list[str]:
    return [text for (text,) in server.execute("SELECT message FROM wf_syslog ORDER BY id", "wf")]


def kill_connections(server: MariaDB) -> None:
    idle = "SELECT id FROM information_schema.processlist WHERE db = 'wf' AND command = 'Sleep'"
    for (ident,) in server.execute(idle):
        server.execute(f"KILL {ident}")


def test_a_server_that_is_killed_and_started_again_loses_no_row(
    log: logging.Logger, handler: DatabaseLogHandler, private_server: MariaDB
) -> None:
    for number in range(3):
        log.info("up %d", number)
        assert handler.flush()
        private_server.kill9()
        log.info("down %d", number)
        assert not handler.flush(0.3)
        private_server.start()
        assert handler.flush()
    assert rows_of(private_server) == ["up 0", "down 0", "up 1", "down 1", "up 2", "down 2"]


def test_a_server_that_hangs_is_not_felt(
    log: logging.Logger, handler: DatabaseLogHandler, private_server: MariaDB
) -> None:
    log.info("before")
    assert handler.flush()
    private_server.pause()
    began = time.monotonic()
    for number in range(1000):
        log.info("row %d", number)
    assert not handler.flush(0.5)
    assert time.monotonic() - began < 1.5
    private_server.resume()
    assert handler.flush()
    assert rows_of(private_server) == ["before", *(f"row {number}" for number in range(1000))]


def test_a_connection_that_the_server_closed_is_opened_again(
    log: logging.Logger, handler: DatabaseLogHandler, private_server: MariaDB
) -> None:
    for number in range(5):
        log.info("row %d", number)
        assert handler.flush()
        for (ident,) in private_server.execute(
            "SELECT id FROM information_schema.processlist WHERE db = 'wf' AND command = 'Sleep'"
        ):
            private_server.execute(f"KILL {ident}")
    assert rows_of(private_server) == [f"row {number}" for number in range(5)]
