"""The steps of a text, and the places at which a text can refer to one."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from flows.editing.edits import Edit
from flows.editing.tree import Kind, Node, find, parse_tree, value_of
from flows.engine.findings import Path
from flows.engine.references import BadReference, Reference, parse_text

LISTS = ("procedures", "on_failure")
WITH_REFERENCES = ("params", "inputs", "when", "foreach")
_CHARACTER = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)


class Place(NamedTuple):
    """One step of a text: its path, and its name, empty where it has none."""

    path: Path
    name: str
    node: Node


def steps(root: Node, text: str) -> Iterator[Place]:
    """Yield the steps in the order of the text of each list."""
    for key in LISTS:
        node = find(root, (key,))
        for index, item in enumerate(node.items if node else ()):
            yield Place((key, index), _name_of(value_of(item, text)), item)


def _name_of(step: Any) -> str:
    name = step.get("name") if isinstance(step, dict) else None
    return name if isinstance(name, str) else ""


class Extent(NamedTuple):
    """From where to where a step stands in a text, and its name, empty where it has none."""

    start: int
    end: int
    name: str


def extents(text: str) -> list[Extent]:
    """Return where the steps of a text stand, also while it is only half typed."""
    root = parse_tree(text)
    lists = [find(root, (key,)) for key in LISTS]
    return [
        Extent(start, end, _name_of(value))
        for found in lists
        if found is not None
        for start, end, value in found.item_values(text)
    ]


def step_at(root: Node, text: str, offset: int) -> Place | None:
    """Return the step that an offset is in or next to."""
    return next((one for one in steps(root, text) if one.node.start <= offset <= one.node.end), None)


def free_name(wanted: str, taken: set[str]) -> str:
    """Return the name, or the first with a higher number at its end that no step bears, whatever the case."""
    folded = {name.lower() for name in taken}
    if wanted.lower() not in folded:
        return wanted
    stem = wanted.rstrip("0123456789")
    number = int(wanted[len(stem) :] or 1) + 1
    while (name := f"{stem[: 64 - len(str(number))]}{number}").lower() in folded:
        number += 1
    return name


def renamed_references(root: Node, text: str, old: str, new: str) -> Iterator[Edit]:
    """Yield the edits that let every reference to a step name it by another name."""
    for node in _texts_with_references(root, text):
        raw = text[node.start : node.end]
        if _step_of(value_of(node, text)) == old:
            written = [match.end() for match in _CHARACTER.finditer(raw, 1)]
            # The quote, the @, and then the name, each character of which may be written as an escape.
            yield Edit(node.start + written[0], node.start + written[len(old)], json.dumps(new)[1:-1])


def _texts_with_references(root: Node, text: str) -> Iterator[Node]:
    for step in steps(root, text):
        for member in step.node.members:
            if member.name in WITH_REFERENCES:
                yield from _texts(member.value)
    outputs = find(root, ("outputs",))
    yield from _texts(outputs) if outputs else ()


def _texts(node: Node) -> Iterator[Node]:
    if node.kind is Kind.STRING:
        yield node
    for _, child in node.children():
        yield from _texts(child)


def _step_of(value: object) -> str:
    try:
        found = parse_text(value) if isinstance(value, str) else ""
    except BadReference:
        return ""
    return found.step if isinstance(found, Reference) else ""
