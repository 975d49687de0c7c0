"""Write new JSON into a text as its neighbours are laid out."""

import json
import re
from typing import Any

from flows.editing.edits import Edit
from flows.editing.tree import Node

_INDENT = re.compile(r"\n([ \t]+)\S")
_WIDEST_GAP = 200


def add_item(text: str, array: Node, after: int, value: Any) -> Edit:
    """Return the edit that adds a value to an array after the item of that index, or as the first of none."""
    if not array.items:
        return _fill(text, array, "", value)
    neighbour = array.items[after]
    gap = gap_before(text, neighbour.start)
    on_lines = "\n" in text[neighbour.start : neighbour.end]
    new = _written(value, text, _indent_of(gap)) if on_lines else json.dumps(value, ensure_ascii=False)
    return Edit(neighbour.end, neighbour.end, "," + gap + new)


def add_member(text: str, owner: Node, key: str, value: Any) -> Edit:
    """Return the edit that adds a key to an object, as the last."""
    label = json.dumps(key, ensure_ascii=False) + ": "
    if not owner.members:
        return _fill(text, owner, label, value)
    last = owner.members[-1]
    gap = gap_before(text, last.key.start)
    new = _written(value, text, _indent_of(gap)) if "\n" in gap else json.dumps(value, ensure_ascii=False)
    return Edit(last.value.end, last.value.end, "," + gap + label + new)


def gap_before(text: str, start: int) -> str:
    """Return the white space before a place, or one space where the place is on the line of what is before it."""
    before = text[max(0, start - _WIDEST_GAP) : start]
    gap = before[len(before.rstrip()) :]
    return gap if "\n" in gap else " "


def _fill(text: str, empty: Node, label: str, value: Any) -> Edit:
    """Return the edit that puts the first entry between two brackets."""
    if "\n" not in text.strip():
        return Edit(empty.start + 1, empty.end - 1, label + json.dumps(value, ensure_ascii=False))
    line = text[text.rfind("\n", 0, empty.start) + 1 : empty.start]
    outer = line[: len(line) - len(line.lstrip())]
    inner = outer + _unit(text)
    return Edit(empty.start + 1, empty.end - 1, f"\n{inner}{label}{_written(value, text, inner)}\n{outer}")


def _written(value: Any, text: str, indent: str) -> str:
    """Return a value as JSON on as many lines as it needs."""
    return json.dumps(value, indent=_unit(text), ensure_ascii=False).replace("\n", "\n" + indent)


def _indent_of(gap: str) -> str:
    return gap.rpartition("\n")[2]


def _unit(text: str) -> str:
    """Return by how much the text indents: as its first indented line is."""
    match = _INDENT.search(text)
    return match[1] if match else "  "
