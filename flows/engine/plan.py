"""Tell what a definition would do, without doing it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine.definition import Child, FlowDefinition, Options, Report, Step
from flows.engine.findings import Path
from flows.engine.proof import Certainty, Verdict
from flows.engine.references import Reference
from flows.engine.text import counted, visible


def plan(report: Report, inputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a plan: the steps in order, their constants, and where each reference comes from.

    `inputs` are the values that are known; the report must hold a definition.
    """
    definition = report.definition_or_raise()
    verdicts = {verdict.path: verdict for verdict in report.verdicts}
    yield summary(report)
    if definition.description:
        yield f"  {visible(definition.description)}"
    if definition.timeout:
        yield f"  timeout: {definition.timeout:g} s for the whole run"
    for name, declared in definition.inputs.items():
        given = inputs.get(name, declared.default)
        yield f"  input {name}: {_shown(given) if name in inputs or declared.has_default else 'required'}"
    yield from _steps(definition.steps, "procedures", inputs, verdicts)
    if definition.outputs:
        yield "outputs"
        yield from _values(definition.outputs, ("outputs",), inputs, verdicts)
    if definition.on_failure:
        yield "on failure"
        yield from _steps(definition.on_failure, "on_failure", inputs, verdicts)
    for hint in report.hints:
        yield f"hint: {hint}"


def summary(report: Report) -> str:
    """Return one line: how many steps, and how many references are proved or assumed."""
    definition: FlowDefinition = report.definition_or_raise()
    counts = dict.fromkeys(Certainty, 0)
    for verdict in report.verdicts:
        counts[verdict.certainty] += 1
    proved, assumed = counts[Certainty.PROVED], counts[Certainty.ASSUMED]
    steps, references = counted(len(definition.steps), "step"), counted(len(report.verdicts), "reference")
    return f"{steps}, {references}: {proved} proved, {assumed} assumed"


def _steps(
    steps: tuple[Step, ...], key: str, inputs: Mapping[str, Any], verdicts: Mapping[Path, Verdict]
) -> Iterator[str]:
    for index, step in enumerate(steps):
        options = ", ".join(_options(step.options))
        yield f"{index + 1:3d}. {step.name}  {step.target}{f'  ({options})' if options else ''}"
        if step.options.description:
            yield f"       {visible(step.options.description)}"
        for name in ("when", "foreach"):
            verdict = verdicts.get((key, index, name))
            if verdict:
                yield f"       {name} {verdict.reference}{_why(verdict)}"
        place: Path = (key, index, "inputs" if isinstance(step.target, Child) else "params")
        yield from _values(step.template, place, inputs, verdicts)


def _options(options: Options) -> Iterator[str]:
    if options.when is not None:
        yield f"only when {options.when}"
    if options.foreach is not None:
        shown = options.foreach if isinstance(options.foreach, Reference) else f"{len(options.foreach)} entries"
        yield f"for each of {shown}"
    if options.retry is not None:
        yield f"up to {options.retry.max_attempts} attempts"
    if options.timeout is not None:
        yield f"timeout {options.timeout:g} s"
    if options.continue_on_error:
        yield "goes on after an error"


def _values(
    template: Any, path: Path, inputs: Mapping[str, Any], verdicts: Mapping[Path, Verdict], label: str = ""
) -> Iterator[str]:
    if isinstance(template, Reference):
        yield f"       {visible(label)} = {template}{_origin(template, inputs)}{_why(verdicts.get(path))}"
    elif isinstance(template, dict | list) and _has_reference(template):
        for key, item in template.items() if isinstance(template, dict) else enumerate(template):
            yield from _values(item, (*path, key), inputs, verdicts, f"{label}.{key}" if label else str(key))
    elif label:
        yield f"       {visible(label)} = {_shown(template)}"
    elif isinstance(template, dict):
        for key, item in template.items():
            yield f"       {visible(key)} = {_shown(item)}"


def _has_reference(template: Any) -> bool:
    if isinstance(template, dict | list):
        return any(map(_has_reference, template.values() if isinstance(template, dict) else template))
    return isinstance(template, Reference)


def _origin(reference: Reference, inputs: Mapping[str, Any]) -> str:
    if reference.step == "_input" and reference.rest is not None and reference.rest in inputs:
        return f" = {_shown(inputs[reference.rest])}"
    return ""


def _why(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"  [{verdict.certainty.value}{': ' + verdict.reason if verdict.reason else ''}]"


def _shown(value: Any) -> str:
    text = visible(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= 100 else text[:99] + "…"
