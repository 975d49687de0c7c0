"""Read where a log row comes from: the `[flow=hello run=12 step=step1] ` before its message."""

import re
from typing import NamedTuple

from flows.log_context import prefix

# As flows.log_context writes them; without choices to go back to, so that no text takes long to refuse.
_VALUE = r'("[^"\\]*(\\.[^"\\]*)*"|[^\]\[ "=\\]+)'
_PLACE = re.compile(
    rf"\[flow=(?P<flow>{_VALUE})(?: run=(?P<run>{_VALUE}))?(?: step=(?P<step>{_VALUE}))?\] ?", re.DOTALL
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))", re.DOTALL)
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}
_SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")

# As much of a message as can hold a place.
LONGEST = 4000


class Place(NamedTuple):
    """The flow, run and step that a row names; empty where it names none."""

    flow: str = ""
    run: str = ""
    step: str = ""


def split_place(message: str) -> tuple[Place, str]:
    """Return the place that a message begins with, and the rest of it."""
    match = _PLACE.match(message)
    if not match:
        return Place(), message
    return Place(*(_decoded(match[name] or "") for name in Place._fields)), message[match.end() :]


def _decoded(value: str) -> str:
    return _ESCAPE.sub(_character, value[1:-1]) if value.startswith('"') else value


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _SHORT.get(match[3], match[3])


def beginning_of(place: Place) -> str:
    """Return what the messages of a place certainly begin with."""
    return "[flow=" + _written("flow", place.flow)


def pattern_of(place: Place) -> str:
    """Return the regular expression that the messages of a place match; plain enough for PCRE, ICU and Python."""
    parts = [_part(name, value) for name, value in zip(Place._fields[1:], place[1:], strict=True)]
    flow = _escaped(_written("flow", place.flow)) if place.flow else _VALUE
    return rf"^\[flow={flow}{''.join(parts)}\]"


def _part(name: str, value: str) -> str:
    return f" {name}={_escaped(_written(name, value))}" if value else f"( {name}={_VALUE})?"


def _written(name: str, value: str) -> str:
    """Return a value as it stands behind `name=`."""
    if not value:
        return ""
    if name == "flow":
        return prefix(value, None, None).removeprefix("[flow=").removesuffix("] ")
    return prefix("-", value, None).removeprefix("[flow=- run=").removesuffix("] ")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
