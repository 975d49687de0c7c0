"""CSV files as rows, and rows as CSV files."""

import csv
import io
import json
import logging
from collections.abc import Iterable, Iterator
from typing import Any, NotRequired, TypedDict

from procedures.common import _files
from procedures.table import Row

SUFFIXES = (".csv", ".tsv", ".txt")
MAX_ROWS = 10_000


class ReadParams(TypedDict):
    path: str
    delimiter: NotRequired[str]
    encoding: NotRequired[str]


class ReadResult(TypedDict):
    path: str
    columns: list[str]
    rows: list[Row]
    count: int


class WriteParams(TypedDict):
    path: str
    rows: list[Row]
    columns: NotRequired[list[str]]


class WriteResult(TypedDict):
    path: str
    count: int


class Csv:
    """Read and write CSV files.

    Rows travel as results from step to step, in memory, and a result of up to 1 MiB is recorded. That is right for
    some hundreds or thousands of rows. With millions, write a procedure that reads its file line by line, writes
    another file, and returns the path and the counts: the next step takes the path.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def read(self, context: dict[str, Any], params: ReadParams) -> ReadResult:
        """Read a CSV file with a header line; each value stays the text that stands in the file.

        Params: `path`, relative to the project's folder, ending in .csv, .tsv or .txt; `delimiter`, one character,
        default a comma; `encoding`, a name that Python knows, default UTF-8 with or without a byte order mark.

        Result: `path`; `columns`, the names of the header; `rows`, a flat dict each, whose `_line` is the line of the
        file at which the row begins; `count`, their number. A row with more or fewer fields than the header is there
        too, with a `_reason`, and `table.Rules.check` rejects it. Blank lines are no rows.

        Raises `FileNotFoundError`; `ValueError` for a path that leaves the folder, a wrong encoding, a bad header, an
        unclosed quote (each with its line), and for more than 10,000 rows.
        """
        path = _files.readable(params["path"], SUFFIXES)
        try:
            with path.open(encoding=params.get("encoding", "utf-8-sig"), newline="") as file:
                columns, rows = _table(file, params.get("delimiter", ","), _files.shown(path))
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{_files.shown(path)} is not {error.encoding}; name its encoding in params.encoding"
            ) from error
        except LookupError as error:
            raise ValueError(f"params.encoding: {error}") from error
        self.logger.info("read %d rows of %s", len(rows), _files.shown(path))
        return {"path": _files.shown(path), "columns": columns, "rows": rows, "count": len(rows)}

    def write(self, context: dict[str, Any], params: WriteParams) -> WriteResult:
        """Write rows as a CSV file with a header line, in place of the one that was there.

        Params: `path`, in `var/results` or `var/reports`, ending in .csv; `rows`, flat dicts; `columns`, names and
        order of the columns, default every key in the order of its first appearance. No rows and no columns make an
        empty file.

        Result: `path`; `count`, the number of rows.

        Raises `ValueError` for a path elsewhere and for a row with a key that `columns` does not name.
        """
        path = _files.writable(params["path"], (".csv",))
        rows = params["rows"]
        _files.write_text(path, _text(rows, params.get("columns") or _all_keys(rows)))
        self.logger.info("wrote %d rows to %s", len(rows), _files.shown(path))
        return {"path": _files.shown(path), "count": len(rows)}


def _table(file: Iterable[str], delimiter: str, name: str) -> tuple[list[str], list[Row]]:
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise ValueError(f"params.delimiter is one character, not {delimiter!r}")
    # strict: a quote that is never closed would otherwise swallow the rest of the file as one value.
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        columns = _header(next(reader, []), name)
        return columns, list(_rows(_numbered(reader), columns, name))
    except csv.Error as error:
        raise ValueError(f"{name}, line {reader.line_num}: {error}; mend the quotes there or before it") from error


def _header(columns: list[str], name: str) -> list[str]:
    if not columns:
        raise ValueError(f"{name} has no header line; the first line must name the columns")
    for column in columns:
        if not column.strip() or column.startswith("_"):
            raise ValueError(
                f'{name}, line 1: "{column}" is no name for a column; it may be neither empty nor begin with _'
            )
        if columns.count(column) > 1:
            raise ValueError(f'{name}, line 1: the column "{column}" stands here more than once; rename one of them')
    return columns


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    first = reader.line_num + 1
    for fields in reader:
        if fields:
            yield first, fields
        first = reader.line_num + 1


def _rows(lines: Iterable[tuple[int, list[str]]], columns: list[str], name: str) -> Iterator[Row]:
    for number, (line, fields) in enumerate(lines, start=1):
        if number > MAX_ROWS:
            raise ValueError(f"{name} has more than {MAX_ROWS:,} rows; read it inside one procedure and hand on a path")
        yield _row(line, fields, columns)


def _row(line: int, fields: list[str], columns: list[str]) -> Row:
    row: Row = {"_line": line}
    if len(fields) != len(columns):
        row["_reason"] = f"the line has {len(fields)} fields, the header has {len(columns)}"
    row |= dict(zip(columns, fields, strict=False))
    if len(fields) > len(columns):
        row["_extra"] = json.dumps(fields[len(columns) :], ensure_ascii=False)
    return row


def _all_keys(rows: list[Row]) -> list[str]:
    return list({key: None for row in rows for key in row})


def _text(rows: list[Row], columns: list[str]) -> str:
    if not columns:
        return ""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
