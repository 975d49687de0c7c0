"""Write the lines that failed to a file of the same kind, each with its reason, from which they can be run again."""

import csv
import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from flows.each.lines import REASON, STDIN, BadFile, Line, is_csv
from flows.engine.text import quoted


class Failures:
    """The file of failed lines beside a file of lines: `rows.failed.jsonl` beside `rows.jsonl`.

    It grows under another name while lines fail, so that nothing is lost when the process dies; at the end it takes its
    place, in the order of the lines. Where no line failed, there is none. A file of that name that no call has written
    is not touched: `BadFile` is raised.
    """

    def __init__(self, lines: str, columns: Sequence[str]) -> None:
        source = Path("stdin.jsonl" if lines == STDIN else lines)
        self.path = source.with_name(f"{source.stem}.failed{source.suffix}")
        self._growing = self.path.with_name(f"{self.path.name}.part")
        self._columns = [name for name in columns if name != REASON]
        self._write = self._csv_text if is_csv(lines) else _json_text
        self._head = _csv_row([*self._columns, REASON]) if is_csv(lines) else ""
        self._texts: dict[int, str] = {}

    @property
    def number(self) -> int:
        return len(self._texts)

    def __enter__(self) -> Self:
        if self.path.exists() and not self._is_ours():
            raise BadFile(
                f"the lines that fail would be written to {quoted(str(self.path))}, and something else stands there; "
                "move it, or rename the file of lines"
            )
        try:
            self._file = self._opened()
        except OSError as error:
            raise BadFile(f"the lines that fail cannot be written to {quoted(str(self.path))}: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._texts:
            self._growing.unlink()
            self.path.unlink(missing_ok=True)
            return
        with self._opened() as file:
            file.writelines(self._texts[number] for number in sorted(self._texts))
        self._growing.replace(self.path)

    def add(self, line: Line, reason: str) -> None:
        text = self._texts[line.number] = self._write(line, reason)
        self._file.write(text)
        self._file.flush()

    def _is_ours(self) -> bool:
        """Return whether a call before this one wrote what stands there: each of its lines has a reason."""
        with self.path.open(encoding="utf-8", errors="replace") as file:
            first = file.readline()
        return f'"{REASON}": "' in first or first.rstrip().endswith(f",{REASON}")

    def _opened(self) -> TextIO:
        file = self._growing.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        file.write(self._head)
        return file

    def _csv_text(self, line: Line, reason: str) -> str:
        if line.texts:
            return _csv_row([*(line.texts.get(name, "") for name in self._columns), reason])
        # What does not fit the header stands as it was, cut or filled to its width.
        fields = [*line.raw, *[""] * len(self._columns)][: len(self._columns)]
        return _csv_row([*fields, reason])


def _csv_row(fields: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue()


def _json_text(line: Line, reason: str) -> str:
    inputs = line.raw if isinstance(line.raw, dict) else {"_line": line.raw}
    return json.dumps({**inputs, REASON: reason}, ensure_ascii=False) + "\n"
