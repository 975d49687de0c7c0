"""What can go wrong, as exceptions with one base."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.engine.findings import Finding


MAX_FINDINGS = 20
"""The checker reports no more; whoever reaches that many may have more."""


class FlowError(Exception):
    """Base of every error that the engine raises on its own account.

    `instead` is what was probably meant, where a name is not known and one is near.
    """

    instead: str | None = None

    def __init__(self, *arguments: object, instead: str | None = None) -> None:
        super().__init__(*arguments)
        if instead:
            self.instead = instead


class InvalidFlow(FlowError):
    """A document did not pass the checker.

    `findings` holds what was found, in the order of the document.
    """

    def __init__(self, findings: "tuple[Finding, ...]") -> None:
        self.findings = findings
        more = [] if len(findings) < MAX_FINDINGS else [f"... these are the first {MAX_FINDINGS}; there may be more"]
        super().__init__("\n".join([*map(str, findings), *more]))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.findings,)


class UnknownProcedure(FlowError):
    """A module, class or method that the registry does not hold, or cannot offer."""


class UnknownMethod(UnknownProcedure):
    """The module is there and has its class; the method is what is wrong."""


class UnresolvedReference(FlowError):
    """A reference to a key that the result turned out not to have."""


class InvalidResult(FlowError):
    """A procedure returned something that is not a dict, or that cannot be read."""


class StepExited(FlowError):
    """A procedure tried to end the process (`sys.exit`) or raised another exception that is no `Exception`."""


class StepTimeout(FlowError):
    """A step, or the whole run, took longer than its `timeout`."""


class InvalidCondition(FlowError):
    """`when` is neither true nor false, or `foreach` is not a list of at most 1,000 entries."""


class InvalidInputs(FlowError):
    """The inputs that a run was given do not fit those that the flow declares; `findings` has one entry each."""

    def __init__(self, findings: "tuple[Finding, ...]") -> None:
        self.findings = findings
        super().__init__("\n".join(f"input {finding.pointer[1:]}: {finding.message}" for finding in findings))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.findings,)
