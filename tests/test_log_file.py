"""The log file rotates, any number of processes share it, and its trouble is nobody else's."""

import fcntl
import logging
import multiprocessing
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


LINE = "process %d line %d " + "y" * 60


def write_lines(logger: logging.Logger, path: Path, name: int, lines: int, room: tuple[int, int]) -> None:
    handler = LogFileHandler(path, maxBytes=room[0], backupCount=room[1])
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    for number in range(lines):
        logger.info(LINE, name, number)


def processes_write(
    logger: logging.Logger, path: Path, *, processes: int, lines: int, room: tuple[int, int]
) -> tuple[int, list[str]]:
    """Let processes write to one file; return how many files there are then, and their lines."""
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=write_lines, args=(logger, path, name, lines, room)) for name in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * processes
    files = [path, *path.parent.glob("flows.log.[0-9]*")]
    return len(files), [line for file in files for line in file.read_text().splitlines()]


def test_several_processes_tear_and_lose_no_line_while_the_file_rotates(logger: logging.Logger, tmp_path: Path) -> None:
    files, lines = processes_write(logger, tmp_path / "flows.log", processes=4, lines=2000, room=(80_000, 100))
    assert files > 5
    assert sorted(lines) == sorted(LINE % (name, number) for name in range(4) for number in range(2000))


def test_a_process_that_hangs_while_it_rotates_holds_nobody_up(logger: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "flows.log"
    with (tmp_path / "flows.log.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_lines(logger, path, 0, 100, (1000, 3))
    assert path.read_text().splitlines() == [LINE % (0, number) for number in range(100)]
    logger.info("the next line makes room")
    assert path.read_text() == "the next line makes room\n"


def test_a_file_that_others_moved_or_removed_is_made_anew(logger: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "flows.log"
    add_file(logger, path)
    logger.info("one")
    path.rename(tmp_path / "moved")
    logger.info("two")
    path.unlink()
    logger.info("three")
    assert "one" in (tmp_path / "moved").read_text()
    assert path.read_text().endswith(" three\n")


def test_a_full_disk_is_told_once_and_the_program_goes_on(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    add_file(logger, Path("/dev/full"), max_bytes=1000)
    for _ in range(10):
        logger.info("hello")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "No space left" in error
