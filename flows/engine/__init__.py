"""The engine: plain Python that checks flow documents and executes them. It needs no Django.

The five lines that most users need::

    from flows.engine import Registry, parse, run

    registry = Registry(["procedures"])
    definition = parse(open("samples/hello.json").read(), registry)
    print(run(definition, registry))
"""

from flows.engine.checker import check, parse
from flows.engine.current import CurrentStep, current_step
from flows.engine.definition import FlowDefinition, Report, Step
from flows.engine.document import format_document
from flows.engine.errors import (
    FlowError,
    InvalidFlow,
    InvalidResult,
    StepExited,
    UnknownProcedure,
    UnresolvedReference,
)
from flows.engine.events import Event, StepFailed, StepStarted, StepSucceeded
from flows.engine.findings import Finding
from flows.engine.procedures import Procedure, Registry
from flows.engine.references import Reference
from flows.engine.runner import execute, run
from flows.engine.values import NotStorable

__all__ = [
    "CurrentStep",
    "Event",
    "Finding",
    "FlowDefinition",
    "FlowError",
    "InvalidFlow",
    "InvalidResult",
    "NotStorable",
    "Procedure",
    "Reference",
    "Registry",
    "Report",
    "Step",
    "StepExited",
    "StepFailed",
    "StepStarted",
    "StepSucceeded",
    "UnknownProcedure",
    "UnresolvedReference",
    "check",
    "current_step",
    "execute",
    "format_document",
    "parse",
    "run",
]
