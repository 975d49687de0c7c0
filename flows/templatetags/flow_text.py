r"""Template filters for text that somebody else wrote: what cannot be seen is shown as an escape such as ``\x1b``."""

from typing import Any

from django import template

from flows.engine.text import visible as visible_text
from flows.outcome import duration as duration_text

register = template.Library()


@register.filter
def visible(value: Any) -> str:
    """Return the text as one line in which nothing is invisible."""
    return visible_text(str(value))


@register.filter
def visible_lines(value: Any) -> str:
    """Return the text with its line breaks and tabs, and nothing else that is invisible."""
    lines = str(value).replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(visible_text, line.split("\t"))) for line in lines)


@register.filter
def duration(seconds: float) -> str:
    """Return a length of time for people."""
    return duration_text(seconds)
