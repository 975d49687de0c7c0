"""The set-up: settings that say what is wrong, the files and the account that it makes, the servers of the tests."""

import io
import logging
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from pytest_django.fixtures import Settings

from flows.models import Flow, SysLog
from tests import needs
from tests.__main__ import Result, read_report
from tests.conftest import ROOT, RUN_MANAGE
from tests.environment import site_environment
from tests.servers import MariaDB

KNOWN_KEY = "django-insecure-0123456789-0123456789-0123456789"
BAD_SETTINGS = {
    "a missing key": ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
    "a published key": ({"SECRET_KEY": KNOWN_KEY}, "SECRET_KEY is too short or a published example"),
    "a short key": ({"SECRET_KEY": "x" * 20}, "SECRET_KEY is too short or a published example"),
    "a switch": ({"DEBUG": "perhaps"}, "DEBUG='perhaps' is neither on nor off"),
    "an unknown scheme": ({"DATABASE_URL": "postgrez://u:hidden-word@h/d"}, "DATABASE_URL must begin with mysql://"),
    "a port in words": ({"DATABASE_URL": "mysql://u:hidden-word@h:port/d"}, "DATABASE_URL is not a URL"),
    "no database": ({"DATABASE_URL": "mysql://u:hidden-word@h/"}, "DATABASE_URL names no database"),
    "a level": ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL='LOUD' is none of DEBUG"),
    "a zone": ({"DB_TIME_ZONE": "Mars/Olympus"}, "DB_TIME_ZONE='Mars/Olympus' is not a time zone"),
    "a zone outside": ({"DB_TIME_ZONE": "/etc/passwd"}, "DB_TIME_ZONE='/etc/passwd' is not a time zone"),
}


@pytest.mark.no_database
@pytest.mark.parametrize(("environment", "message"), BAD_SETTINGS.values(), ids=BAD_SETTINGS.keys())
def test_a_bad_setting_ends_a_command_with_one_clear_line(
    manage: RUN_MANAGE, environment: dict[str, str], message: str
) -> None:
    done = manage("check", **environment)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"Settings: {message}")
    assert done.stderr.count("\n") == 1
    assert "hidden-word" not in done.stderr


@pytest.mark.no_database
def test_good_settings_pass_the_checks(manage: RUN_MANAGE) -> None:
    done = manage("check")

    assert done.returncode == 0, done.stderr


@pytest.mark.no_database
def test_the_example_file_and_the_tests_name_every_setting_that_is_read(tmp_path: Path) -> None:
    sources = "".join((ROOT / "wfsite" / name).read_text() for name in ("settings.py", "environment.py"))
    read = set(re.findall(r'env(?:\.\w+\(|, )"([A-Z_]+)"', sources))
    documented = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert {"SECRET_KEY", "DATABASE_URL", "DB_TIME_ZONE", "LOG_LEVEL"} <= read
    assert documented == read
    assert set(site_environment(tmp_path)) - {"DJANGO_SETTINGS_MODULE"} == read


@pytest.mark.django_db
def test_the_first_account_is_a_superuser_with_a_password_that_works(settings: Settings) -> None:
    settings.DEBUG = True

    printed = _create_first_admin()

    password = re.search(r"password (\S+)", printed)
    assert password
    assert printed.count("\n") == 1
    user = authenticate(username="admin", password=password[1])
    assert user
    assert user.is_superuser


@pytest.mark.django_db
def test_no_account_is_made_where_there_is_a_user(settings: Settings) -> None:
    settings.DEBUG = True
    get_user_model().objects.create_user("somebody")

    assert _create_first_admin() == "No account was made: there are users already.\n"
    assert get_user_model().objects.count() == 1


@pytest.mark.django_db
def test_no_account_is_made_with_debug_off() -> None:
    assert _create_first_admin().startswith("No account was made: DEBUG is off.")
    assert not get_user_model().objects.exists()


def _create_first_admin() -> str:
    out = io.StringIO()
    call_command("createfirstadmin", stdout=out)
    return out.getvalue()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the scripts and the lists of requirements alone."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.no_database
def test_the_set_up_writes_a_fresh_key_that_only_the_owner_can_read(copy: Path) -> None:
    first = _write_env(copy)
    (copy / ".env").rename(copy / "old")
    second = _write_env(copy)

    assert stat.S_IMODE((copy / ".env").stat().st_mode) == 0o600
    assert "DEBUG=on\n" in second
    keys = [re.search(r"^SECRET_KEY=(\S{50,})$", text, re.MULTILINE) for text in (first, second)]
    assert keys[0]
    assert keys[1]
    assert keys[0][1] != keys[1][1]


@pytest.mark.no_database
def test_the_set_up_leaves_an_env_file_as_it_is(copy: Path) -> None:
    (copy / ".env").write_text("DEBUG=off\n")

    assert _write_env(copy) == "DEBUG=off\n"


