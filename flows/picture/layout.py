"""Where each box, row and arrow of a picture stands."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flows.engine.text import counted, cut, named, visible
from flows.picture.lanes import MAX_LANES, Span, lanes_of
from flows.picture.measure import MONO, fitted, width_of, wrapped
from flows.picture.model import Node, Picture, Read

LEFT = 10
WIDTH = 304
RIGHT = LEFT + WIDTH
INDENT = 36
TEXT = LEFT + INDENT
ROOM = WIDTH - INDENT - 12
TOP = 10
GAP = 14
SECTION_GAP = 26
PADDING = 7
HEIGHTS = {"name": 22, "call": 18, "marks": 24, "read": 19, "entry": 18, "finding": 16, "note": 17}
NAME_SIZE, TEXT_SIZE = 14.0, 12.0
MAX_READS = 12
MAX_FINDINGS = 3
MAX_NOTE_LINES = 3
MAX_KEYS = 40
MAX_FULL = 1000
_LANES_BEGIN = 18
_LANE_GAPS = ((8, 14), (16, 10), (MAX_LANES, 8))
_STUB = 14


class Row(NamedTuple):
    """A line of text in a box. `middle` is its height; `lead` stands before the text, `full` is the uncut text."""

    kind: str
    middle: float
    text: str
    full: str = ""
    lead: str = ""
    reads: tuple[Read, ...] = ()

    @property
    def is_wrong(self) -> bool:
        return self.kind == "finding" or any(read.is_wrong for read in self.reads)


class Mark(NamedTuple):
    """A small plate with a word."""

    x: float
    width: float
    middle: float
    text: str


class Box(NamedTuple):
    """A node with its place."""

    node: Node
    place: int
    top: float
    height: float
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]

    @property
    def out(self) -> float:
        """Return the height at which arrows leave: that of the name."""
        return self.top + PADDING + HEIGHTS["name"] / 2


class Arrow(NamedTuple):
    """A line from a box to a row; without a lane it is a stub at the row."""

    source: int
    target: int
    begins: float
    ends: float
    x: float
    lane: int | None
    is_condition: bool
    is_wrong: bool


class Layout(NamedTuple):
    """All of a picture, in pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    footer: str


def lay_out(picture: Picture) -> Layout:
    """Return the places of everything: boxes in one column, arrows in lanes beside it."""
    boxes = _boxes(picture)
    spans = _spans(boxes)
    lanes = lanes_of(spans)
    used = max(lanes.values(), default=-1) + 1
    arrows = tuple(_arrows(boxes, lanes, _gap(used)))
    footer = _footer(picture, len(spans) - len(lanes))
    below = boxes[-1].top + boxes[-1].height if boxes else TOP
    stub = _STUB if any(arrow.lane is None for arrow in arrows) else 0
    width = RIGHT + (_LANES_BEGIN + max(used - 1, 0) * _gap(used) if used else 0) + LEFT + stub
    return Layout(width, below + TOP + (24 if footer else 0), tuple(boxes), arrows, footer)


def read_text(read: Read) -> str:
    """Return a read as it would be written: `@check.rows, .count`."""
    first, *others = read.keys[:MAX_KEYS]
    begin = f"@{read.source}.{first}" if first else f"@{read.source}"
    more = [f"… ({len(read.keys)} in all)"] if len(read.keys) > MAX_KEYS else []
    return ", ".join([begin, *(f".{key}" if key else f"@{read.source}" for key in others), *more])


def _footer(picture: Picture, stubs: int) -> str:
    told = []
    if picture.left_out:
        told.append(f"{counted(picture.left_out, 'step')} more not drawn.")
    if stubs:
        told.append(f"{counted(stubs, 'long arrow')} not drawn: the rows name the steps.")
    if picture.drawn is not None and picture.drawn != range(len(picture.nodes)):
        told.append("A short arrow comes from a step of another part.")
    return " ".join(told)


def _gap(lanes: int) -> int:
    return next(gap for most, gap in _LANE_GAPS if lanes <= most)


# --- boxes -----------------------------------------------------------------------------------------------------------


def _boxes(picture: Picture) -> list[Box]:
    boxes: list[Box] = []
    top = float(TOP)
    for place in picture.places:
        node = picture.nodes[place]
        if boxes:
            joins = boxes[-1].node.kind == node.kind and node.kind in {"step", "handler"}
            top += GAP if joins or boxes[-1].node.kind == "failure" else SECTION_GAP
        boxes.append(_box(node, place, top))
        top += boxes[-1].height
    return boxes


