"""Follow the parameters of a step back to where they come from, by the references in the document of its run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine import UnresolvedReference
from flows.engine.references import Place, Reference, look_up, references_written_in
from flows.run_pages.steps import outline, target_of

FURTHEST = 20
_VALUES_FROM = ("params", "inputs", "foreach", "when")


@dataclass(frozen=True, slots=True)
class Origin:
    """A parameter with its reference and value, or the step that a value comes from; `below` is what it comes from.

    `value` is JSON text, empty where it is not known. `step` is the name of a step, empty for a parameter.
    """

    label: str
    text: str
    value: str = ""
    note: str = ""
    step: str = ""
    below: "list[Origin]" = field(default_factory=list)


def has_references(step: Mapping[str, Any]) -> bool:
    """Return whether any parameter of a step comes from elsewhere."""
    return next(_references_of(step), None) is not None


def origins(document: Mapping[str, Any], name: str, scope: Mapping[str, Any]) -> Origin | None:
    """Return a step of a document with the way back of each of its parameters; None where there is no such step.

    `scope` holds what is recorded: the inputs under `_input`, results by the names of their steps. Each step is
    followed once.
    """
    steps = {entry.name: entry.step for entry in outline(document)}
    return _Way(steps, scope).step(name, 0) if name in steps else None


def steps_behind(document: Mapping[str, Any], name: str) -> set[str]:
    """Return the names of the steps that the way back of a step leads over."""
    found: set[str] = set()
    left = [origins(document, name, {})]
    while left:
        one = left.pop()
        if one:
            found.add(one.step)
            left.extend(one.below)
    return found


class _Way:
    """The way back from one step."""

    def __init__(self, steps: Mapping[str, Mapping[str, Any]], scope: Mapping[str, Any]) -> None:
        self._steps = steps
        self._scope = scope
        self._followed: set[str] = set()

    def step(self, name: str, far: int) -> Origin:
        step = self._steps[name]
        if name in self._followed:
            return Origin(name, target_of(step), note="as above", step=name)
        if far > FURTHEST:
            return Origin(name, target_of(step), note="and further back", step=name)
        self._followed.add(name)
        below = [self._parameter(step, path, reference, far) for path, reference in _references_of(step)]
        return Origin(
            name, target_of(step), note="" if below else "its parameters are constants", step=name, below=below
        )

    def _parameter(
        self, step: Mapping[str, Any], path: tuple[str | int, ...], reference: Reference, far: int
    ) -> Origin:
        label, text = ".".join(map(str, path)), str(reference)
        if reference.step in self._steps:
            return Origin(label, text, self._value(reference), below=[self.step(reference.step, far + 1)])
        if reference.step == "_item":
            entries = [place for place in _references_of(step) if place[0][:1] == ("foreach",)]
            below = [self._parameter(step, path, source, far) for path, source in entries]
            return Origin(label, text, note="an entry of foreach", below=below)
        note = {"_input": "an input of the run", "_index": "the number of the entry"}.get(
            reference.step, "the engine's"
        )
        return Origin(label, text, self._value(reference), note)

    def _value(self, reference: Reference) -> str:
        try:
            return json.dumps(look_up(reference, self._scope), ensure_ascii=False)
        except UnresolvedReference:
            return ""


def _references_of(step: Mapping[str, Any]) -> Iterator[Place]:
    """Yield each reference of a step with its place; of parameters the place begins with the parameter."""
    for key in _VALUES_FROM:
        yield from references_written_in(step.get(key), () if key in {"params", "inputs"} else (key,))
