"""Write log lines to a file that rotates, and never trouble the program when that fails."""

import contextlib
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from flows.log_notice import Notice


class LogFileHandler(RotatingFileHandler):
    """Open the file, and make its folder, with the first line; where that fails, say so once a minute and go on."""

    def __init__(self, filename: str | Path, *, maxBytes: int = 0, backupCount: int = 0) -> None:  # noqa: N803
        super().__init__(
            filename,
            maxBytes=maxBytes,
            backupCount=backupCount,
            encoding="utf-8",
            delay=True,
            errors="backslashreplace",
        )
        self._notice = Notice()

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def doRollover(self) -> None:  # noqa: N802
        try:
            super().doRollover()
        except OSError as error:
            # The line goes to the old file: too long is better than lost.
            self._complain(error)
            if self.stream is None:
                with contextlib.suppress(OSError):
                    self.stream = self._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        self._complain(sys.exc_info()[1])

    def _complain(self, error: BaseException | None) -> None:
        self._notice.say(
            f"The log file {self.baseFilename} cannot be written ({type(error).__name__}: {error}); the log goes on "
            "to the console and the database. Make the folder writable, or set LOG_DIR to one that is."
        )
