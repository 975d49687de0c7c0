"""Turn environment variables into settings, or say which one is wrong."""

import importlib.util
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("sqlite", "mysql")
BROKERS = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
CONNECT_TIMEOUT_SECONDS = 4

# The keys that stood in a published file: whoever knows one can forge a session.
KNOWN_KEYS = ("insecure", "change-me", "changeme", "secret", "your-secret-key")


def secret_key(env: environ.Env, *, debug: bool) -> str:
    """Return SECRET_KEY; with DEBUG off, refuse a missing, short or published one."""
    key = env.str("SECRET_KEY", default="")
    if debug:
        return key or "insecure-key-for-debug-only"
    if not key:
        raise ImproperlyConfigured("SECRET_KEY is missing. `make run` writes a fresh one into .env.")
    if len(key) < 32 or any(known in key.lower() for known in KNOWN_KEYS):
        raise ImproperlyConfigured(
            "SECRET_KEY is too short or a published example. Use 50 random characters: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"
        )
    return key


def boolean(env: environ.Env, name: str, *, default: bool) -> bool:
    """Return a switch; its words are on/off, true/false, yes/no, 1/0."""
    text = env.str(name, default="on" if default else "off").strip().lower()
    if text in ("on", "true", "yes", "1"):
        return True
    if text in ("off", "false", "no", "0"):
        return False
    raise ImproperlyConfigured(f"{name}={text!r} is neither on nor off.")


def choice(env: environ.Env, name: str, words: tuple[str, ...]) -> str:
    """Return one of these words; the first is the default."""
    word: str = env.str(name, default=words[0]).strip().lower()
    if word not in words:
        raise ImproperlyConfigured(f"{name}={word!r} is none of {', '.join(words)}.")
    return word


def dispatch(env: environ.Env) -> str:
    """Return FLOWS_DISPATCH, thread or celery; celery needs packages."""
    kind = choice(env, "FLOWS_DISPATCH", ("thread", "celery"))
    if kind == "celery" and not all(map(importlib.util.find_spec, ("celery", "django_celery_beat"))):
        raise ImproperlyConfigured(
            "FLOWS_DISPATCH=celery needs a package that is missing: pip install -r requirements-scale.txt, or "
            "FLOWS_DISPATCH=thread."
        )
    return kind


def serve_static(env: environ.Env) -> bool:
    """Return SERVE_STATIC, on or off; on needs a package."""
    serves = boolean(env, "SERVE_STATIC", default=False)
    if serves and importlib.util.find_spec("whitenoise") is None:
        raise ImproperlyConfigured(
            "SERVE_STATIC=on needs a package that is missing: pip install -r requirements-web.txt, or SERVE_STATIC=off."
        )
    return serves


def broker_url(env: environ.Env) -> str:
    """Return CELERY_BROKER_URL; its password never stands in an error."""
    url: str = env.str("CELERY_BROKER_URL", default="redis://localhost:6379/0")
    try:
        parts = urlsplit(url)
        is_broker = parts.scheme in BROKERS and (parts.port is None or parts.port > 0)
    except ValueError:
        is_broker = False
    if not is_broker:
        raise ImproperlyConfigured(
            "CELERY_BROKER_URL is no address of a broker; write redis://:password@host:6379/0 or "
            "amqp://user:password@host:5672/vhost, and percent-encode special characters."
        )
    return url


def log_level(env: environ.Env) -> str:
    """Return LOG_LEVEL in capitals."""
    level = env.str("LOG_LEVEL", default="INFO").strip().upper()
    if level not in LEVELS:
        raise ImproperlyConfigured(f"LOG_LEVEL={level!r} is none of {', '.join(LEVELS)}.")
    return level


def number(env: environ.Env, name: str, *, default: int, least: int, most: int) -> int:
    """Return a whole number within its bounds."""
    text = env.str(name, default=str(default)).strip()
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise ImproperlyConfigured(f"{name}={text!r} is no whole number from {least} to {most}.")
    return int(text)


def seconds(env: environ.Env, name: str, *, default: float, least: float, most: float) -> float:
    """Return a number of seconds within its bounds, such as 0.2."""
    text = env.str(name, default=str(default)).strip()
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) or not least <= float(text) <= most:
        raise ImproperlyConfigured(f"{name}={text!r} is no number of seconds from {least:g} to {most:g}.")
    return float(text)


def log_console(env: environ.Env) -> str:
    """Return LOG_CONSOLE, text or json; json needs a package."""
    kind = env.str("LOG_CONSOLE", default="text").strip().lower()
    if kind not in ("text", "json"):
        raise ImproperlyConfigured(f"LOG_CONSOLE={kind!r} is neither text nor json.")
    if kind == "json" and importlib.util.find_spec("pythonjsonlogger") is None:
        raise ImproperlyConfigured(
            "LOG_CONSOLE=json needs a package that is missing: pip install -r requirements.txt, or LOG_CONSOLE=text."
        )
    return kind


def time_zone(env: environ.Env, name: str) -> str:
    """Return the name of a time zone that this machine knows; default UTC."""
    zone = env.str(name, default="UTC")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ImproperlyConfigured(
            f"{name}={zone!r} is not a time zone of this machine; write it like Asia/Shanghai."
        ) from error
    return zone


def database(env: environ.Env, base_dir: Path, zone: str) -> dict[str, Any]:
    """Return the default database: DATABASE_URL, or SQLite in the project's folder.

    The URL's password never stands in an error.
    """
    url = env.str("DATABASE_URL", default="") or f"sqlite:///{base_dir / 'db.sqlite3'}"
    if urlsplit(url).scheme not in SCHEMES:
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with mysql:// or sqlite:///, for example mysql://user:password@host:3306/database"
        )
    try:
        config: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError as error:
        raise ImproperlyConfigured("DATABASE_URL is not a URL; percent-encode special characters.") from error
    if not config["NAME"]:
        raise ImproperlyConfigured("DATABASE_URL names no database: it stands after the last slash.")
    config["TIME_ZONE"] = zone
    options = config.setdefault("OPTIONS", {})
    if config["ENGINE"].endswith("mysql"):
        _need_mysqlclient()
        options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
        options.setdefault("init_command", "SET sql_mode='STRICT_TRANS_TABLES'")
        config["CONN_MAX_AGE"] = 60
        config["CONN_HEALTH_CHECKS"] = True
    else:
        # Writers wait for each other instead of failing, and readers do not wait for writers.
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 20)
        options.setdefault("init_command", "PRAGMA journal_mode=WAL")
    return config


def _need_mysqlclient() -> None:
    try:
        import MySQLdb  # noqa: F401, PLC0415  (needed only by a site on MySQL)
    except ImportError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL names MySQL, but mysqlclient is not installed. As root: apt-get install gcc "
            "python3-dev pkg-config libmariadb-dev; then: make -B .venv/.ready"
        ) from error
