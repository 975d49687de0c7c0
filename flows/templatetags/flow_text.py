r"""Template filters for text that somebody else wrote: what cannot be seen is shown as an escape such as ``\x1b``."""

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from flows.engine.text import visible as visible_text
from flows.models import local_text
from flows.outcome import duration as duration_text

register = template.Library()

_LONGEST_PIECE = 2_000
_LONGEST_VALUE = 300


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
def code(text: str) -> SafeString:
    """Return the text of a docstring, escaped, with what stands in backticks as code."""
    return mark_safe(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", conditional_escape(text)))  # noqa: S308


@register.filter
def duration(seconds: float) -> str:
    """Return a length of time for people."""
    return duration_text(seconds)


@register.filter
def piece(text: str) -> str:
    """Return a piece of a line, cut where it is very long, with its tabs and nothing else that is invisible."""
    return visible_lines(text if len(text) <= _LONGEST_PIECE else f"{text[:_LONGEST_PIECE]}…")


@register.filter
def value(item: Any) -> str:
    """Return a value of a document as JSON in one visible line, cut where it is long."""
    text = json.dumps(item, ensure_ascii=False)
    return visible_text(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…")


@register.filter
def local(moment: datetime | None) -> str:
    """Return a time in the zone of the site, to the second."""
    return local_text(moment)
