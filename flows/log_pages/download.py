"""Write log rows as a file, piece by piece, in bounded memory."""

import csv
import json
from collections.abc import Callable, Iterator
from io import StringIO

from flows.engine.text import visible
from flows.log_pages.pages import whole_page
from flows.log_pages.selection import Selection
from flows.models import SysLog
from flows.paging.keys import NEWEST, Cursor

COLUMNS = ("id", "created_at", "level", "logger_name", "message")
CHUNK = 1_000
# The four characters, and the same in full width.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")

Write = Callable[[list[SysLog]], str]


def rows_as(write: Write, selection: Selection) -> Iterator[str]:
    """Yield all rows that match, newest first, as text; rows that are written meanwhile are not among them."""
    cursor: Cursor | None = NEWEST
    while cursor:
        page = whole_page(selection, cursor, CHUNK)
        # An empty piece as well: it lets the server see that nobody listens any more.
        yield write(page.rows)
        cursor = page.older


def as_text(rows: list[SysLog]) -> str:
    r"""Return one line a row: time, level, logger, message; a line break in a message is written ``\n``."""
    return "".join(
        f"{row.local_time} {visible(row.level)} {visible(row.logger_name)} {visible(row.message)}\n" for row in rows
    )


def as_json_lines(rows: list[SysLog]) -> str:
    """Return one JSON object a row, in ASCII, with the message exactly as it is stored."""
    return "".join(
        json.dumps(dict(zip(COLUMNS, _values(row), strict=True))).replace("\x7f", r"\u007f") + "\n" for row in rows
    )


def as_csv(rows: list[SysLog]) -> str:
    """Return one line a row for a spreadsheet: what it would take for a formula begins with an apostrophe."""
    buffer = StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([_cell(value) for value in _values(row)] for row in rows)
    return buffer.getvalue()


def csv_head() -> str:
    """Return the first line of a CSV file, after the mark by which spreadsheets know UTF-8."""
    return "\ufeff" + ",".join(f'"{name}"' for name in COLUMNS) + "\r\n"


def _cell(value: object) -> str:
    text = "\n".join(map(visible, str(value).replace("\r\n", "\n").split("\n")))
    return "'" + text if text.lstrip().startswith(_FORMULA) or text.startswith("\n") else text


def _values(row: SysLog) -> tuple[int, str, str, str, str]:
    return row.pk, row.local_time, row.level, row.logger_name, row.message
