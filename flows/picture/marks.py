"""What a step or an input says of itself in a few words."""

import json
from typing import Any

from flows.engine.text import cut

MAX_ENTRIES = 50


def call_of(entry: dict[str, Any]) -> str:
    """Return what a step calls: `common.Kt.prt`, `flow nightly`; what is missing is a question mark."""
    if "flow" in entry:
        return f"flow {_text(entry['flow'])}"
    return f"{_text(entry.get('mod'))}.{_text(entry.get('method'))}" if entry else ""


def marks_of(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the options of a step that are no references, in the words of the document."""
    marks = []
    if "when" in entry and not _holds_reference(entry["when"]):
        marks.append("when")
    if "foreach" in entry and not _holds_reference(entry["foreach"]):
        marks.append(_foreach(entry["foreach"]))
    if entry.get("retry") is not None:
        marks.append(_retry(entry["retry"]))
    if entry.get("timeout") is not None:
        marks.append(f"timeout {_number(entry['timeout'])} s")
    if entry.get("continue_on_error"):
        marks.append("continue_on_error")
    return tuple(marks)


def entries_of(declared: Any) -> tuple[str, ...]:
    """Return a line for each declared input: `times: integer = 1`."""
    if not isinstance(declared, dict):
        return ()
    lines = [_entry(name, one if isinstance(one, dict) else {}) for name, one in list(declared.items())[:MAX_ENTRIES]]
    left = len(declared) - len(lines)
    return (*lines, f"and {left} more") if left else tuple(lines)


def _entry(name: str, declared: dict[str, Any]) -> str:
    default = f" = {cut(json.dumps(declared['default'], ensure_ascii=False))}" if "default" in declared else ""
    return f"{cut(name)}: {_text(declared.get('type'))}{default}"


def _holds_reference(value: Any) -> bool:
    """Return whether a condition or a list to repeat for is one reference, which is shown as such."""
    text = value.get("not") if isinstance(value, dict) else value
    return isinstance(text, str) and text.startswith("@")


def _foreach(value: Any) -> str:
    if not isinstance(value, list):
        return "foreach"
    return "foreach 1 entry" if len(value) == 1 else f"foreach {len(value)} entries"


def _retry(value: Any) -> str:
    attempts = value.get("max_attempts") if isinstance(value, dict) else None
    return f"retry {_number(attempts)}" if attempts is not None else "retry"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "?"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "?"
