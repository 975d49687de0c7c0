"""Show text that somebody else wrote: cut, quoted, and with nothing invisible in it."""

import difflib
import re
from collections.abc import Iterable

# C0 and C1 controls, DEL, line and paragraph separators, bidirectional marks, lone surrogates, the byte order mark.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_QUOTED_CHARACTERS = 80
_NAMES_SHOWN = 8
_LONGEST_GUESSED = 128


def visible(text: str) -> str:
    r"""Return the text with each control, bidirectional or broken character as an escape such as ``\x1b``."""
    return _INVISIBLE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def quoted(text: str) -> str:
    """Return the text in double quotes, cut to 80 characters, as one visible line."""
    if len(text) > _QUOTED_CHARACTERS:
        text = text[: _QUOTED_CHARACTERS - 1] + "…"
    return f'"{visible(text)}"'


def named(names: Iterable[str]) -> str:
    """Return a list of names for a message, the first eight of them, or "none"."""
    known = list(names)
    shown = ", ".join(visible(name[:_QUOTED_CHARACTERS]) for name in known[:_NAMES_SHOWN])
    if len(known) > _NAMES_SHOWN:
        shown += f", … ({len(known)} in all)"
    return shown or "none"


def counted(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant; None where none is near."""
    if len(name) > _LONGEST_GUESSED:
        return None
    by_lower = {known.lower(): known for known in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str], before: str = "", after: str = "") -> str:
    """Return `` Did you mean "x"?`` with a leading space, or nothing; the guess stands between `before` and `after`."""
    guess = nearest(name, names)
    return f" Did you mean {quoted(before + guess + after)}?" if guess else ""


def describe(error: BaseException) -> str:
    """Return class and text of an exception as one line of at most 1,000 characters, whatever its ``str()`` does."""
    try:
        text = str(error)
    except BaseException as second:  # noqa: BLE001  (an exception of somebody else's making)
        text = f"(its text cannot be shown: {type(second).__name__})"
    if isinstance(error, KeyError):
        text = f"missing key {text}"
    kind = type(error).__name__
    line = visible(f"{kind}: {text}" if text else kind)
    return line if len(line) <= 1000 else line[:999] + "…"
