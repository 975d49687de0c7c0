"""django-db-logger: one INSERT and one commit for each record, in the caller's thread, on SQLite."""

import django
from django.conf import settings

from bench.log_contest import logger_of, serve_calls

if __name__ == "__main__":
    settings.configure(
        INSTALLED_APPS=["django_db_logger"],
        # As our own site has it.
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": "bench.sqlite3",
                "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
            }
        },
        LOGGING_CONFIG=None,
    )
    django.setup()
    from django.core.management import call_command
    from django_db_logger.db_log_handler import DatabaseLogHandler

    call_command("migrate", verbosity=0)
    serve_calls(logger_of(DatabaseLogHandler()), "django-db-logger")