def _write_env(folder: Path) -> str:
    subprocess.run([folder / "scripts" / "write-env"], check=True, capture_output=True)
    return (folder / ".env").read_text()


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "#!/bin/sh\n[ $1 = --version ] && echo Python 3.9.2\nexit 1\n",
            "setup: Python 3.9.2 is too old. Install Python 3.11",
        ),
        ("", "was not found. Install Python 3.11"),
    ],
    ids=["too old", "missing"],
)
def test_the_set_up_refuses_a_python_that_will_not_do(copy: Path, program: str, message: str) -> None:
    python = copy / "python"
    if program:
        python.write_text(program)
        python.chmod(0o755)

    done = subprocess.run(
        [copy / "scripts" / "setup", "requirements.txt"],
        env={**os.environ, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (copy / ".venv").exists()


@pytest.mark.no_database
def test_make_alone_lists_the_targets(copy: Path) -> None:
    done = subprocess.run(["make", "-C", copy, "--no-print-directory"], capture_output=True, text=True, check=True)

    assert [line.split()[1] for line in done.stdout.splitlines()] == [
        "help", "run", "serve", "test", "check", "bench", "faults",
    ]  # fmt: skip


@pytest.mark.no_database
def test_the_tables_of_createtables_are_those_of_the_owner(manage: RUN_MANAGE, mariadb_server: MariaDB) -> None:
    for name in ("owner", "ours"):
        mariadb_server.create_database(name)
    for statement in (ROOT / "tests" / "legacy_tables.sql").read_text().split(";\n"):
        if "CREATE" in statement:
            mariadb_server.execute(statement, "owner")

    done = manage("createtables", DATABASE_URL=mariadb_server.url("ours"))

    assert done.returncode == 0, done.stderr
    assert len(_columns(mariadb_server, "owner")) == 12
    assert _columns(mariadb_server, "ours") == _columns(mariadb_server, "owner")
    assert _indexes(mariadb_server, "ours") == _indexes(mariadb_server, "owner")


def _columns(server: MariaDB, database: str) -> list[tuple[object, ...]]:
    return server.execute(
        "SELECT table_name, column_name, ordinal_position, column_type, is_nullable, column_default, extra,"
        f" character_set_name FROM information_schema.columns WHERE table_schema = '{database}' ORDER BY 1, 3"
    )


def _indexes(server: MariaDB, database: str) -> list[tuple[object, ...]]:
    """Return what is indexed, whatever the indexes are called."""
    return server.execute(
        "SELECT table_name, column_name, non_unique, seq_in_index FROM information_schema.statistics"
        f" WHERE table_schema = '{database}' ORDER BY 1, 2"
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("legacy_rows")
def test_the_rows_of_the_predecessor_are_read_in_their_local_time() -> None:
    flow = Flow.objects.get(flow_name="old_hello")
    assert flow.created_at.isoformat() == "2025-12-19T08:39:02.123000+08:00"
    assert Flow.objects.filter(enabled=None).count() == 1
    assert Flow.objects.get(pk=11).flow_name == "每日报表"
    assert SysLog.objects.get(pk=2).message == "{'msg': 'hello'}"
    assert SysLog.objects.get(pk=5).message == "done 🎉"


@pytest.mark.django_db(transaction=True)
def test_log_records_of_a_test_stay_out_of_the_database() -> None:
    logging.getLogger("flows").warning("unseen")

    _flush_logs()
    assert not SysLog.objects.exists()


@pytest.mark.usefixtures("database_logging")
def test_log_records_reach_the_database_where_a_test_asks_for_it() -> None:
    logging.getLogger("flows").warning("seen")

    _flush_logs()
    assert SysLog.objects.get().message == "seen"


def _flush_logs() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()


@pytest.mark.no_database
def test_what_is_missing_skips_a_test_and_fails_it_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Chromium is missing"):
        needs.skip("Chromium is missing")

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Chromium is missing"):
        needs.skip("Chromium is missing")


@pytest.mark.no_database
def test_a_private_server_keeps_its_rows_over_a_kill_and_leaves_nothing_behind(own_mariadb_server: MariaDB) -> None:
    server = own_mariadb_server
    server.create_database("d")
    server.execute("CREATE TABLE t (i INT)", "d")
    server.execute("INSERT INTO t VALUES (7)", "d")

    server.kill9()
    server.start()
    rows = server.execute("SELECT i FROM t", "d")
    server.stop()
    server.close()

    assert rows == [(7,)]
    assert not server.folder.exists()


@pytest.mark.no_database
def test_the_outcomes_of_a_run_are_counted_from_its_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        "<testsuites><testsuite>"
        '<testcase name="a"/><testcase name="b"/>'
        '<testcase name="c"><failure message="no"/></testcase>'
        '<testcase name="d"><error message="no"/></testcase>'
        '<testcase name="e"><skipped message="Chromium is missing"/></testcase>'
        "</testsuite></testsuites>"
    )

    assert str(read_report(report, 1, narrowed=False)) == "2 passed, 2 failed, 1 skipped"
    assert read_report(tmp_path / "none.xml", 3, narrowed=False) == Result(ok=False, failed=1)
    assert read_report(tmp_path / "none.xml", 5, narrowed=True).ok
    assert not read_report(tmp_path / "none.xml", 5, narrowed=False).ok
