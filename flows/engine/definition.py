"""A flow document as a checked value, with the Python of each step bound to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.engine.errors import InvalidFlow
from flows.engine.findings import Finding
from flows.engine.inputs import Input
from flows.engine.procedures import Procedure
from flows.engine.proof import Verdict
from flows.engine.references import Reference
from flows.engine.types import ANYTHING, Type


@dataclass(frozen=True, slots=True)
class Condition:
    """`when`: a reference that must be exactly true, or, where `expected` is False, exactly false."""

    reference: Reference
    expected: bool

    def __str__(self) -> str:
        return str(self.reference) if self.expected else f"not {self.reference}"


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a step is executed, and how long it waits in between; times in seconds."""

    max_attempts: int
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float | None = None
    on: tuple[str, ...] = ()

    def wait_after(self, attempt: int) -> float:
        """Return the seconds between the end of an attempt (the first is 1) and the start of the next."""
        wait = self.delay * self.backoff ** (attempt - 1)
        return wait if self.max_delay is None else min(self.max_delay, wait)

    def covers(self, error: BaseException) -> bool:
        """Return whether an error is one of those after which the step is tried again."""
        if not self.on:
            return isinstance(error, Exception)
        return any(
            kind.__name__ in self.on or f"{kind.__module__}.{kind.__qualname__}" in self.on
            for kind in type(error).__mro__
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What a step has beyond a call; `timeout` in seconds."""

    description: str = ""
    when: Condition | None = None
    foreach: Any = None
    retry: Retry | None = None
    timeout: float | None = None
    continue_on_error: bool = False


PLAIN = Options()
"""The options of a step that has none."""


@dataclass(frozen=True, slots=True)
class Child:
    """Another flow as a step, with the definition that it had when the parent was checked."""

    flow: str
    definition: "FlowDefinition" = field(repr=False)

    def __str__(self) -> str:
        return f"flow {self.flow}"


class Step(NamedTuple):
    """One entry of `procedures` or of `on_failure`.

    `params` is what the document says (for a sub-flow: its `inputs`); `template` is the same with its references
    parsed; `target` is what is called with it.
    """

    name: str
    params: Mapping[str, Any]
    template: Mapping[str, Any]
    target: Procedure | Child
    options: Options = PLAIN
    handler: bool = False


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A document that passed the checker: steps in the order in which they run; `timeout` in seconds.

    `outputs_type` is the declared type of the outputs, `levels` how many levels of flows are nested below this one.
    """

    steps: tuple[Step, ...]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    on_failure: tuple[Step, ...] = ()
    timeout: float | None = None
    description: str = ""
    outputs_type: Type = field(default=ANYTHING, repr=False)
    levels: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What the checker found; `definition` is None exactly when there are findings.

    `verdicts` has one entry for each reference, `hints` names what is allowed but looks like a mistake.
    """

    definition: FlowDefinition | None
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...] = ()
    hints: tuple[Finding, ...] = ()

    def definition_or_raise(self) -> FlowDefinition:
        """Return the definition, or raise `InvalidFlow` with the findings."""
        if self.definition is None:
            raise InvalidFlow(self.findings)
        return self.definition
