"""Turn the text of a flow into JSON values, within limits, or say where it is not such a text."""

import json
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from flows.engine.errors import InvalidFlow
from flows.engine.findings import Findings, Path
from flows.engine.text import quoted

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1

_DOCUMENT_ORDER = ("$schema", "description", "timeout", "inputs", "procedures", "outputs", "on_failure")
_STEP_ORDER = ("name", "mod", "method", "params", "flow", "inputs")


class Loaded(NamedTuple):
    """The value of a text, and what is wrong with it; the value counts only where nothing is."""

    value: Any
    findings: Findings


def load_document(text: str | bytes) -> Loaded:
    """Parse a text of at most 1 MiB nested at most 20 deep; never raises for what the text holds."""
    findings = Findings()
    checked = _within_limits(text, findings)
    if checked is None:
        return Loaded(None, findings)
    flaws: list[_Flaw] = []
    try:
        value = _decoder(flaws).decode(checked)
    except json.JSONDecodeError as raised:
        error = _at_its_comma(raised)
        findings.add((), _syntax_message(checked, error), offset=error.pos)
        return Loaded(None, findings)
    # Only an escape can smuggle a broken or control character in; without one there is nothing to look for.
    if flaws or _SUSPECT.search(checked):
        for path, message in _flaws_in(value, ()):
            findings.add(path, message)
            if findings.full:
                break
    return Loaded(value, findings)


def format_document(text: str) -> str:
    """Return the document laid out for people: two spaces, known keys in their usual order, a newline at the end.

    Raises `InvalidFlow` for a text that is not JSON.
    """
    value, findings = load_document(text)
    if findings:
        raise InvalidFlow(findings.as_tuple())
    return json.dumps(_laid_out(value), indent=2, ensure_ascii=False) + "\n"


def _laid_out(document: Any) -> Any:
    ordered = _in_order(document, _DOCUMENT_ORDER)
    for key in ("procedures", "on_failure"):
        if isinstance(ordered, dict) and isinstance(ordered.get(key), list):
            ordered[key] = [_in_order(step, _STEP_ORDER) for step in ordered[key]]
    return ordered


def _in_order(value: Any, keys: tuple[str, ...]) -> Any:
    """Return an object with its known keys first; any other value as it is."""
    return {key: value[key] for key in keys if key in value} | value if isinstance(value, dict) else value


def _within_limits(text: str | bytes, findings: Findings) -> str | None:
    # A text has at least one byte a character, so a far too large one is refused before a copy is made.
    if len(text) > MAX_BYTES:
        findings.add((), _too_large(len(text), _unit(text)))
        return None
    try:
        data = text.encode() if isinstance(text, str) else text
        decoded = text if isinstance(text, str) else text.decode()
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        findings.add((), f"the document is not UTF-8: {error.reason} at {_unit(text)} {error.start}")
        return None
    if len(data) > MAX_BYTES:
        findings.add((), _too_large(len(data), "byte"))
        return None
    if decoded.startswith("\ufeff"):
        findings.add((), "the document begins with a byte order mark; save it as UTF-8 without one")
        return None
    if _depth(data) > MAX_DEPTH:
        findings.add((), f"the document is nested deeper than {MAX_DEPTH} levels{_place_of_depth(decoded)}")
        return None
    return decoded


def _unit(text: str | bytes) -> str:
    return "character" if isinstance(text, str) else "byte"


def _too_large(size: int, unit: str) -> str:
    hint = "split the flow, or keep data outside of it"
    return f"the document is larger than 1 MiB ({size:,} {unit}s); {hint}"


def _place_of_depth(text: str) -> str:
    depth = 0
    for bracket in _brackets(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, bracket.start()) + 1
            return f": line {line}, column {bracket.start() - text.rfind(chr(10), 0, bracket.start())}"
    return ""


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|(?P<bracket>[][{}])', re.DOTALL)


def _brackets(text: str) -> Iterator[re.Match[str]]:
    """Yield the brackets outside of strings: slow, and only for the text of an error."""
    return (match for match in _STRING_OR_BRACKET.finditer(text) if match["bracket"])


_NOT_STRUCTURE = bytes(byte for byte in range(256) if byte not in b'"[]{}')
_DELTA = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _depth(data: bytes) -> int:
    """Return how deep the brackets outside of strings are nested, without parsing.

    Escaped backslashes and quotes go first, then everything but quotes and brackets; two quotes side by side can go
    because that leaves what is inside and outside of strings as it was. Each step is one pass in C.
    """
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in bare:
        bare = b"".join(bare.split(b'"')[::2])
    return max(accumulate(map(_DELTA.__getitem__, bare)), default=0)


class _Flaw(str):
    """Stands in the parsed value where a number cannot be taken; the text says why."""

    __slots__ = ()