def _box(node: Node, place: int, top: float) -> Box:
    rows, marks, below = [], [], top + PADDING
    for row in _rows(node):
        middle = below + HEIGHTS[row.kind] / 2
        if row.kind == "marks":
            marks = _marks(node.marks, middle)
        else:
            rows.append(row._replace(middle=middle))
        below += HEIGHTS[row.kind]
    return Box(node, place, top, below + PADDING - top, tuple(rows), tuple(marks))


def _marks(texts: Sequence[str], middle: float) -> list[Mark]:
    marks: list[Mark] = []
    x = float(TEXT)
    for text in texts:
        width = width_of(text, 11) + 12
        marks.append(Mark(x, width, middle, text))
        x += width + 5
    return marks


def _rows(node: Node) -> Iterator[Row]:
    name = _line(node.name) or "(no name)"
    yield Row("name", 0, fitted(name, ROOM, NAME_SIZE), name)
    if node.call:
        call = _line(node.call)
        yield Row("call", 0, fitted(call, ROOM, TEXT_SIZE, MONO), call)
    if node.marks:
        yield Row("marks", 0, "")
    if node.description:
        yield from _wrapped("note", node.description, MAX_NOTE_LINES)
    for text in node.entries:
        yield Row("entry", 0, fitted(_line(text), ROOM, TEXT_SIZE, MONO), _line(text))
    yield from _reads(node.reads)
    if node.is_unread:
        yield Row("note", 0, "nobody reads its result")
    for hint in node.hints:
        yield from _wrapped("note", hint.message, MAX_NOTE_LINES)
    yield from _findings(node)


def _reads(reads: Sequence[Read]) -> Iterator[Row]:
    shown = reads if len(reads) <= MAX_READS else reads[: MAX_READS - 1]
    for read in shown:
        lead = cut(read.role)
        text = _line(read_text(read))
        room = ROOM - (width_of(lead, TEXT_SIZE) + 8 if lead else 0)
        yield Row("read", 0, fitted(text, room, TEXT_SIZE, MONO), f"{lead} {text}".strip(), lead, (read,))
    rest = tuple(reads[len(shown) :])
    if rest:
        names = named(f"@{read.source}" for read in rest)
        yield Row("read", 0, f"and from {counted(len(rest), 'more source')}", names, "", rest)


def _findings(node: Node) -> Iterator[Row]:
    for finding in node.findings[:MAX_FINDINGS]:
        first, *others = _wrapped("finding", finding.message, MAX_NOTE_LINES)
        yield first._replace(lead="✕")
        yield from others
    left = len(node.findings) - MAX_FINDINGS
    if left > 0:
        yield Row("finding", 0, f"and {counted(left, 'more finding')}")


def _line(text: str) -> str:
    """Return a text as one visible line; what nobody would read to its end is cut."""
    return visible(text if len(text) <= MAX_FULL else f"{text[:MAX_FULL]}…")


def _wrapped(kind: str, text: str, lines: int) -> Iterator[Row]:
    shown = _line(" ".join(text[:MAX_FULL].split()))
    for line in wrapped(shown, ROOM, TEXT_SIZE, lines) or [""]:
        yield Row(kind, 0, line, shown)


# --- arrows ----------------------------------------------------------------------------------------------------------


def _ends(boxes: Sequence[Box]) -> Iterator[tuple[int, Box, Row, Read]]:
    """Yield each source with the box and row at which an arrow from it ends, and what is read there."""
    for box in boxes:
        for row in box.rows:
            for read in row.reads:
                if read.node is not None:
                    yield read.node, box, row, read


def _spans(boxes: Sequence[Box]) -> dict[int, Span]:
    """Return from where to where the line beside the column goes, by source; one that is not drawn has none."""
    outs = {box.place: box.out for box in boxes}
    return {source: Span(outs[source], row.middle) for source, _, row, _ in _ends(boxes) if source in outs}


def _arrows(boxes: Sequence[Box], lanes: dict[int, int], gap: int) -> Iterator[Arrow]:
    outs = {box.place: box.out for box in boxes}
    seen: set[tuple[int, float]] = set()
    for source, box, row, read in _ends(boxes):
        lane = lanes.get(source)
        # Only one stub can be seen at a row.
        end = (-1 if lane is None else source, row.middle)
        if end not in seen:
            seen.add(end)
            x = RIGHT + (_STUB if lane is None else _LANES_BEGIN + lane * gap)
            is_condition = read.role.startswith("when") and box.node.kind != "outputs"
            begins = outs.get(source, row.middle)
            yield Arrow(source, box.place, begins, row.middle, x, lane, is_condition, read.is_wrong)
