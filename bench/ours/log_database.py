"""Our table: the caller's part of the database handler, while its thread writes to SQLite."""

import os
from pathlib import Path

import django

from bench.log_contest import logger_of, serve_calls
from tests.environment import site_environment

if __name__ == "__main__":
    os.environ.update(site_environment(Path.cwd()))
    django.setup()
    from django.db import connection

    from flows.log_context import RunContextFilter
    from flows.log_handler import DatabaseLogHandler
    from flows.tables import create_missing_tables

    create_missing_tables(connection)
    handler = DatabaseLogHandler()
    handler.addFilter(RunContextFilter())
    serve_calls(logger_of(handler))
    handler.close()
    emitted, written, _, _ = handler.stats()
    if written != emitted:
        raise SystemExit(f"{written} of {emitted} records were written: that would be no fair measurement")
