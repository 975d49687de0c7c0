"""Show text that somebody else wrote: cut, quoted, and with nothing invisible in it."""

import difflib
import re
from collections.abc import Iterable
from itertools import islice

from flows.engine.errors import FlowError

_MAYBE_INVISIBLE = re.compile("[^ -~]")
_WIDE_SPACE = "\u3000"
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_SHOWN_CHARACTERS = 80
_NAMES_SHOWN = 8
_LONGEST_GUESSED = 128
_NAMES_COMPARED = 1000


def visible(text: str) -> str:
    r"""Return the text with each character that cannot be seen (`str.isprintable`) as an escape such as ``\x1b``.

    The wide space of Chinese and Japanese texts stays.
    """
    return text if text.isprintable() else _MAYBE_INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character.isprintable() or character == _WIDE_SPACE:
        return character
    code = ord(character)
    form = "\\x{:02x}" if code < 0x100 else "\\u{:04x}" if code < 0x10000 else "\\U{:08x}"
    return _SHORT.get(character) or form.format(code)


def cut(text: str) -> str:
    """Return the text as one visible line of at most 80 characters, not counting what escapes add."""
    return visible(text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…")


def quoted(text: str) -> str:
    """Return the text in double quotes, cut to 80 characters, as one visible line."""
    return f'"{cut(text)}"'


def named(names: Iterable[str]) -> str:
    """Return a list of names for a message, the first eight of them, or "none"."""
    known = list(names)
    shown = ", ".join(cut(name) for name in known[:_NAMES_SHOWN])
    if len(known) > _NAMES_SHOWN:
        shown += f", … ({len(known)} in all)"
    return shown or "none"


def counted(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def an(noun: str) -> str:
    """Return `a list`, `an object`."""
    return f"{'an' if noun[:1] in 'aeioAEIO' else 'a'} {noun}"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant, among the first thousand; None where none is near."""
    if len(name) > _LONGEST_GUESSED:
        return None
    by_lower = {known.lower(): known for known in islice(names, _NAMES_COMPARED)}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str], before: str = "", after: str = "") -> str:
    """Return `` Did you mean "x"?`` with a leading space, or nothing; the guess stands between `before` and `after`."""
    guess = nearest(name, names)
    return meant(before + guess + after) if guess else ""


def meant(guess: str | None) -> str:
    """Return a guess as `` Did you mean "x"?`` with a leading space, or nothing."""
    return f" Did you mean {quoted(guess)}?" if guess else ""


def describe(error: BaseException) -> str:
    """Return class and text of an exception as one line of at most 1,000 characters, whatever its ``str()`` does.

    The engine's own errors say all in their text.
    """
    try:
        text = str(error)
    except BaseException as second:  # noqa: BLE001  (an exception of somebody else's making)
        text = f"(its text cannot be shown: {type(second).__name__})"
    if isinstance(error, KeyError):
        text = f"missing key {text}"
    kind = type(error).__name__
    told = text if isinstance(error, FlowError) else f"{kind}: {text}"
    line = visible((told if text else kind)[:1001])
    return line if len(line) <= 1000 else line[:999] + "…"
