"""Skip a test loudly where a program is missing; fail it in CI, where nothing may be missing."""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest

RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""The server itself: the program of that name in PATH asks for a user of its own."""

# Where Debian puts servers; an ordinary user does not have it in PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])


def program(name: str) -> str | None:
    """Return the path of a program, or None where it is missing."""
    return shutil.which(name, path=_PATH)


def skip(reason: str) -> NoReturn:
    """End the test: skipped, or failed where CI=true stands in the environment."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def missing_for_mariadb() -> str:
    """Say what is missing to test on a real MariaDB server, and its cure; empty where all is there."""
    if not (program("mariadbd") and program("mariadb-install-db")):
        return "the MariaDB server is missing; as root: apt-get install mariadb-server-core mariadb-client-core"
    try:
        import MySQLdb  # noqa: F401, PLC0415  (may be missing)
    except ImportError:
        return "mysqlclient is missing; `make -B .venv/.ready` installs it, or says what it needs"
    return ""


def missing_for_celery() -> str:
    """Say what is missing to test with workers and a broker, and its cure; empty where all is there."""
    if not program("redis-server"):
        return "the Redis server is missing; as root: apt-get install redis-server"
    if importlib.util.find_spec("celery") is None:
        return "Celery is missing; `make -B .venv/.ready-dev` installs it"
    return ""


def missing_for_rabbitmq() -> str:
    """Say what is missing to test with RabbitMQ, and its cure; empty where all is there."""
    if not program(RABBITMQ):
        return "the RabbitMQ server is missing; as root: apt-get install rabbitmq-server"
    return missing_for_celery()


def missing_for_serving() -> str:
    """Say what is missing to serve the site as in production, and its cure; empty where all is there."""
    if not all(map(importlib.util.find_spec, ("gunicorn", "whitenoise"))):
        return "gunicorn or whitenoise is missing; `make -B .venv/.ready-dev` installs them"
    return ""


def missing_for_browser() -> str:
    """Say what is missing to test in a real browser, and its cure; empty where all is there."""
    return "" if browser() else "Chromium is missing; as root: apt-get install chromium-headless-shell"


def browser() -> str | None:
    """Return the path of a Chromium; the one without windows takes half the time."""
    return program("chromium-headless-shell") or program("chromium")
