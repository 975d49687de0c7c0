"""The two old tables: created where they are missing, as their owner's database has them."""

from django.db import OperationalError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper

_NOW = "(strftime('%Y-%m-%d %H:%M:%f', 'now', 'localtime') || '000')"

# SQLite has no ON UPDATE; there the model sets the time of change.
_SQLITE = {
    "wf_flow": f"""
        CREATE TABLE wf_flow (
            id integer PRIMARY KEY AUTOINCREMENT,
            flow_name varchar(128) NOT NULL UNIQUE,
            flow_json text NOT NULL,
            enabled bool DEFAULT 0,
            deleted bool DEFAULT 0,
            created_at datetime NOT NULL DEFAULT {_NOW},
            updated_at datetime NOT NULL DEFAULT {_NOW}
        );
        CREATE INDEX wf_flow_created_at ON wf_flow (created_at);
        CREATE INDEX wf_flow_updated_at ON wf_flow (updated_at)
    """,
    "wf_syslog": f"""
        CREATE TABLE wf_syslog (
            id integer PRIMARY KEY AUTOINCREMENT,
            created_at datetime NOT NULL DEFAULT {_NOW},
            level varchar(16) NOT NULL,
            logger_name varchar(64) NOT NULL,
            message text NOT NULL
        );
        CREATE INDEX wf_syslog_created_at ON wf_syslog (created_at);
        CREATE INDEX wf_syslog_level ON wf_syslog (level)
    """,
}

_MYSQL = {
    "wf_flow": """
        CREATE TABLE wf_flow (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            flow_name VARCHAR(128) NOT NULL UNIQUE,
            flow_json JSON NOT NULL,
            enabled TINYINT(1) DEFAULT 0,
            deleted TINYINT(1) DEFAULT 0,
            created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
            updated_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
            INDEX wf_flow_created_at (created_at),
            INDEX wf_flow_updated_at (updated_at)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    """,
    "wf_syslog": """
        CREATE TABLE wf_syslog (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
            created_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
            level VARCHAR(16) NOT NULL,
            logger_name VARCHAR(64) NOT NULL,
            message TEXT NOT NULL,
            INDEX wf_syslog_created_at (created_at),
            INDEX wf_syslog_level (level)
        ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4
    """,
}


_MISSING_TABLE_OF_MYSQL = 1146
_DEADLOCK_OF_MYSQL = 1213


def is_missing_table(error: Exception) -> bool:
    """Return whether a statement failed because its table is not there."""
    if isinstance(error, ProgrammingError):
        return bool(error.args) and error.args[0] == _MISSING_TABLE_OF_MYSQL
    return isinstance(error, OperationalError) and "no such table" in str(error)


def is_deadlock(error: Exception) -> bool:
    """Return whether MySQL broke off a statement so that another one could go on; it may be tried again at once."""
    return isinstance(error, OperationalError) and bool(error.args) and error.args[0] == _DEADLOCK_OF_MYSQL


def create_missing_tables(connection: BaseDatabaseWrapper) -> list[str]:
    """Create those of the two tables that are missing and return their names; a table that exists is left alone."""
    definitions = _MYSQL if connection.vendor == "mysql" else _SQLITE
    with connection.cursor() as cursor:
        existing = {name.lower() for name in connection.introspection.table_names(cursor)}
        missing = [name for name in definitions if name not in existing]
        for name in missing:
            for statement in definitions[name].split(";"):
                cursor.execute(statement)
    return missing


_MISSING_TABLE_OF_MYSQL = 1146
_DEADLOCK_OF_MYSQL = 1213
