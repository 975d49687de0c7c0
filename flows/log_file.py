"""Write log lines to a file that rotates, from many processes at once, and never trouble the program."""

import contextlib
import fcntl
import itertools
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from flows.log_notice import Notice

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC


class LogFileHandler(logging.Handler):
    """Append each record to `filename` by one write; above `maxBytes`, move the file to `filename.1` and so on.

    Any number of processes may share the file. The system keeps appended writes apart, so a line takes no lock; who
    finds that the file has moved opens the new one, and who rotates keeps the others from rotating, not from writing.
    That holds on local file systems, not on NFS. The folder is made with the first line. Where the file cannot be
    written, one notice a minute says so.
    """

    def __init__(self, filename: str | Path, *, maxBytes: int = 0, backupCount: int = 0) -> None:  # noqa: N803
        super().__init__()
        self._path = os.path.abspath(filename)  # noqa: PTH100  (a log call pays for each Path)
        self._most = maxBytes
        self._backups = backupCount
        self._file = -1
        self._inode = 0
        self._notice = Notice()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record as one line."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
            size = self._size_of_the_file_at_hand()
            if size and 0 < self._most < size + len(line):
                self._rotate(size)
                self._size_of_the_file_at_hand()
            _write_all(self._file, line)
        except Exception:  # noqa: BLE001  (a log call must not fail)
            self.handleError(record)

    def _size_of_the_file_at_hand(self) -> int:
        """Return the size of the file that has the name now, and have it open."""
        try:
            found = os.stat(self._path)  # noqa: PTH116  (the same)
        except FileNotFoundError:
            return self._open()
        if found.st_ino != self._inode or self._file < 0:
            return self._open()
        return found.st_size

    def _open(self) -> int:
        self._close_file()
        os.makedirs(os.path.dirname(self._path), exist_ok=True)  # noqa: PTH103, PTH120  (the same)
        self._file = os.open(self._path, _FLAGS, 0o666)
        opened = os.fstat(self._file)
        self._inode = opened.st_ino
        return opened.st_size

    def _rotate(self, size: int) -> None:
        """Move the file away, unless another process does that or has just done it."""
        try:
            with _sole(f"{self._path}.lock") as sole:
                if sole and self._size_of_the_file_at_hand() >= size:
                    self._move_files()
        except OSError as error:
            # The line goes to the old file: too long is better than lost.
            self._complain(error)

    def _move_files(self) -> None:
        names = [self._path, *(f"{self._path}.{number}" for number in range(1, self._backups + 1))]
        if not self._backups:
            os.unlink(self._path)  # noqa: PTH108  (the same)
        # From the oldest on; a number that is missing is no reason to stop.
        for younger, older in reversed([*itertools.pairwise(names)]):
            with contextlib.suppress(FileNotFoundError):
                os.replace(younger, older)  # noqa: PTH105  (the same)

    def _close_file(self) -> None:
        if self._file >= 0:
            file, self._file = self._file, -1
            os.close(file)

    def close(self) -> None:
        """Close the file; a record that comes later opens it again."""
        with contextlib.suppress(OSError):
            self._close_file()
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say on stderr, once a minute and without a traceback, that lines are lost."""
        error = sys.exc_info()[1]
        # The next line opens the file anew: it may be on a disk that went away.
        with contextlib.suppress(OSError):
            self._close_file()
        self._complain(error)

    def _complain(self, error: BaseException | None) -> None:
        self._notice.say(
            f"The log file {self._path} cannot be written ({type(error).__name__}: {error}); the log goes on "
            "to the console and the database. Make the folder writable, or set LOG_DIR to one that is."
        )


def _write_all(file: int, line: bytes) -> None:
    written = os.write(file, line)
    # A disk that is almost full takes a part; the rest fails, and says why.
    while written < len(line):
        written += os.write(file, line[written:])


@contextlib.contextmanager
def _sole(path: str) -> Iterator[bool]:
    """Hold a lock among processes and yield True; False where another one holds it. The system frees it at the end."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield _locked(lock)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
