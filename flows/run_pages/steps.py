"""Arrange the recorded executions of a run by its steps: entries and sub-flows below the step that they belong to."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.models import ACTIVE, Run, Status, StepRun

RUNNING = "running"
IN_DOUBT = "in doubt"
BEGUN = "begun"
WAITING = "waiting"
NOT_REACHED = "not reached"
DEEPEST = 12


@dataclass(slots=True)
class StepNode:
    """A step, an entry of a `foreach`, or a step of a sub-flow, with its executions in the order in which they ended.

    `attempt` counts the execution that is in flight; 0 where none is.
    """

    path: str
    label: str
    procedure: str = ""
    status: str = ""
    handler: bool = False
    attempt: int = 0
    attempts: list[StepRun] = field(default_factory=list)
    below: "list[StepNode]" = field(default_factory=list)

    @property
    def last(self) -> StepRun | None:
        return self.attempts[-1] if self.attempts else None


def parent_of(path: str) -> str:
    """Return the path that an entry or a step of a sub-flow stands below; empty for a step of the flow itself.

    What is deeper than `DEEPEST` stands side by side: a page can be nested only so far.
    """
    parent = _above(path)
    while parent.count("/") + parent.count("[") >= DEEPEST:
        parent = _above(parent)
    return parent


def _above(path: str) -> str:
    return path.rpartition("[" if path.endswith("]") else "/")[0]


class Entry(NamedTuple):
    """A step as the document of a run has it; `handler` says that it stands under `on_failure`."""

    name: str
    step: Mapping[str, Any]
    handler: bool = False

    @property
    def may_have_more_below(self) -> bool:
        return "foreach" in self.step or "flow" in self.step


def outline(document: Mapping[str, Any]) -> list[Entry]:
    """Return the steps of a document in their order, its handlers last."""
    return [
        Entry(str(step.get("name", "")), step, key == "on_failure")
        for key in ("procedures", "on_failure")
        for step in steps_in(document, key)
    ]


def step_of(path: str) -> str:
    """Return the name of the step of the flow itself to which a path belongs."""
    return re.split(r"[/\[]", path, maxsplit=1)[0]


def arranged(run: Run, entries: Iterable[Entry], rows: Iterable[StepRun]) -> list[StepNode]:
    """Return these steps of a run in their order, with what is recorded of each."""
    tree = _Tree(entries)
    for row in rows:
        node = tree.node(row.path)
        node.attempts.append(row)
        node.status = row.status
        node.procedure = row.procedure or node.procedure
    if tree.holds(step_of(run.step)) and (run.status in ACTIVE or run.step_in_doubt):
        tree.put_in_flight(run.step, IN_DOUBT if run.step_in_doubt else RUNNING, run.step_attempt)
    unreached = WAITING if run.status in (*ACTIVE, Status.INTERRUPTED) else NOT_REACHED
    for node in tree.all():
        node.status = node.status or (BEGUN if node.below else unreached)
    return [node for node in tree.roots if not node.handler or node.attempts or node.attempt]


class _Tree:
    """Steps of a document, and what is found below them."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.roots: list[StepNode] = []
        self._known: dict[str, StepNode] = {}
        for entry in entries:
            node = self.node(entry.name)
            node.procedure = target_of(entry.step) if entry.step else ""
            node.handler = entry.handler

    def holds(self, path: str) -> bool:
        return path in self._known

    def node(self, path: str) -> StepNode:
        known = self._known.get(path)
        if known is None:
            parent = parent_of(path)
            siblings = self.node(parent).below if parent else self.roots
            label = path[len(parent) :].removeprefix("/") if parent else path
            known = self._known[path] = StepNode(path, label)
            siblings.append(known)
        return known

    def put_in_flight(self, path: str, status: str, attempt: int) -> None:
        node = self.node(path)
        node.status, node.attempt = status, attempt
        while path := parent_of(path):
            self.node(path).status = status

    def all(self) -> Iterator[StepNode]:
        return iter(self._known.values())


def steps_in(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the steps that a document lists under a key, whatever the document is."""
    steps = document.get(key)
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def target_of(step: Mapping[str, Any]) -> str:
    """Return what a step calls, as it is shown."""
    return f"flow {step['flow']}" if "flow" in step else f"{step.get('mod', '')}.{step.get('method', '')}"
