"""The log file rotates, and its trouble is nobody else's."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.log_file import LogFileHandler
from flows.log_format import LineFormatter

pytestmark = pytest.mark.no_database


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("tests.log_file")
    made.propagate = False
    made.setLevel(logging.INFO)
    yield made
    for handler in made.handlers[:]:
        made.removeHandler(handler)
        handler.close()


def add_file(logger: logging.Logger, path: Path, max_bytes: int = 0) -> None:
    handler = LogFileHandler(path, maxBytes=max_bytes, backupCount=2)
    handler.setFormatter(LineFormatter())
    logger.addHandler(handler)


def test_the_folder_is_made_with_the_first_line(logger: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "var" / "log" / "flows.log"
    add_file(logger, path)
    assert not path.parent.exists()
    logger.info("hello\n\ud800")
    assert path.read_text().endswith("INFO test_log_file test_the_folder_is_made_with_the_first_line hello\\n\\ud800\n")


def test_a_full_file_makes_room_and_no_line_is_lost(logger: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "flows.log"
    add_file(logger, path, max_bytes=1500)
    for number in range(40):
        logger.info("line %02d", number)
    files = [tmp_path / name for name in ("flows.log.2", "flows.log.1", "flows.log")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [line[-2:] for line in lines] == [f"{number:02d}" for number in range(40)]


def test_a_folder_that_cannot_be_made_is_told_once_without_a_traceback(
    logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    add_file(logger, tmp_path / "log" / "flows.log")
    for _ in range(10):
        logger.info("hello")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot be written" in error
    assert "LOG_DIR" in error


def test_where_the_file_cannot_be_renamed_the_lines_go_on(
    logger: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flows.log"
    add_file(logger, path, max_bytes=500)
    (tmp_path / "flows.log.1").mkdir()
    (tmp_path / "flows.log.1" / "in the way").touch()
    (tmp_path / "flows.log.2").mkdir()
    (tmp_path / "flows.log.2" / "in the way").touch()
    for number in range(20):
        logger.info("line %02d", number)
    assert [line[-2:] for line in path.read_text().splitlines()] == [f"{number:02d}" for number in range(20)]
    assert capsys.readouterr().err.count("\n") == 1
