"""Where log records go: the console, a file that rotates, and the table wf_syslog."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def logging_config(
    log_dir: Path, level: str, *, console: str, file: Mapping[str, int], database: Mapping[str, float]
) -> dict[str, Any]:
    """Return LOGGING for Django: three sinks behind the root logger.

    console: text or json. file, database: the sizes and intervals of their handlers.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "run_context": {"()": "flows.log_context.RunContextFilter"},
        },
        "formatters": {
            "console": {"()": "flows.log_format.ConsoleFormatter"},
            "line": {"()": "flows.log_format.LineFormatter"},
            # Only then: it imports a package of its own.
            **({"json": {"()": "flows.log_json.JsonFormatter"}} if console == "json" else {}),
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json" if console == "json" else "console",
                "filters": ["run_context"],
            },
            "file": {
                "class": "flows.log_file.LogFileHandler",
                "filename": str(log_dir / "flows.log"),
                **file,
                "formatter": "line",
                "filters": ["run_context"],
            },
            "database": {
                "class": "flows.log_handler.DatabaseLogHandler",
                **database,
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
