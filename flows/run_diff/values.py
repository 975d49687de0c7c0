"""Differences of JSON values as texts to be shown, cut to where they differ."""

import json
from typing import Any, NamedTuple

from flows.diff import Difference
from flows.diff.keys import common_start
from flows.engine.findings import Path, json_pointer

LONGEST_TEXT = 200
_BEFORE_THE_DIFFERENCE = 40


class Change(NamedTuple):
    """A difference, with JSON texts of what stands there in each run; None where nothing does.

    `how` is empty, or `moved` or `renamed` for a step of a definition.
    """

    path: Path
    old: str | None
    new: str | None
    how: str = ""

    @classmethod
    def of(cls, found: Difference) -> "Change":
        old = None if found.kind == "added" else _json(found.old)
        new = None if found.kind == "removed" else _json(found.new)
        how = found.kind if found.kind in ("moved", "renamed") else ""
        return cls(found.path, *_cut_alike(old, new), how)

    @property
    def place(self) -> str:
        """Return the JSON Pointer for people, long keys cut and nothing invisible; empty for the whole value."""
        return " ".join(filter(None, (json_pointer(self.path), self.how)))

    @property
    def pointer(self) -> str:
        """Return the exact JSON Pointer."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut_alike(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Cut two texts to a window in which they differ."""
    alike = common_start(old or "", new or "")
    start = alike - _BEFORE_THE_DIFFERENCE if alike > LONGEST_TEXT // 2 else 0
    return _cut(old, start), _cut(new, start)


def _cut(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    before, after = "…" if start else "", "…" if len(text) > start + LONGEST_TEXT else ""
    return before + text[start : start + LONGEST_TEXT] + after
