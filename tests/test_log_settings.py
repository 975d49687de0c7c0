"""The settings of the log pipeline reach its handlers, and nonsense is refused by one clear line."""

from pathlib import Path

import pytest

from tests.conftest import RUN_MANAGE
from wfsite.logs import logging_config

pytestmark = pytest.mark.no_database

REFUSED = {
    "LOG_CONSOLE": ("xml", "LOG_CONSOLE='xml' is neither text nor json."),
    "LOG_FILE_MB": ("0", "LOG_FILE_MB='0' is no whole number from 1 to 10000."),
    "LOG_FILE_COUNT": ("many", "LOG_FILE_COUNT='many' is no whole number from 1 to 1000."),
    "LOG_DB_CAPACITY": ("-1", "LOG_DB_CAPACITY='-1' is no whole number from 1000 to 10000000."),
    "LOG_DB_MEMORY_MB": ("1e3", "LOG_DB_MEMORY_MB='1e3' is no whole number from 1 to 4096."),
    "LOG_DB_BATCH_ROWS": ("100000", "LOG_DB_BATCH_ROWS='100000' is no whole number from 1 to 5000."),
    "LOG_DB_FLUSH_SECONDS": ("nan", "LOG_DB_FLUSH_SECONDS='nan' is no number of seconds from 0.01 to 60."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_nonsense_ends_a_command_with_one_clear_line(manage: RUN_MANAGE, name: str) -> None:
    text, line = REFUSED[name]
    done = manage("check", **{name: text})
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"Settings: {line}\n")


def test_sizes_and_intervals_reach_the_handlers(manage: RUN_MANAGE) -> None:
    code = (
        "import logging, django; django.setup(); "
        "a, b = [h for h in logging.getLogger().handlers if h.__class__.__module__.startswith('flows')]; "
        "print(a._most, a._backups, b._capacity, b._capacity_bytes, b._batch_rows, b._flush_seconds)"
    )
    sizes = {"FILE_MB": "3", "FILE_COUNT": "4", "DB_CAPACITY": "5000", "DB_MEMORY_MB": "6", "DB_BATCH_ROWS": "7"}
    given = {f"LOG_{name}": text for name, text in sizes.items()}
    done = manage("shell", "-v0", "-c", code, LOG_DB_FLUSH_SECONDS="0.8", **given)
    assert done.stdout.split() == ["3145728", "4", "5000", "6291456", "7", "0.8"], done.stderr


def test_json_needs_no_package_until_it_is_asked_for(tmp_path: Path) -> None:
    text = logging_config(tmp_path, "INFO", console="text", file={}, database={})
    json = logging_config(tmp_path, "INFO", console="json", file={}, database={})
    assert "json" not in text["formatters"]
    assert json["handlers"]["console"]["formatter"] == "json"
