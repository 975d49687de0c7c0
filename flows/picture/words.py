"""What a screen reader says of a picture and of each box in it."""

from collections.abc import Iterator, Sequence

from flows.engine.text import cut, named, visible
from flows.picture.model import Node, Picture, Read

_KEYS_SAID = 4
_ROLES = {"when": "Runs when", "when not": "Runs when not", "foreach": "Repeated for each of"}


def title_of(name: str) -> str:
    """Return the name of the picture."""
    return f"Picture of the flow {cut(name)}" if name else "Picture of the flow"


def description_of(picture: Picture) -> str:
    """Return how the picture is to be read."""
    if picture.message:
        return visible(picture.message)
    return (
        f"{picture.summary}. The steps stand in their order from top to bottom; "
        "arrows lead from a step to those that read its result."
    )


def label_of(node: Node, nodes: Sequence[Node]) -> str:
    """Return what a box shows, as sentences."""
    return " ".join(f"{sentence}." for sentence in _sentences(node, nodes))


def _sentences(node: Node, nodes: Sequence[Node]) -> Iterator[str]:
    yield _heading(node)
    if node.call:
        yield f"Calls {cut(node.call)}"
    if node.description:
        yield cut(node.description)
    yield from node.marks
    if node.entries:
        yield named(node.entries)
    conditions = [read for read in node.reads if read.role in _ROLES and node.kind != "outputs"]
    for read in conditions:
        yield f"{_ROLES[read.role]} {_read(read)}"
    values = [_read(read) for read in node.reads if read not in conditions]
    if values:
        yield f"Reads {named(values)}"
    if node.read_by:
        yield f"Read by {named(_heading(nodes[place]) for place in node.read_by)}"
    elif node.is_unread:
        yield "Nobody reads its result"
    for finding in node.findings[:3]:
        yield f"Wrong: {visible(finding.message).rstrip('.')}"
    for hint in node.hints:
        yield visible(hint.message)


def _heading(node: Node) -> str:
    kind = {"step": "Step", "handler": "Handler"}.get(node.kind)
    name = cut(node.name)
    return f"{kind} {node.number}, {name or 'without a name'}" if kind else name


def _read(read: Read) -> str:
    keys = [cut(key) if key else "everything" for key in read.keys[:_KEYS_SAID]]
    more = " and more" if len(read.keys) > _KEYS_SAID else ""
    return f"{' and '.join(keys)}{more} of {cut(read.source)}"
