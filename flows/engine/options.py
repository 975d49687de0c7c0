"""Read the parts of a document that stand on their own: declared inputs, and how a step is retried."""

import re
from typing import Any

from flows.engine.definition import Retry
from flows.engine.findings import Path
from flows.engine.inputs import TYPES, Input
from flows.engine.patterns import MAX_WAYS, pattern_problem, ways
from flows.engine.reader import Reader
from flows.engine.references import NAME
from flows.engine.repairs import Repair
from flows.engine.text import meant, named, nearest, quoted
from flows.engine.types import kind_of

MAX_ATTEMPTS = 10
MAX_SECONDS = 7 * 24 * 3600.0
MAX_BACKOFF = 100.0
MAX_ENUM = 1000

_MAX_NAME = 64
_INPUT_KEYS = ("type", "default", "enum", "minimum", "maximum", "pattern", "description")
_RETRY_KEYS = ("max_attempts", "delay", "backoff", "max_delay", "on")
_CLASS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def read_retry(reader: Reader, value: dict[str, Any], path: Path) -> Retry | None:
    """Return what `retry` of a step says, or None where it is not given or wrong."""
    if "retry" not in value:
        return None
    place = (*path, "retry")
    if not isinstance(value["retry"], dict):
        reader.add(place, f'this is {kind_of(value["retry"])}; it must be an object such as {{"max_attempts": 3}}')
        return None
    retry = value["retry"]
    reader.unknown_keys(retry, _RETRY_KEYS, place)
    if "max_attempts" not in retry:
        reader.add(place, 'the key "max_attempts" is missing; it counts all executions, 1 to 10')
    return Retry(
        reader.whole(retry, "max_attempts", place, 1, MAX_ATTEMPTS) or 1,
        reader.number(retry, "delay", place, 0, MAX_SECONDS) or 0.0,
        reader.number(retry, "backoff", place, 1, MAX_BACKOFF) or 1.0,
        reader.number(retry, "max_delay", place, 0, MAX_SECONDS),
        _class_names(reader, retry, place),
    )


def _class_names(reader: Reader, retry: dict[str, Any], path: Path) -> tuple[str, ...]:
    names = reader.list(retry, "on", path)
    if retry.get("on") == []:
        reader.add((*path, "on"), "this is empty; name exception classes, or leave the key out for any Exception")
    for index, name in enumerate(names):
        if not isinstance(name, str) or not _CLASS_NAME.fullmatch(name):
            shown = quoted(name) if isinstance(name, str) else kind_of(name)
            reader.add((*path, "on", index), f'{shown} is no name of an exception class such as "ConnectionError"')
    return tuple(name for name in names if isinstance(name, str))


def read_declared_inputs(reader: Reader, document: dict[str, Any]) -> dict[str, Input]:
    """Return the inputs that a document declares; those that are wrong are reported and left out."""
    declared: dict[str, Input] = {}
    for name, value in reader.object(document, "inputs", ()).items():
        if reader.findings.full:
            break
        if name.startswith("_"):
            continue
        path: Path = ("inputs", name)
        if not NAME.fullmatch(name) or len(name) > _MAX_NAME:
            reader.add(path, f"{quoted(name)}: a name begins with a letter, holds only A-Z a-z 0-9 _ - and at most 64")
        elif not isinstance(value, dict):
            reader.add(path, f'this is {kind_of(value)}; an input is an object such as {{"type": "string"}}')
        else:
            declared[name] = _declared_input(reader, name, value, path)
    return declared


def _declared_input(reader: Reader, name: str, value: dict[str, Any], path: Path) -> Input:
    reader.unknown_keys(value, _INPUT_KEYS, path)
    kind = reader.required_text(value, "type", path)
    if kind is not None and kind not in TYPES:
        guess = nearest(kind, TYPES)
        message = f"{quoted(kind)} is no type of an input (types: {named(TYPES)}).{meant(guess)}"
        reader.add((*path, "type"), message, Repair.write(guess))
        kind = None
    one = Input(
        name,
        kind or "string",
        has_default="default" in value,
        default=value.get("default"),
        enum=_enum(reader, value, path),
        minimum=_bound(reader, value, "minimum", kind, path),
        maximum=_bound(reader, value, "maximum", kind, path),
        pattern=_pattern(reader, value, kind, path),
        description=reader.text(value, "description", path),
    )
    if kind is not None:
        _check_own_values(reader, one, value, path)
    return one


def _enum(reader: Reader, value: dict[str, Any], path: Path) -> tuple[Any, ...]:
    enum = reader.list(value, "enum", path)
    if len(enum) > MAX_ENUM:
        reader.add((*path, "enum"), f"{len(enum)} values; enum takes at most {MAX_ENUM}")
        return ()
    return tuple(enum)


def _bound(reader: Reader, value: dict[str, Any], key: str, kind: str | None, path: Path) -> float | None:
    if key in value and kind not in ("integer", "number", None):
        reader.add((*path, key), f"an input of type {kind} has no {key}; only integer and number have")
        return None
    bound = reader.number(value, key, path, -float("inf"), float("inf"))
    given = value.get(key)
    return given if bound is not None and isinstance(given, int) else bound


def _pattern(reader: Reader, value: dict[str, Any], kind: str | None, path: Path) -> str | None:
    if "pattern" not in value:
        return None
    if kind not in ("string", None):
        reader.add((*path, "pattern"), f"an input of type {kind} has no pattern; only string has")
        return None
    pattern = reader.text(value, "pattern", path)
    problem = pattern_problem(pattern)
    if problem:
        reader.add((*path, "pattern"), problem)
        return None
    return pattern


def _check_own_values(reader: Reader, one: Input, value: dict[str, Any], path: Path) -> None:
    if value.get("enum") == []:
        reader.add((*path, "enum"), "this is empty; no value could be given")
    if one.minimum is not None and one.maximum is not None and one.minimum > one.maximum:
        reader.add((*path, "minimum"), f"{one.minimum} is more than the maximum {one.maximum}")
    without_enum = Input(one.name, one.type, minimum=one.minimum, maximum=one.maximum, pattern=one.pattern)
    for index, allowed in enumerate(one.enum):
        if reader.findings.full:
            break
        check_value(reader, without_enum, allowed, (*path, "enum", index))
    if one.has_default:
        check_value(reader, one, one.default, (*path, "default"))


def check_value(reader: Reader, one: Input, value: Any, path: Path) -> None:
    """Report a constant that an input does not accept."""
    if one.pattern is not None and isinstance(value, str):
        reader.patience -= min(ways(one.pattern, len(value)), MAX_WAYS)
    too_long = "the patterns of the document take too long; shorten this, or leave the pattern out"
    problem = too_long if reader.patience < 0 else one.problem(value)
    if problem:
        reader.add(path, problem)
