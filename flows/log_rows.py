"""Make values that the table wf_syslog takes, whatever a log record holds."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from flows.log_format import milliseconds
from flows.log_queue import Row

Values = tuple[str, str, str, str]

LEVEL_CHARACTERS = 16
LOGGER_NAME_CHARACTERS = 64
# What a MySQL TEXT holds.
MESSAGE_BYTES = 65_535
# The end of a long text is kept as well: there a traceback says what was raised.
_TAIL_BYTES = 16_384
_MARK_BYTES = 64

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_BEYOND_UTF8MB3 = re.compile("[\U00010000-\U0010ffff]")


def shorten(text: str) -> str:
    """Return the text within the bytes of a TEXT, cut on borders of characters and marked where it was cut."""
    if len(text) * 4 <= MESSAGE_BYTES:
        return text
    data = text.encode(errors="surrogatepass")
    if len(data) <= MESSAGE_BYTES:
        return text
    head = data[: MESSAGE_BYTES - _TAIL_BYTES - _MARK_BYTES].decode(errors="ignore")
    tail = data[-_TAIL_BYTES:].decode(errors="ignore")
    return f"{head}\n… cut: the whole text has {len(data):,} bytes …\n{tail}"


def storable(text: str) -> str:
    """Return the text with NUL and lone surrogates as escapes: no database takes them all."""
    if text.isascii() and "\x00" not in text:
        return text
    return _NOT_STORABLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def values(row: Row, created_at: str) -> Values:
    """Return the four columns of a row."""
    _, _, level, name, message = row
    return (created_at, *_names(level, name), shorten(storable(message)))


# A program has few loggers and levels, and each row names them.
@lru_cache(maxsize=1024)
def _names(level: str, name: str) -> tuple[str, str]:
    return _cut(storable(level), LEVEL_CHARACTERS), _cut(storable(name), LOGGER_NAME_CHARACTERS)


def without_emoji(columns: Values) -> Values:
    """Return the columns with each character as an escape that a utf8mb3 column lacks."""
    created_at, level, name, message = columns
    level, name, message = (_BEYOND_UTF8MB3.sub(_escape, text) for text in (level, name, message))
    return created_at, _cut(level, LEVEL_CHARACTERS), _cut(name, LOGGER_NAME_CHARACTERS), shorten(message)


def ascii_only(columns: Values) -> Values:
    """Return the columns with each character beyond ASCII as an escape: any character set has the rest."""
    created_at, level, name, message = (text.encode("ascii", "backslashreplace").decode() for text in columns)
    message = shorten(message).encode("ascii", "replace").decode()
    return created_at, level[:LEVEL_CHARACTERS], name[:LOGGER_NAME_CHARACTERS], message


class Clock:
    """Turns the time of a record into the text that Django's own adapter writes for this database."""

    def __init__(self, connection: Any) -> None:
        self._zone = connection.timezone
        self._adapt: Callable[[datetime], str] = connection.ops.adapt_datetimefield_value
        self._second = -1
        self._around = ("", "")

    def text(self, created: float) -> str:
        """Return the time in the database's zone, cut to milliseconds."""
        second, milli = divmod(milliseconds(created), 1000)
        if not milli:
            return self._adapt(datetime.fromtimestamp(second, self._zone))
        # The rows of a second differ in three digits only, and the adapter costs as much as the rest of a row.
        if second != self._second:
            moment = datetime.fromtimestamp(second, self._zone).replace(microsecond=123_000)
            before, _, after = self._adapt(moment).rpartition("123000")
            self._second, self._around = second, (before, after)
        return f"{self._around[0]}{milli:03d}000{self._around[1]}"
