"""Show the text of log rows: harmless first, then with its matches marked."""

import re
from collections.abc import Iterable, Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from flows.engine.text import visible
from flows.log_pages.places import Place, split_place
from flows.models import LEVELS, SysLog
from flows.templatetags.flow_text import visible_lines

LINE_LENGTH = 200


def level_class(level: str) -> str:
    """Return the style of a level; levels that only others know share one."""
    return level.lower() if level in LEVELS else "other"


def marked(text: str, sought: str) -> SafeString:
    """Return the text with its line breaks, nothing invisible in it, and each match of what was sought marked."""
    if not sought:
        return format_html("{}", visible_lines(text))
    # Cut before anything is escaped: a match may stand across what an escape looks like.
    parts = re.split(f"({re.escape(sought)})", text, flags=re.IGNORECASE)
    return format_html_join("", "{}{}", _with_marks(map(visible_lines, parts)))


def _with_marks(parts: Iterable[str]) -> Iterator[tuple[str, SafeString]]:
    pieces = list(parts)
    for text, match in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        yield text, format_html("<mark>{}</mark>", match) if match else mark_safe("")


def logger_name(row: SysLog) -> SafeString:
    # A narrow column breaks after a dot.
    return format_html_join(mark_safe(".<wbr>"), "{}", ((part,) for part in visible(row.logger_name).split(".")))


def place_and_line(row: SysLog, sought: str) -> tuple[Place, SafeString]:
    """Return where a row of a list comes from, and one line of its message: the first, or the one that was found."""
    place, head = split_place(row.head)  # type: ignore[attr-defined]
    line, *rest = head.strip().splitlines() or [""]
    shown = line[:LINE_LENGTH]
    if sought and sought.lower() not in shown.lower() and (found := _line_around(row, sought)):
        return place, format_html("{} … {} …", shown[:60], found)
    more = " …" if rest or len(line) > LINE_LENGTH else ""
    return place, format_html("{}{}", marked(shown, sought) if shown else "(empty)", more)


def _line_around(row: SysLog, sought: str) -> SafeString | None:
    around: str = getattr(row, "around", "")
    at = around.lower().find(sought.lower())
    if at < 0:
        return None
    begin = max(around.rfind("\n", 0, at) + 1, at - 60)
    end = at + len(sought)
    stop = around.find("\n", end)
    return marked(around[begin : stop if stop >= 0 else begin + LINE_LENGTH].strip(), sought)
