"""How wide a text is about to be, where no font can be asked."""

from unicodedata import combining, east_asian_width

MONO = 0.605
_NARROW = frozenset("fijlrtI.,:;'|!()[]{}/\\-\" `")
_BROAD = frozenset("mwMW@%&")


def width_of(text: str, size: float) -> float:
    """Return the width of a text of proportional letters, in the unit of `size`; rather too wide than too narrow."""
    return sum(map(_share, text)) * size


def fitted(text: str, width: float, size: float, share: float = 0) -> str:
    """Return the text, cut with an ellipsis where it is wider; `share` is the width of a letter where all are alike."""
    room = width / size
    taken = 0.0
    for place, character in enumerate(text):
        taken += max(share, 1.0 if _is_wide(character) else share) if share else _share(character)
        # The last letter may take the room that the ellipsis would have needed.
        if taken > room:
            kept = text[: max(0, place - 1)]
            return f"{kept.rstrip()}…"
    return text


def wrapped(text: str, width: float, size: float, lines: int) -> list[str]:
    """Return the words of the text in at most so many lines; what is left ends the last one with an ellipsis."""
    done: list[str] = []
    words = text.split()
    while words and len(done) < lines - 1:
        taken = _words_of_a_line(words, width, size)
        done.append(fitted(" ".join(words[:taken]), width, size))
        words = words[taken:]
    return [*done, fitted(" ".join(words), width, size)] if words else done


def _words_of_a_line(words: list[str], width: float, size: float) -> int:
    """Return how many words fit into a line, at least one."""
    room = width
    for place, word in enumerate(words):
        room -= width_of(word if place == 0 else f" {word}", size)
        if room < 0:
            return max(1, place)
    return len(words)


def _share(character: str) -> float:
    if combining(character):
        return 0
    if _is_wide(character):
        return 1.02
    if character in _NARROW:
        return 0.36
    if character in _BROAD:
        return 0.95
    return 0.7 if character.isupper() else 0.56


def _is_wide(character: str) -> bool:
    return character > "\u1100" and east_asian_width(character) in "WF"
