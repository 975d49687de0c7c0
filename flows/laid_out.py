"""Lay a document out for people, once for each text."""

from flows.engine import format_document
from flows.remembered import Remembered

_REMEMBERED = Remembered[str](most=32)


def laid_out_json(text: str) -> str:
    """Return the text of a document laid out; raises `InvalidFlow` where it is no JSON that a document can be."""
    return _REMEMBERED.of(text, format_document)
