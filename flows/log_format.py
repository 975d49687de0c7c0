"""Turn a log record into text: the one format that the console, the file and the table share."""

import logging
import time
from typing import Any

from flows.engine.text import visible
from flows.log_context import prefix

FORMAT = "%(asctime)s %(levelname)s %(module)s %(funcName)s %(message)s"

_LOOKS_LIKE_A_PREFIX = ("[flow=", "[run=", "[step=")
_plain = logging.Formatter()


def message_text(record: logging.LogRecord) -> str:
    """Return the message with its arguments, behind the flow, run and step it comes from. Never raises."""
    text = plain_text(record)
    flow = getattr(record, "flow", None)
    if flow is not None:
        try:
            return prefix(flow, getattr(record, "run_id", None), getattr(record, "step", None)) + text
        except Exception:  # noqa: BLE001  (attributes of somebody else's making)
            return text
    return "\\" + text if text.startswith(_LOOKS_LIKE_A_PREFIX) else text


def plain_text(record: logging.LogRecord) -> str:
    """Return the message with its arguments. Never raises."""
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001  (arguments that do not fit, a __str__ that raises)
        return _unmerged(record, error)


def _unmerged(record: logging.LogRecord, error: Exception) -> str:
    return (
        f"{_shown(str, record.msg)} [wrong arguments in this log call: {_shown(repr, record.args)}; "
        f"{type(error).__name__}: {_shown(str, error)}]"
    )


def _shown(show: type[str] | Any, value: object) -> str:
    try:
        return str(show(value))
    except Exception as error:  # noqa: BLE001  (the same)
        return f"({type(value).__name__} that cannot be shown: {type(error).__name__})"


def traceback_text(record: logging.LogRecord) -> str:
    """Return the traceback and the stack of a record, if it has any; otherwise an empty text. Never raises."""
    if not record.exc_info and not record.exc_text and not record.stack_info:
        return ""
    try:
        if record.exc_info and not record.exc_text:
            # Kept on the record, as logging's own formatter does: made once for all handlers.
            record.exc_text = _plain.formatException(record.exc_info)
    except Exception as error:  # noqa: BLE001  (an exception of somebody else's making)
        record.exc_text = f"(the traceback cannot be shown: {type(error).__name__})"
    return "\n".join(text for text in (record.exc_text, record.stack_info) if text)


def milliseconds(created: float) -> int:
    """Return the time of a record in whole milliseconds since 1970: the same in the file and in the table."""
    # A float holds 12:00:00.002 as a little less; half a microsecond more undoes that, and nothing else.
    return int(created * 1000 + 0.0005)


def one_line(text: str) -> str:
    """Return the text with each control, bidirectional or broken character as an escape."""
    return text if text.isprintable() else visible(text)


class _Formatter(logging.Formatter):
    def __init__(self, fmt: str = FORMAT) -> None:
        super().__init__(fmt)
        self._second = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        seconds, milli = divmod(milliseconds(record.created), 1000)
        # Many records share their second. One tuple, so that no thread sees half of a change.
        second, text = self._second
        if second != seconds:
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
            self._second = (seconds, text)
        return f"{text}.{milli:03d}"

    def _line(self, record: logging.LogRecord) -> str:
        # From a copy of the attributes: other handlers see the record as it was made.
        values = {**record.__dict__, "asctime": self.formatTime(record), "message": message_text(record)}
        return (self._fmt or FORMAT) % values


class LineFormatter(_Formatter):
    """For files: one record is one line, whatever its text and its traceback hold."""

    def format(self, record: logging.LogRecord) -> str:
        trace = traceback_text(record)
        line = self._line(record)
        return one_line(f"{line}\n{trace}" if trace else line)


class ConsoleFormatter(_Formatter):
    """For people: the same line, with the traceback readable below it."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [self._line(record), *traceback_text(record).split("\n")]
        return "\n".join(one_line(line) for line in lines).rstrip("\n")
