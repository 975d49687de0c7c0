"""Write the lines that failed to a file of the same kind, each with its reason, from which they can be run again."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flows.each.lines import REASON, STDIN, BadFile, Line, is_csv
from flows.engine.text import quoted


class Failures:
    """The file of failed lines beside a file of lines: `rows.failed.jsonl` beside `rows.jsonl`.

    It grows under another name while lines fail, so that nothing is lost when the process dies, and takes its place at
    the end; where no line failed, there is none.
    """

    def __init__(self, lines: str, columns: Sequence[str]) -> None:
        source = Path("stdin.jsonl" if lines == STDIN else lines)
        self.path = source.with_name(f"{source.stem}.failed{source.suffix}")
        self.number = 0
        self._growing = self.path.with_name(f"{self.path.name}.part")
        self._columns = [name for name in columns if name != REASON]
        self._is_csv = is_csv(lines)

    def __enter__(self) -> Self:
        try:
            self._file = self._growing.open("w", encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise BadFile(f"the lines that fail cannot be written to {quoted(str(self.path))}: {error}") from error
        self._rows = csv.writer(self._file)
        if self._is_csv:
            self._rows.writerow([*self._columns, REASON])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        if self.number:
            self._growing.replace(self.path)
        else:
            self._growing.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    def add(self, line: Line, reason: str) -> None:
        self.number += 1
        if self._is_csv:
            self._rows.writerow([*self._fields(line), reason])
        else:
            self._file.write(json.dumps(_with_reason(line, reason), ensure_ascii=False) + "\n")
        self._file.flush()

    def _fields(self, line: Line) -> list[str]:
        if line.texts:
            return [line.texts.get(name, "") for name in self._columns]
        # What does not fit the header stands as it was, cut or filled to its width.
        return [*line.raw, *[""] * len(self._columns)][: len(self._columns)]


def _with_reason(line: Line, reason: str) -> dict[str, Any]:
    inputs = line.raw if isinstance(line.raw, dict) else {"_line": line.raw}
    return {**inputs, REASON: reason}