class _Repeated(dict[str, Any]):
    """An object whose text has one key twice."""

    repeated: str


def _decoder(flaws: list[_Flaw]) -> json.JSONDecoder:
    def flaw(message: str) -> _Flaw:
        flaws.append(_Flaw(message))
        return flaws[-1]

    def integer(digits: str) -> int | _Flaw:
        if len(digits) <= 20 and MIN_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
            return number
        return flaw(f"{_cut(digits)} does not fit into 64 bits; write it as a text")

    def real(digits: str) -> float | _Flaw:
        number = float(digits)
        return flaw(f"{_cut(digits)} is too large for a number") if number - number else number

    def constant(name: str) -> _Flaw:
        return flaw(f"{name} is not JSON; write null or a text")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(items)
        if len(value) == len(items):
            return value
        twice = _Repeated(value)
        seen: set[str] = set()
        twice.repeated = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        flaw(twice.repeated)
        return twice

    return json.JSONDecoder(object_pairs_hook=pairs, parse_int=integer, parse_float=real, parse_constant=constant)


def _cut(digits: str) -> str:
    return digits if len(digits) <= 24 else f"{digits[:20]}… ({len(digits)} digits)"


_SUSPECT = re.compile("[\\\\\x7f-\x9f]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _flaws_in(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, _Flaw):
        yield path, str(value)
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            yield path, "half of a character (a lone surrogate) cannot be stored; remove it"
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws_in(item, (*path, index))
    elif isinstance(value, dict):
        if isinstance(value, _Repeated):
            yield path, f"the key {quoted(value.repeated)} stands here more than once; keep one of them"
        for key, item in value.items():
            yield from _flaws_in_key(key, path)
            yield from _flaws_in(item, (*path, key))


def _flaws_in_key(key: str, path: Path) -> Iterator[tuple[Path, str]]:
    if _CONTROL.search(key):
        yield path, f"the key {quoted(key)} holds a control character; remove it"
    elif _SURROGATE.search(key):
        yield path, f"the key {quoted(key)} holds half of a character (a lone surrogate); remove it"


_JSON_MESSAGES = {
    "Expecting value": "a value is expected here",
    "Expecting property name enclosed in double quotes": "a key in double quotes is expected here",
    "Illegal trailing comma before end of object": "no comma may stand before the closing brace",
    "Illegal trailing comma before end of array": "no comma may stand before the closing bracket",
    "Expecting ':' delimiter": "a colon is expected here",
    "Expecting ',' delimiter": "a comma is expected here",
    "Unterminated string starting at": "this text has no closing quote",
    "Invalid control character at": (
        "a text may not hold a raw line break or control character; write it as \\n or \\u00.."
    ),
    "Invalid \\escape": "this is no escape of JSON; a backslash is written \\\\",
    "Invalid \\uXXXX escape": "\\u takes four hexadecimal digits",
    "Extra data": "the document ends before this; remove what follows",
}


_TRAILING_COMMAS = {
    ("Expecting property name enclosed in double quotes", "}"): "Illegal trailing comma before end of object",
    ("Expecting value", "]"): "Illegal trailing comma before end of array",
}


def _at_its_comma(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Return the error as Python 3.13 has it: older ones stumble over the bracket behind a comma too many."""
    before = error.doc[: error.pos].rstrip()
    message = _TRAILING_COMMAS.get((error.msg, error.doc[error.pos : error.pos + 1]))
    return json.JSONDecodeError(message, error.doc, len(before) - 1) if message and before.endswith(",") else error


def _syntax_message(text: str, error: json.JSONDecodeError) -> str:
    reason = _bracket_message(text, error.pos) or _JSON_MESSAGES.get(error.msg.removesuffix(": "), error.msg)
    start = max(error.pos - 20, text.rfind("\n", 0, error.pos) + 1)
    around = text[start : error.pos + 20].partition("\n")[0]
    near = f" (near {quoted(around)})" if around.strip() else ""
    return f"not JSON: line {error.lineno}, column {error.colno}: {reason}{near}"


def _bracket_message(text: str, place: int) -> str:
    """Return what is wrong where the text ends too early, or a bracket closes nothing; empty elsewhere."""
    at_end = not text[place:].strip()
    if not at_end and text[place] not in "]}":
        return ""
    opened: list[str] = []
    for bracket in _brackets(text[:place]):
        if bracket[0] in "[{":
            opened.append(bracket[0])
        elif opened:
            opened.pop()
    if at_end:
        return "the text ends here; a { or [ is not closed" if opened else ""
    closes = bool(opened) and opened[-1] + text[place] in ("[]", "{}")
    return "" if closes else "this closes nothing that is open here"
