"""What a picture of a flow shows, read from a document that may be wrong."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from flows.engine.checker import MAX_STEPS
from flows.engine.document import load_document
from flows.engine.findings import Finding, Path, json_pointer
from flows.engine.references import Place, references_written_in
from flows.engine.scope import ERROR, INDEX, INPUT, ITEM, RUNTIME
from flows.engine.text import counted
from flows.engine.values import ATOMS
from flows.picture.marks import call_of, entries_of, marks_of

Kind = Literal["document", "inputs", "step", "outputs", "failure", "handler"]

MAX_OUTPUTS = 50
# The engine hands these over itself; no box of the picture is their source.
_FROM_NOWHERE = frozenset({RUNTIME, ITEM, INDEX})


class Read(NamedTuple):
    """What a node reads from one source.

    `keys` are the parts after the name, "" for the whole result. `role` is `when`, `when not`, `foreach`, the name of
    an output, or "" for a parameter. `node` is the place of the source among the nodes, None where none is drawn.
    """

    source: str
    keys: tuple[str, ...]
    role: str
    node: int | None
    is_wrong: bool


class Node(NamedTuple):
    """One box: a step, or what stands around the steps.

    `read_by` are the places of the nodes that read from it; `is_unread` says that it is a step whose result nobody
    reads and that others follow.
    """

    kind: Kind
    pointer: str
    name: str
    number: int | None = None
    call: str = ""
    description: str = ""
    marks: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    reads: tuple[Read, ...] = ()
    read_by: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()
    hints: tuple[Finding, ...] = ()
    is_unread: bool = False

    @property
    def is_repeated(self) -> bool:
        return _has_role(self, "foreach") or any(mark.startswith("foreach") for mark in self.marks)

    @property
    def is_conditional(self) -> bool:
        return _has_role(self, "when") or "when" in self.marks

    @property
    def is_flow(self) -> bool:
        return self.call.startswith("flow ")


@dataclass(frozen=True, slots=True)
class Picture:
    """The boxes from top to bottom; where there are none, `message` says why.

    `drawn` are the places of those that are drawn; None for all.
    """

    nodes: tuple[Node, ...]
    message: str = ""
    left_out: int = 0
    drawn: range | None = None

    @property
    def places(self) -> range:
        return range(len(self.nodes)) if self.drawn is None else self.drawn

    @property
    def steps(self) -> int:
        return sum(node.kind == "step" for node in self.nodes)

    @property
    def findings(self) -> int:
        return sum(len(node.findings) for node in self.nodes)

    @property
    def summary(self) -> str:
        """Return one sentence for people: how many steps, and how many findings."""
        steps = counted(self.steps + self.left_out, "step")
        return f"{steps}, {counted(self.findings, 'finding') if self.findings else 'no findings'}"


def picture_of(text: str, findings: Sequence[Finding] = (), hints: Sequence[Finding] = ()) -> Picture:
    """Read a document as far as it can be read; never raises for what the text holds.

    `findings` and `hints` are those of the checker's report on the same text.
    """
    loaded = load_document(text)
    if not isinstance(loaded.value, dict):
        told = [*findings, *loaded.findings.as_tuple()]
        return Picture((), str(told[0]) if told else "the document is no object")
    return _Reading(loaded.value, findings, hints).picture()


class _Reading:
    """One pass over one document, from top to bottom."""

    def __init__(self, document: dict[str, Any], findings: Sequence[Finding], hints: Sequence[Finding]) -> None:
        self.document = document
        self.wrong = {finding.pointer for finding in findings}
        self.findings, self.hints = _by_box(findings), _by_box(hints)
        self.nodes: list[Node] = []
        self.known: dict[str, int] = {}
        self.left_out = 0

    def picture(self) -> Picture:
        self._document()
        self._inputs()
        inputs = dict(self.known)
        self._steps("procedures", "step")
        self._outputs()
        self.known = inputs
        self._failure()
        return Picture(tuple(_with_readers(self.nodes)), "", self.left_out)

    # --- the boxes around the steps ----------------------------------------------------------------------------------

    def _document(self) -> None:
        description = self.document.get("description")
        marks = marks_of({"timeout": self.document.get("timeout")})
        if description or marks or "" in self.findings:
            self._add(Node("document", "", "Flow", description=_text(description), marks=marks))

    def _inputs(self) -> None:
        declared = self.document.get("inputs")
        if declared or "/inputs" in self.findings:
            self.known[INPUT] = len(self.nodes)
            self._add(Node("inputs", "/inputs", "Inputs", entries=entries_of(declared)))

    def _outputs(self) -> None:
        outputs = self.document.get("outputs")
        if not outputs and "/outputs" not in self.findings:
            return
        named = outputs if isinstance(outputs, dict) else {}
        found = [self._reads(value, ("outputs", name), name) for name, value in named.items()]
        plain = tuple(name for name, reads in zip(named, found, strict=True) if not reads)
        reads = tuple(read for group in found[:MAX_OUTPUTS] for read in group)
        self._add(Node("outputs", "/outputs", "Outputs", entries=plain[:MAX_OUTPUTS], reads=reads))

    def _failure(self) -> None:
        if self.document.get("on_failure"):
            self.known[ERROR] = len(self.nodes)
            self._add(Node("failure", "/on_failure", "After a failure"))
            self._steps("on_failure", "handler")

    # --- the steps ---------------------------------------------------------------------------------------------------

    def _steps(self, key: str, kind: Kind) -> None:
        entries = self.document.get(key)
        if not isinstance(entries, list):
            return
        self.left_out += max(0, len(entries) - MAX_STEPS)
        for index, entry in enumerate(entries[:MAX_STEPS]):
            self._step(entry if isinstance(entry, dict) else {}, (key, index), kind)

    def _step(self, entry: dict[str, Any], path: Path, kind: Kind) -> None:
        name = entry.get("name")
        node = Node(
            kind,
            f"/{path[0]}/{path[1]}",
            _text(name),
            int(path[1]) + 1,
            call_of(entry),
            _text(entry.get("description")),
            marks_of(entry),
            reads=self._reads_of_step(entry, path),
        )
        self._add(node)
        if isinstance(name, str):
            # Of two steps of one name the first is meant; the second has a finding.
            self.known.setdefault(name, len(self.nodes) - 1)

    def _reads_of_step(self, entry: dict[str, Any], path: Path) -> tuple[Read, ...]:
        when = entry.get("when")
        role = "when not" if isinstance(when, dict) else "when"
        params = "inputs" if "flow" in entry else "params"
        return (
            *self._reads(when, (*path, "when"), role),
            *self._reads(entry.get("foreach"), (*path, "foreach"), "foreach"),
            *self._reads(entry.get(params), (*path, params), ""),
        )

    def _reads(self, value: Any, path: Path, role: str) -> tuple[Read, ...]:
        """Return the references of a value, those of one source together."""
        if type(value) in ATOMS and not isinstance(value, str):
            return ()
        by_source: dict[str, list[Place]] = {}
        for place in references_written_in(value, path):
            by_source.setdefault(place[1].step, []).append(place)
        return tuple(self._read(source, places, role) for source, places in by_source.items())

    def _read(self, source: str, places: list[Place], role: str) -> Read:
        node = self.known.get(source)
        keys = tuple(dict.fromkeys(reference.rest or "" for _, reference in places))
        is_lost = node is None and source not in _FROM_NOWHERE
        is_wrong = bool(self.wrong) and any(json_pointer(path) in self.wrong for path, _ in places)
        return Read(source, keys, role, node, is_lost or is_wrong)

    def _add(self, node: Node) -> None:
        findings, hints = self.findings.get(node.pointer, ()), self.hints.get(node.pointer, ())
        told = findings or hints
        self.nodes.append(node._replace(findings=tuple(findings), hints=tuple(hints)) if told else node)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _by_box(findings: Iterable[Finding]) -> Mapping[str, list[Finding]]:
    """Return the findings by the pointer of the box at which they are shown."""
    boxes: dict[str, list[Finding]] = {}
    for finding in findings:
        boxes.setdefault(_box_of(finding.pointer), []).append(finding)
    return boxes


def _box_of(pointer: str) -> str:
    _, key, index, *_ = (*pointer.split("/"), "", "", "")
    if key in {"procedures", "on_failure"} and index.isdecimal() and int(index) < MAX_STEPS:
        return f"/{key}/{index}"
    return f"/{key}" if key in {"inputs", "outputs"} else ""


def _with_readers(nodes: list[Node]) -> Iterator[Node]:
    """Yield each node with those that read it; a step before the last that has none is marked."""
    readers = _readers(nodes)
    last = max((place for place, node in enumerate(nodes) if node.kind == "step"), default=0)
    for place, node in enumerate(nodes):
        if place in readers:
            yield node._replace(read_by=tuple(readers[place]))
        elif node.kind == "step" and place < last:
            # The checker's hint about it is what the grey says.
            yield node._replace(is_unread=True, hints=())
        else:
            yield node


def _readers(nodes: list[Node]) -> dict[int, dict[int, None]]:
    """Return by the place of each node the places of those that read it, in their order."""
    readers: dict[int, dict[int, None]] = {}
    for place, node in enumerate(nodes):
        for read in node.reads:
            if read.node is not None:
                readers.setdefault(read.node, {})[place] = None
    return readers


def _has_role(node: Node, role: str) -> bool:
    return any(read.role.startswith(role) for read in node.reads)
