"""A flow document as a checked value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.engine.errors import InvalidFlow
from flows.engine.findings import Finding


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of `procedures`.

    `params` is what the document says; `template` is the same with its references parsed.
    """

    name: str
    mod: str
    method: str
    params: Mapping[str, Any]
    template: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlowDefinition:
    """A document that passed the checker: steps in the order in which they run."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What the checker found; `definition` is None exactly when there are findings."""

    definition: FlowDefinition | None
    findings: tuple[Finding, ...]

    def definition_or_raise(self) -> FlowDefinition:
        """Return the definition, or raise `InvalidFlow` with the findings."""
        if self.definition is None:
            raise InvalidFlow(self.findings)
        return self.definition
