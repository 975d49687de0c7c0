"""The use-cases of flows: find, check, plan, and say whether one can be run."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError

from flows.engine import (
    FlowDefinition,
    FlowError,
    InvalidFlow,
    Registry,
    Report,
    check,
    inputs_from_text,
    read_inputs,
)
from flows.engine.checker import FlowSource
from flows.engine.text import meant, named, nearest, quoted
from flows.models import Flow
from flows.remembered import Remembered

if TYPE_CHECKING:
    from flows.engine.catalogue import Catalogue


_REPORTS = Remembered[Report](most=16)


class FlowRefused(FlowError):
    """The flow cannot be run as it is; nothing of it was executed."""


def registry() -> Registry:
    """Return the procedures that this site allows; one registry serves the process."""
    return _registry(tuple(settings.FLOWS_PROCEDURE_PACKAGES))


@lru_cache(maxsize=8)
def _registry(packages: tuple[str, ...]) -> Registry:
    return Registry(packages)


def check_document(text: str, name: str = "", others: Mapping[str, str] = MappingProxyType({})) -> Report:
    """Check a document against the procedures and flows of this site.

    `name` is its own, where it has one; `others` are documents by name that count instead of the stored ones.
    A page asks several times about one text: where no other flow decides, the answer is remembered.
    """
    return _checked(text, name, lambda flow: others.get(flow) or stored_document(flow))


def _checked(text: str, name: str, documents: FlowSource) -> Report:
    beside = (registry(), name)
    known = _REPORTS.find(text, beside)
    if known is not None:
        return known
    asked: list[str] = []

    def document(flow: str) -> str:
        asked.append(flow)
        return documents(flow)

    report = check(text, registry(), document, name=name)
    if not asked:
        _REPORTS.keep(text, report, beside)
    return report


def stored_document(name: str) -> str:
    """Return the document of a flow that can be a step, enabled or not; raises `FlowRefused`."""
    flow = find_flow(name)
    if flow.deleted:
        raise FlowRefused(f"flow {quoted(name)} is deleted")
    return flow.flow_json


def _enabled_document(name: str) -> str:
    flow = find_flow(name)
    if flow.deleted or not flow.enabled:
        raise FlowRefused(f"flow {quoted(name)} is {'deleted' if flow.deleted else 'disabled'}")
    return flow.flow_json


def procedures() -> "Catalogue":
    """Return what the procedures of this site are, as plain data."""
    return _procedures(registry())


@lru_cache(maxsize=8)
def _procedures(of: Registry) -> "Catalogue":
    from flows.engine.catalogue import catalogue  # noqa: PLC0415  (a run needs none)

    return catalogue(of)


def flow_schema() -> dict[str, Any]:
    """Return the JSON Schema of a flow document of this site.

    It names the flows that can be sub-flows; where there is no database, it names none.
    """
    from flows.engine import schema  # noqa: PLC0415  (a run needs none)

    names: list[str] = []
    with suppress(DatabaseError):
        names = list(Flow.objects.not_deleted().values_list("flow_name", flat=True))
    return schema.flow_schema(procedures(), names)


def broken_flows() -> Iterator[tuple[Flow, Report]]:
    """Yield each enabled flow that the code of this site cannot run as it is stored, with the findings."""
    for flow in Flow.objects.enabled().iterator(chunk_size=100):
        report = check(flow.flow_json, registry(), _enabled_document, name=flow.flow_name)
        if report.findings:
            yield flow, report


def check_flows(names: Iterable[str] = ()) -> Iterator[tuple[Flow, Report]]:
    """Check the flows of these names, or all that are not deleted, in the order of their names.

    Raises `FlowRefused` for a name that no flow bears, before any is checked.
    """
    flows = [find_flow(name) for name in names] or Flow.objects.not_deleted().iterator(chunk_size=100)
    for flow in flows:
        yield flow, check_document(flow.flow_json, flow.flow_name)


def find_flow(name: str) -> Flow:
    """Return the flow of exactly this name, deleted or not; raises `FlowRefused` where there is none."""
    # Some collations take "Hello" for "hello"; a run should not depend on the server's.
    flow = next((found for found in Flow.objects.filter(flow_name=name) if found.flow_name == name), None)
    if flow is None:
        known = list(Flow.objects.not_deleted().values_list("flow_name", flat=True))
        guess = nearest(name, known)
        raise FlowRefused(f"no flow is named {quoted(name)} (flows: {named(known)}).{meant(guess)}", instead=guess)
    return flow


@dataclass(frozen=True, slots=True)
class Runnable:
    """A flow that can be run: its checked definition, and the text of each sub-flow that it was checked with."""

    flow: Flow
    definition: FlowDefinition
    subflows: dict[str, str]


def runnable(name: str) -> Runnable:
    """Return an enabled flow with its definition; raises `FlowRefused` where it cannot be run."""
    flow = find_flow(name)
    if flow.deleted:
        raise FlowRefused(f"flow {quoted(name)} is deleted; restore it in the admin before you run it")
    if not flow.enabled:
        raise FlowRefused(f"flow {quoted(name)} is disabled; enable it in the admin before you run it")
    subflows: dict[str, str] = {}

    def document(of: str) -> str:
        return subflows.setdefault(of, _enabled_document(of))

    try:
        return Runnable(flow, _checked(flow.flow_json, name, document).definition_or_raise(), subflows)
    except InvalidFlow as error:
        raise FlowRefused(f"flow {quoted(name)} is invalid:\n{error}") from error


def inputs_for(definition: FlowDefinition, texts: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a run from values and from texts, which are converted by their declared types.

    Raises `InvalidInputs` for whatever is missing, unknown or not accepted.
    """
    return read_inputs(definition.inputs, {**values, **inputs_from_text(definition.inputs, texts)})


def plan_flow(name: str, texts: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that say what a run of the flow would do; run nothing.

    A disabled flow can be planned too. Inputs may be missing; those that are given are checked.
    """
    from flows.engine import plan  # noqa: PLC0415  (a run needs none)

    report = check_document(stored_document(name), name)
    if report.definition is None:
        raise FlowRefused(f"flow {quoted(name)} is invalid:\n{InvalidFlow(report.findings)}")
    declared = report.definition.inputs
    given = {**values, **inputs_from_text(declared, texts)}
    read_inputs({key: one for key, one in declared.items() if key in given}, given)
    yield from plan.plan(report, given)
