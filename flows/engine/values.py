"""Results as plain values: what can be stored, and copies of it."""

import json
from typing import Any, NamedTuple

from flows.engine.document import MAX_BYTES, MAX_DEPTH
from flows.engine.errors import InvalidResult
from flows.engine.findings import Path, json_pointer

ATOMS = frozenset({str, int, float, bool, type(None)})

_SHORT_TEXT = 1000
_FEW_KEYS = 32


class NotStorable(NamedTuple):
    """Why a result stays in memory only: the place in it, its type, and its size in bytes where that is the reason."""

    pointer: str
    reason: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the result'} {self.reason}"


class InMemory(NamedTuple):
    """A result that cannot be recorded: it is handed on as it is, for as long as the process lives."""

    value: dict[str, Any]
    reason: NotStorable


def keep(result: Any) -> dict[str, Any] | InMemory:
    """Return the result as later steps see it: as it would be read back after it was recorded as JSON.

    What is no JSON object of at most 1 MiB is kept as it is, in memory, with the reason. Raises `InvalidResult` for
    anything but a dict.
    """
    if type(result) is dict and _is_flat_and_small(result):
        return result.copy()
    if not isinstance(result, dict):
        raise InvalidResult(f"it returned {_article(result)} instead of a dict")
    problem = unstorable(result)
    if problem is None:
        text = json.dumps(result, ensure_ascii=False)
        size = len(text.encode())
        if size <= MAX_BYTES:
            kept: dict[str, Any] = json.loads(text)
            return kept
        problem = NotStorable("", f"is a dict of {size:,} bytes; more than 1 MiB is not recorded")
    return InMemory(copy_value(result), problem)


def _is_flat_and_small(result: dict[Any, Any]) -> bool:
    # The result of most steps, decided without a call per value: nothing in it can be changed from outside.
    if len(result) > _FEW_KEYS:
        return False
    for key, value in result.items():
        if type(key) is not str or not key.isascii():
            return False
        kind = type(value)
        if kind is str:
            if len(value) > _SHORT_TEXT or not value.isascii():
                return False
        elif kind is int:
            if value.bit_length() > 64:
                return False
        elif kind is float:
            if value - value != 0:
                return False
        elif kind is not bool and value is not None:
            return False
    return True


def unstorable(value: Any, path: Path = ()) -> NotStorable | None:
    """Return the first thing that JSON cannot hold, in the order of the value."""
    if isinstance(value, str):
        return None if _is_text(value) else _problem(path, value, "holds half of a character (a lone surrogate)")
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if value.bit_length() <= 64 else _problem(path, value, "has more than 64 bits")
    if isinstance(value, float):
        return None if value - value == 0 else _problem(path, value, f"is {value}, which JSON does not have")
    if not isinstance(value, dict | list | tuple):
        return _problem(path, value, "is no JSON value")
    if len(path) >= MAX_DEPTH:
        return _problem(path, value, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return _unstorable_items(value, path)
    for index, item in enumerate(value):
        if type(item) not in ATOMS or type(item) is not bool:
            problem = unstorable(item, (*path, index))
            if problem:
                return problem
    return None


def _unstorable_items(value: dict[Any, Any], path: Path) -> NotStorable | None:
    for key, item in value.items():
        if not isinstance(key, str):
            return _problem(path, value, f"has the key {key!r:.40}, a {type(key).__name__}; JSON has text keys only")
        problem = unstorable(key, path) or unstorable(item, (*path, key))
        if problem:
            return problem
    return None


def _problem(path: Path, value: Any, reason: str) -> NotStorable:
    return NotStorable(json_pointer(path), f"({type(value).__name__}) {reason}")


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _article(value: Any) -> str:
    return "nothing (None)" if value is None else f"a {type(value).__name__}"


def copy_value(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return a copy of the dicts and lists of a value; anything else in it is shared.

    What was recorded holds nothing else that could be changed. What is not storable (a data frame, say) is handed on
    in memory, and may be nested in itself: below 20 levels it is shared too.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if depth > 0:
        if kind is dict:
            return {key: item if type(item) in ATOMS else copy_value(item, depth - 1) for key, item in value.items()}
        if kind is list:
            return [item if type(item) in ATOMS else copy_value(item, depth - 1) for item in value]
    return value
