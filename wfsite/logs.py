"""Where log records go: the console, a file that rotates, and the table wf_syslog."""

from pathlib import Path
from typing import Any


def logging_config(log_dir: Path, level: str) -> dict[str, Any]:
    """Return LOGGING for Django: three sinks with one format, all of them behind the root logger."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "run_context": {"()": "flows.log_context.RunContextFilter"},
        },
        "formatters": {
            "console": {"()": "flows.log_format.ConsoleFormatter"},
            "line": {"()": "flows.log_format.LineFormatter"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "console",
                "filters": ["run_context"],
            },
            "file": {
                "class": "flows.log_file.LogFileHandler",
                "filename": str(log_dir / "flows.log"),
                "maxBytes": 10 * 1024 * 1024,
                "backupCount": 10,
                "formatter": "line",
                "filters": ["run_context"],
            },
            "database": {
                "class": "flows.log_handler.DatabaseLogHandler",
                "filters": ["run_context"],
            },
        },
        "root": {"level": level, "handlers": ["console", "file", "database"]},
        "loggers": {
            # At DEBUG Django tells every query, template variable and changed file.
            "django": {"level": "INFO" if level == "DEBUG" else level, "handlers": []},
            # The access lines of runserver.
            "django.server": {"level": "INFO", "handlers": ["console"], "propagate": False},
        },
    }
