"""What differs between two JSON values, by key and exact about types: 1, 1.0, true and "1" are four values."""

import json
from collections.abc import Iterator
from itertools import zip_longest
from os.path import commonprefix
from typing import Any, NamedTuple

from flows.engine.findings import Path, json_pointer

LONGEST_TEXT = 200
_BEFORE_THE_DIFFERENCE = 40


class _Absent:
    """Stands for a value that one of two documents does not have; `None` is one that it may have."""


ABSENT = _Absent()


class Difference(NamedTuple):
    """A place where two documents differ, and what stands there in each."""

    path: Path
    old: Any
    new: Any


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield each place where two JSON values differ, as deep as both go, in the order of the old one."""
    if type(old) is not type(new):
        yield Difference(path, old, new)
    elif isinstance(old, dict):
        for key in old | new:
            yield from differences(old.get(key, ABSENT), new.get(key, ABSENT), (*path, key))
    elif isinstance(old, list):
        for number, (one, other) in enumerate(zip_longest(old, new, fillvalue=ABSENT)):
            yield from differences(one, other, (*path, number))
    # Not by ==: NaN is the same as NaN here, and 0.0 is not -0.0.
    elif repr(old) != repr(new):
        yield Difference(path, old, new)


class Change(NamedTuple):
    """A difference to be shown: JSON texts, cut to what is around the difference; None where there is no value."""

    path: Path
    old: str | None
    new: str | None

    @classmethod
    def of(cls, difference: Difference) -> "Change":
        old, new = (None if value is ABSENT else _json(value) for value in difference[1:])
        return cls(difference.path, *_cut_alike(old, new))

    @property
    def place(self) -> str:
        """Return the JSON Pointer for people, long keys cut and nothing invisible; empty for the whole value."""
        return json_pointer(self.path)

    @property
    def pointer(self) -> str:
        """Return the exact JSON Pointer."""
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in self.path)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _cut_alike(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Cut two texts to a window in which they differ."""
    alike = len(commonprefix([old or "", new or ""]))  # noqa: RUF071  (by character is what is meant)
    start = alike - _BEFORE_THE_DIFFERENCE if alike > LONGEST_TEXT // 2 else 0
    return _cut(old, start), _cut(new, start)


def _cut(text: str | None, start: int) -> str | None:
    if text is None:
        return None
    before, after = "…" if start else "", "…" if len(text) > start + LONGEST_TEXT else ""
    return before + text[start : start + LONGEST_TEXT] + after
