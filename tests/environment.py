"""The settings of the tests, all of them, so that neither .env nor the shell of a developer changes a result."""

from pathlib import Path

# Not UTC, so that a confusion of local time and UTC shows.
ZONE = "Asia/Shanghai"
ZONE_OFFSET = "+08:00"


def site_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a site whose database and logs are in this folder."""
    return {
        "DJANGO_SETTINGS_MODULE": "wfsite.settings",
        "SECRET_KEY": "0123456789-for-the-tests-alone-0123456789",
        "DEBUG": "off",
        "ALLOWED_HOSTS": "localhost,testserver",
        "HTTPS": "off",
        "SERVE_STATIC": "off",
        "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "DB_TIME_ZONE": ZONE,
        "LOG_DIR": str(folder / "log"),
        "LOG_LEVEL": "INFO",
        "LOG_CONSOLE": "text",
        "LOG_FILE_MB": "10",
        "LOG_FILE_COUNT": "10",
        "LOG_DB_CAPACITY": "20000",
        "LOG_DB_MEMORY_MB": "64",
        "LOG_DB_BATCH_ROWS": "500",
        "LOG_DB_FLUSH_SECONDS": "0.2",
        "FLOWS_PROCEDURE_PACKAGES": "procedures",
        "FLOWS_HISTORY": "on",
        "FLOWS_WHEN_ACTIVE": "refuse",
        "FLOWS_DISPATCH": "thread",
        # Nobody listens there: a test that needs a broker starts one.
        "CELERY_BROKER_URL": "redis://localhost:1/0",
        "CELERY_VISIBILITY_SECONDS": "300",
        "WORKER_MAX_RUNS": "1000",
        "WORKER_MAX_MEMORY_MB": "512",
    }
