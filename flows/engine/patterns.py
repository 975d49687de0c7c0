"""Match the patterns of inputs in bounded time.

Python tries the ways in which a pattern can fit a text one after the other, and a short pattern can have more of them
than anybody can wait for: `(a+)+$`. So the ways are counted before a text is matched.
"""

import re
import warnings
from math import inf, log10

from flows.engine.text import quoted

MAX_PATTERN = 200
MAX_WAYS = 10_000_000
_SHORT_TEXT = 20

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\??|[)|]"
    r"|(?P<repeat>[*+?]|\{(?=[\d,])(?P<low>\d*)(?P<comma>,?)(?P<high>\d*)\})(?P<mode>[?+]?)|.",
    re.DOTALL,
)
# Inside of these a space, or what follows a #, is no part of the pattern: the count would take it for one.
_HIDDEN = re.compile(r"\(\?(?:#|[aiLmsu]*x)")


def pattern_problem(pattern: str) -> str:
    """Return why an input cannot have this pattern; empty where it can."""
    if len(pattern) > MAX_PATTERN:
        return f"{quoted(pattern)} has {len(pattern):,} characters; a pattern has at most {MAX_PATTERN}"
    try:
        # What Python means to change about patterns one day is no reason to refuse one.
        with warnings.catch_warnings(action="ignore"):
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"{quoted(pattern)} is no regular expression: {error}"
    if _HIDDEN.search(pattern):
        return f"{quoted(pattern)} has a comment, or the flag x; write the pattern without"
    if ways(pattern, _SHORT_TEXT) > MAX_WAYS:
        hint = 'write e.g. "(-[a-z]++)*" for "(-[a-z]+)*"'
        return f"{quoted(pattern)} can match in too many ways: it repeats what repeats, or repeats too often; {hint}"
    return ""


def mismatch(pattern: str, text: str) -> str:
    """Return why a text is refused by a pattern; empty where it matches. Matches anywhere, as JSON Schema does."""
    if ways(pattern, len(text)) > MAX_WAYS:
        return f"is too long ({len(text):,} characters) to be matched with the pattern {quoted(pattern)}"
    with warnings.catch_warnings(action="ignore"):
        found = re.search(pattern, text)
    return "" if found else f"does not match the pattern {quoted(pattern)}"


def ways(pattern: str, length: int) -> float:
    """Return in how many ways at most a text of that length is tried; `inf` where that grows beyond all bounds."""
    # Groups, their alternatives, and of each item in them the logarithm of its ways; None for a single character.
    groups: list[list[list[float | None]]] = [[[]]]
    for token in _TOKEN.finditer(pattern):
        alternatives = groups[-1]
        if token["repeat"]:
            alternatives[-1].append(_repeated(alternatives[-1].pop(), token, length))
        elif token[0][0] == "(":
            groups.append([[]])
        elif token[0] == ")":
            inside = _ways_of(groups.pop())
            groups[-1][-1].append(inside)
        elif token[0] == "|":
            alternatives.append([])
        else:
            alternatives[-1].append(None)
    is_anchored = pattern.startswith(("^", r"\A")) and len(groups[0]) == 1
    total = _ways_of(groups[0]) + (0 if is_anchored else log10(length + 1))
    return inf if total > 100 else 10**total


def _ways_of(alternatives: list[list[float | None]]) -> float:
    return max(sum(item or 0 for item in items) for items in alternatives) + log10(len(alternatives))


def _repeated(item: float | None, token: re.Match[str], length: int) -> float:
    inside = item or 0
    if token["mode"] == "+" and item is None:
        # Possessive: what it took it never gives back.
        return 0
    low, high = _bounds(token)
    if high is None:
        return inf if inside and token["mode"] != "+" else inside + log10(length + 1)
    # A group may be empty and takes its time all the same.
    rounds = high if item is not None else min(high - low, length) + 1
    return inside * high + log10(rounds) if high else 0


def _bounds(token: re.Match[str]) -> tuple[int, int | None]:
    if token["repeat"] in "*+?":
        return 0, 1 if token["repeat"] == "?" else None
    low = int(token["low"] or 0)
    if token["high"] or not token["comma"]:
        return low, int(token["high"] or low)
    return low, None
