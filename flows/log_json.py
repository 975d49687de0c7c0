"""Turn a log record into one line of JSON, for programs that collect logs."""

import logging
from datetime import datetime
from typing import Any

from pythonjsonlogger import core, json

from flows.log_format import milliseconds, plain_text, traceback_text


class JsonFormatter(json.JsonFormatter):
    """One object a record: time, level, logger, message, flow, run, step, module, function, traceback, and `extra`.

    What a log call gives as `extra` follows under its own names, but never in place of one of these. Each line is
    ASCII: control and bidirectional characters are escapes.
    """

    def __init__(self) -> None:
        super().__init__()

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record)
        extra = core.merge_record_extra(record, {}, {*self.reserved_attrs, "run_id"})
        try:
            return self.serialize_log_record({**fields, **extra, **fields})
        except Exception:  # noqa: BLE001  (values of somebody else's making)
            return self.serialize_log_record(fields)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    second, milli = divmod(milliseconds(record.created), 1000)
    moment = datetime.fromtimestamp(second).astimezone().replace(microsecond=milli * 1000)
    return {
        "time": moment.isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": plain_text(record),
        "flow": _name(getattr(record, "flow", None)),
        "run": _name(getattr(record, "run_id", None)),
        "step": _name(getattr(record, "step", None)),
        "module": record.module,
        "function": record.funcName,
        "traceback": traceback_text(record) or None,
    }


def _name(value: object) -> str | int | None:
    return value if isinstance(value, str | int | None) else f"({type(value).__name__})"
