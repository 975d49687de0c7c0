"""What every test gets: a site of its own, on SQLite or, with --database=mariadb, on a private MariaDB server."""

import gc
import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from tests import commands, needs
from tests.environment import site_environment
from tests.servers import DURABLE, MariaDB, Redis

ROOT = Path(__file__).resolve().parent.parent
NO_MARIADB = 77
TESTS = ROOT / "tests"
PARTS = ("each", "once", "engine", "browser")
PART_OF_PATH = {
    "engine": "engine",
    "editing": "engine",
    "test_diff.py": "engine",
    "browser": "browser",
    "test_hostile_texts.py": "browser",
    "test_permissions.py": "browser",
}
"""What is run once and has not its place in the part `once`, so that no part is much longer than the others."""

SERVER = pytest.StashKey[MariaDB]()
"""The server of a run with --database=mariadb."""

RUN_MANAGE = Callable[..., subprocess.CompletedProcess[str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "mariadb"), default="sqlite", help="where the tests run")
    parser.addoption("--part", choices=PARTS, help="only one of the parts of `python -m tests`")
    parser.addoption("--share", type=float, default=1.0, help="of the long fault tests: 0.1 makes a tenth of each")


def pytest_configure(config: pytest.Config) -> None:
    """Set the environment and load Django with it; pytest-django finds it loaded."""
    if settings.configured:
        raise pytest.UsageError("The tests bring their own settings: unset DJANGO_SETTINGS_MODULE, leave out --ds.")
    folder = Path(tempfile.mkdtemp(prefix="wf"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(site_environment(folder))
    # A shell starts what runs behind it with Ctrl-C ignored, and so would be all processes of the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The many processes of the tests would each compile all modules anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if config.getoption("database") == "mariadb":
        os.environ["DATABASE_URL"] = _server_of_this_run(config).url("wf")
    django.setup()


def _server_of_this_run(config: pytest.Config) -> MariaDB:
    if missing := needs.missing_for_mariadb():
        pytest.exit(missing, NO_MARIADB)
    server = config.stash[SERVER] = MariaDB()
    config.add_cleanup(server.close)
    return server.__enter__()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Spare a part the folders and files that hold nothing of it; what is named on the command line is looked at."""
    part = _part(config)
    if not part or collection_path.parent != TESTS:
        return None
    its_part = PART_OF_PATH.get(collection_path.name, "")
    return its_part != part if its_part or part in PART_OF_PATH.values() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is of another part."""
    part = _part(config)
    without = [item for item in items if part and part != _part_of(item)]
    config.hook.pytest_deselected(items=without)
    left_out = set(without)
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Spare the garbage collector thousands of tests, which it would look at again and again."""
    gc.collect()
    gc.freeze()


def _part(config: pytest.Config) -> str:
    """Return the part that is run, empty for all; MariaDB has but one: what is run on each database."""
    return config.getoption("part") or ("each" if config.getoption("database") == "mariadb" else "")


def _part_of(item: pytest.Item) -> str:
    others = "once" if item.get_closest_marker("no_database") else "each"
    return PART_OF_PATH.get(item.path.relative_to(TESTS).parts[0], others)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and (missing := needs.missing_for_browser()):
        needs.skip(missing)
    if item.get_closest_marker("celery") and (missing := needs.missing_for_celery()):
        needs.skip(missing)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Let the SQLite tests use a file: in memory, threads and other processes would not see the same database."""
    if connection.vendor == "sqlite":
        folder = Path(connection.settings_dict["NAME"]).parent
        connection.settings_dict["TEST"]["NAME"] = str(folder / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Add the two old tables to the test database, and have them emptied after each test with transactions."""
    from flows.models import Flow, SysLog
    from flows.tables import create_missing_tables

    with django_db_blocker.unblock():
        if connection.vendor == "mysql":
            run_sql_file(ROOT / "tests" / "legacy_tables.sql")
        else:
            create_missing_tables(connection)
        _put_back_permissions_after_each_flush()
    # The flush between tests passes over unmanaged tables.
    Flow._meta.managed = SysLog._meta.managed = True
    # A safe hash takes half a second for each user that a test makes.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _put_back_permissions_after_each_flush() -> None:
    """Let a flush put the permissions back as they were; Django asks each model for its own, in a hundred queries."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType
    from django.core.management.commands import flush

    kinds, permissions = list(ContentType.objects.all()), list(Permission.objects.all())

    def put_back(*_arguments: object, **_options: object) -> None:
        ContentType.objects.bulk_create(kinds)
        Permission.objects.bulk_create(permissions)

    flush.emit_post_migrate_signal = put_back  # type: ignore[attr-defined]


def run_sql_file(path: Path) -> None:
    """Run the statements of a file; each ends with a semicolon at the end of its line."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    statements = "\n".join(lines).split(";\n")
    with connection.cursor() as cursor:
        for statement in filter(str.strip, statements):
            cursor.execute(statement.strip().removesuffix(";"))


@pytest.fixture
def legacy_rows(db: None) -> None:
    """Fill both tables with rows as the predecessor left them."""
    run_sql_file(ROOT / "tests" / "legacy_rows.sql")


@pytest.fixture(autouse=True)
def _silent_database_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the site's database log handler from writing, unless the test asks for `database_logging`."""
    if "database_logging" in request.fixturenames:
        yield
        return
    with _silenced(_database_handlers()):
        yield


@pytest.fixture
def database_logging(transactional_db: None) -> Iterator[None]:
    """Let the site's database log handler write during this test, which commits: the handler has its own connection."""
    yield
    # What waits must not be written into the tables of the next test.
    for handler in _database_handlers():
        handler.flush()


def _database_handlers() -> list[logging.Handler]:
    from flows.log_handler import DatabaseLogHandler

    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    return [handler for logger in loggers for handler in logger.handlers if isinstance(handler, DatabaseLogHandler)]


@contextmanager
def _silenced(handlers: list[logging.Handler]) -> Iterator[None]:
    def refuse(record: logging.LogRecord) -> bool:
        return False

    for handler in handlers:
        handler.addFilter(refuse)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(refuse)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDB]:
    """A real MariaDB server, also in the SQLite run; shared by the session, so leave it running."""
    if missing := needs.missing_for_mariadb():
        needs.skip(missing)
    with MariaDB() as server:
        yield server


@pytest.fixture
def own_mariadb_server() -> Iterator[MariaDB]:
    """A MariaDB server of this test alone, which may stop, kill and start it; commits outlive a crash."""
    if missing := needs.missing_for_mariadb():
        needs.skip(missing)
    with MariaDB(DURABLE) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A real Redis server that is the broker of this process too; shared by the session, so leave it running."""
    if missing := needs.missing_for_celery():
        needs.skip(missing)
    with Redis() as server:
        # Celery reads the environment itself, and keeps its connections.
        os.environ["CELERY_BROKER_URL"] = server.url
        yield server


@pytest.fixture
def manage(tmp_path: Path) -> RUN_MANAGE:
    """Run a management command in a process and a site of its own: `manage("check", LOG_LEVEL="x")`."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return commands.run(*arguments, environment={**os.environ, **site_environment(tmp_path), **environment})

    return run


@pytest.fixture
def admin(admin_client: Client) -> Client:
    """A browser in which a superuser is logged in."""
    return admin_client
