"""Results as plain values: what can be stored, and copies of it."""

import copy
import json
import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from flows.engine.document import MAX_BYTES, MAX_DEPTH, MAX_INTEGER, MIN_INTEGER
from flows.engine.errors import InvalidResult
from flows.engine.findings import Path, json_pointer
from flows.engine.text import an, visible

ATOMS = frozenset({str, int, float, bool, type(None)})

_SHORT_KEY = 100
_SHORT_TEXT = 1000
_FEW_KEYS = 32
_MOST_LOOKED_AT = 2 * MAX_BYTES


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
        # Nothing in it can be changed from outside.
        return result.copy()
    if not isinstance(result, dict):
        raise InvalidResult(f"it returned {_kind(result)} instead of a dict")
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
    # The result of most steps, decided without a call per value.
    if len(result) > _FEW_KEYS:
        return False
    for key, value in result.items():
        if type(key) is not str or len(key) > _SHORT_KEY or not key.isascii():
            return False
        kind = type(value)
        if kind is str:
            if len(value) > _SHORT_TEXT or not value.isascii():
                return False
        elif kind is int:
            if not -(2**63) <= value < 2**63:
                return False
        elif kind is float:
            if value - value != 0:
                return False
        elif kind is not bool and value is not None:
            return False
    return True


def unstorable(value: Any) -> NotStorable | None:
    """Return the first thing that JSON cannot hold, in the order of the value."""
    try:
        problem = _Look().problem_of(value, 0)
    except _TooLarge:
        return NotStorable("", f"is {an(type(value).__name__)} of more than 2 MiB; more than 1 MiB is not recorded")
    return None if problem is None else NotStorable(json_pointer(problem[0]), problem[1])


class _TooLarge(Exception):
    """The value has more parts than a text of the largest size could hold."""


class _Look:
    """One look at all of a value, up to a bounded number of parts: one list in many places has many ways to it."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MOST_LOOKED_AT

    def problem_of(self, value: Any, depth: int) -> tuple[Path, str] | None:
        """Return the place of a problem, and what it is."""
        if isinstance(value, str):
            self._count(len(value))
            return None if _is_text(value) else _problem(value, "holds half of a character (a lone surrogate)")
        if value is None or isinstance(value, bool):
            return None
        if isinstance(value, int):
            return None if MIN_INTEGER <= value <= MAX_INTEGER else _problem(value, "has more than 64 bits")
        if isinstance(value, float):
            return None if value - value == 0 else _problem(value, f"is {value}, which JSON does not have")
        if not isinstance(value, dict | list | tuple):
            return _problem(value, "is no JSON value")
        if depth >= MAX_DEPTH:
            return _problem(value, f"is nested deeper than {MAX_DEPTH} levels")
        self._count(len(value) + 1)
        if isinstance(value, dict):
            return self._problem_of_keys(value, depth) or self._problem_inside(value.items(), depth)
        return self._problem_inside(enumerate(value), depth)

    def _count(self, parts: int) -> None:
        self.left -= parts
        if self.left < 0:
            raise _TooLarge

    def _problem_of_keys(self, value: dict[Any, Any], depth: int) -> tuple[Path, str] | None:
        for key in value:
            if type(key) is str and len(key) <= _SHORT_KEY and key.isascii():
                continue
            if not isinstance(key, str):
                kind = an(type(key).__name__)
                return _problem(value, f"has the key {_shown(key)}, {kind}; JSON has text keys only")
            problem = self.problem_of(key, depth)
            if problem:
                return problem
        return None

    def _problem_inside(self, items: Iterable[tuple[Any, Any]], depth: int) -> tuple[Path, str] | None:
        characters = 0
        for key, item in items:
            kind = type(item)
            # Most values are decided without a call.
            if kind is bool or item is None or (kind is int and -(2**63) <= item < 2**63):
                continue
            if kind is str and len(item) <= _SHORT_TEXT and item.isascii():
                characters += len(item)
                continue
            problem = self.problem_of(item, depth + 1)
            if problem:
                return (key, *problem[0]), problem[1]
        self._count(characters)
        return None


def _problem(value: Any, reason: str) -> tuple[Path, str]:
    return (), f"({type(value).__name__}) {reason}"


def _shown(key: Any) -> str:
    try:
        return visible(reprlib.repr(key)[:40])
    except Exception:  # noqa: BLE001  (the __repr__ of somebody else's class, or more digits than Python shows)
        return f"({type(key).__name__})"


def _is_text(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: Any) -> str:
    return "nothing (None)" if value is None else an(type(value).__name__)


def copy_value(value: Any) -> Any:
    """Return a copy of a value and of the containers of Python in it; anything else in it is shared.

    What was recorded holds nothing else that could be changed. What is not storable (a data frame, say) is handed on
    in memory, and may be nested in itself: below 20 levels it is shared too.
    """
    return value if type(value) in ATOMS else _copy(value, MAX_DEPTH, {})


def _copy(value: Any, depth: int, copies: dict[int, Any]) -> Any:
    # Only what holds other containers is looked up among the copies: that is enough for what is in many places to be
    # copied once, and costs nothing where most containers are, at the leaves.
    kind = type(value)
    if depth == 0 or id(value) in copies:
        return copies.get(id(value), value)
    if kind is dict:
        twin: Any = value.copy()
        for key, item in value.items():
            if type(item) not in ATOMS:
                copies[id(value)] = twin
                twin[key] = _copy(item, depth - 1, copies)
        return twin
    if kind is list:
        twin = value.copy()
        if not ATOMS.issuperset(map(type, value)):
            copies[id(value)] = twin
            twin[:] = [item if type(item) in ATOMS else _copy(item, depth - 1, copies) for item in value]
        return twin
    return _copy_of_derived(value, depth, copies)


def _copy_of_derived(value: Any, depth: int, copies: dict[int, Any]) -> Any:
    """Copy what is derived from a container, with its class: an ordered dict, a named tuple."""
    if isinstance(value, tuple):
        copies[id(value)] = tuple.__new__(type(value), [_copy(item, depth - 1, copies) for item in value])
        return copies[id(value)]
    if not isinstance(value, dict | list | set | bytearray):
        return value
    twin: Any = copy.copy(value)
    copies[id(value)] = twin
    if isinstance(value, dict):
        for key, item in dict.items(value):
            dict.__setitem__(twin, key, _copy(item, depth - 1, copies))
    elif isinstance(value, list):
        list.__setitem__(twin, slice(None), [_copy(item, depth - 1, copies) for item in value])
    return twin
