"""Read the lines of a file, each the inputs of one run: JSON objects, or the rows of a CSV file with a header."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from flows.engine import FlowError
from flows.engine.text import named, quoted

REASON = "_error"
"""The key or column in which a file of failed lines says why; it is no input, so such a file can be read again."""

STDIN = "-"
_LONGEST_FIELD = 2**20


class BadFile(FlowError):
    """The file as a whole cannot be read as lines; nothing was begun."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, and the inputs as they stand there: texts in CSV, values in JSON.

    `raw` is what stands there, in a form that can be written to a file of the same kind. `problem` says why it holds no
    inputs at all.
    """

    number: int
    texts: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    raw: Any = None
    problem: str = ""


def is_csv(path: str) -> bool:
    return path.lower().endswith(".csv")


def read_lines(path: str, inputs: Collection[str]) -> Iterator[Line]:
    """Yield the lines of a file that are not blank; raises `BadFile`.

    A name that ends in .csv is read as CSV, any other, and `-` for stdin, as JSON lines. `inputs` are the names that
    the flow declares.
    """
    with _opened(path) as file:
        yield from _csv_lines(path, file, inputs) if is_csv(path) else _json_lines(file)


def columns_of(path: str, inputs: Collection[str]) -> list[str]:
    """Return the header of a CSV file; raises `BadFile`."""
    with _opened(path) as file:
        return _header(path, csv.reader(file, strict=True), inputs)


def count_lines(path: str, inputs: Collection[str]) -> int:
    """Return how many lines a file has; raises `BadFile`."""
    return sum(1 for _ in read_lines(path, inputs))


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    try:
        if path == STDIN:
            yield sys.stdin
            return
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (OSError, UnicodeError) as error:
        raise BadFile(f"--each {quoted(path)} cannot be read: {error}") from error


def _json_lines(file: TextIO) -> Iterator[Line]:
    for number, text in enumerate(file, 1):
        if text.strip():
            yield _json_line(number, text.strip())


def _json_line(number: int, text: str) -> Line:
    try:
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return Line(number, raw=text, problem=f"it is not JSON: {error}")
    if not isinstance(value, dict):
        return Line(number, raw=value, problem="it is no JSON object with the inputs of a run")
    value.pop(REASON, None)
    return Line(number, values=value, raw=value)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if twice:
        raise ValueError(f"the key {quoted(twice[0])} stands there twice")
    return dict(pairs)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _csv_lines(path: str, file: TextIO, inputs: Collection[str]) -> Iterator[Line]:
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(file, strict=True)
    columns = _header(path, reader, inputs)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Line(number, raw=[], problem=f"it is no row of CSV: {error}")
            continue
        if any(row):
            yield _csv_line(number, columns, row)


def _csv_line(number: int, columns: list[str], row: list[str]) -> Line:
    if len(row) != len(columns):
        return Line(number, raw=row, problem=f"it has {len(row)} fields, and the header has {len(columns)}")
    texts = {name: text for name, text in zip(columns, row, strict=True) if name != REASON}
    return Line(number, texts=texts, raw=row)


def _header(path: str, reader: Any, inputs: Collection[str]) -> list[str]:
    try:
        columns: list[str] = next(reader, [])
    except csv.Error as error:
        raise BadFile(f"--each {quoted(path)}: its first line is no row of CSV: {error}") from error
    if not columns:
        raise BadFile(f"--each {quoted(path)} is empty; its first line must name the inputs (inputs: {named(inputs)})")
    twice = [name for name, times in Counter(columns).items() if times > 1]
    if twice:
        raise BadFile(f"--each {quoted(path)}: its first line names {quoted(twice[0])} twice")
    unknown = [name for name in columns if name not in inputs and name != REASON]
    if unknown:
        raise BadFile(
            f"--each {quoted(path)}: its first line names {quoted(unknown[0])}, which is no input of the flow "
            f"(inputs: {named(inputs)})"
        )
    return columns
