"""The engine: plain Python that checks flow documents and executes them. It needs no Django.

The five lines that most users need::

    from flows.engine import Registry, parse, run

    registry = Registry(["procedures"])
    definition = parse(open("samples/hello.json").read(), registry)
    print(run(definition))
"""

from flows.engine.checker import FlowSource, check, parse
from flows.engine.current import CurrentStep, current_step
from flows.engine.definition import Child, Condition, FlowDefinition, Options, Report, Retry, Step
from flows.engine.document import format_document
from flows.engine.errors import (
    FlowError,
    InvalidCondition,
    InvalidFlow,
    InvalidInputs,
    InvalidResult,
    StepExited,
    StepTimeout,
    UnknownProcedure,
    UnresolvedReference,
)
from flows.engine.events import (
    Event,
    InChild,
    ItemSucceeded,
    RunFailed,
    RunSucceeded,
    StepFailed,
    StepRetrying,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from flows.engine.findings import Finding
from flows.engine.finished import Finished, FinishedSteps, RecordedError
from flows.engine.inputs import Input, inputs_from_text, read_inputs
from flows.engine.procedures import Procedure, Registry
from flows.engine.proof import Certainty, Verdict
from flows.engine.references import Reference
from flows.engine.runner import execute, run
from flows.engine.values import NotStorable

__all__ = [
    "Certainty",
    "Child",
    "Condition",
    "CurrentStep",
    "Event",
    "Finding",
    "Finished",
    "FinishedSteps",
    "FlowDefinition",
    "FlowError",
    "FlowSource",
    "InChild",
    "Input",
    "InvalidCondition",
    "InvalidFlow",
    "InvalidInputs",
    "InvalidResult",
    "ItemSucceeded",
    "NotStorable",
    "Options",
    "Procedure",
    "RecordedError",
    "Reference",
    "Registry",
    "Report",
    "Retry",
    "RunFailed",
    "RunSucceeded",
    "Step",
    "StepExited",
    "StepFailed",
    "StepRetrying",
    "StepReused",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
    "StepTimeout",
    "UnknownProcedure",
    "UnresolvedReference",
    "Verdict",
    "check",
    "current_step",
    "execute",
    "format_document",
    "inputs_from_text",
    "parse",
    "read_inputs",
    "run",
]
