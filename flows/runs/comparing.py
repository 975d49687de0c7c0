"""Prove that the finished steps of a run would be the same in an edited flow, or list what differs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.engine import Child, FlowDefinition, Step, UnresolvedReference
from flows.engine.finished import child_path, entry_path
from flows.engine.procedures import Procedure
from flows.engine.references import look_up
from flows.engine.text import quoted
from flows.models import Run, StepRun
from flows.recording.params import entries_of, params_digest, params_of, params_of_entries
from flows.services import Runnable, registry


class Comparison:
    """The finished steps of one run, held against another definition, in the order of the run."""

    def __init__(
        self, run: Run, was: FlowDefinition, flow: Runnable, finished: Mapping[str, StepRun], inputs: Mapping[str, Any]
    ) -> None:
        self._was = was
        self._now = flow.definition
        self._finished = finished
        self._code = json.loads(run.code)
        self._documents = json.loads(run.subflows), flow.subflows
        # What the engine kept under _runtime is the old run's: the question is what the edit changes.
        began = run.began.replace(" ", "T")
        runtime = {"start_time": began, "flow": run.flow_name, "run_id": run.pk}
        self._scope: dict[str, Any] = {"_runtime": runtime, "_input": dict(inputs)}
        self._old_scope: dict[str, Any] = {"_runtime": runtime, "_input": json.loads(run.inputs)}

    def differences(self) -> Iterator[str]:
        """Yield a text for each way in which a finished step would differ."""
        begun = [step for step in self._was.steps if self._has_begun(step)]
        for number, step in enumerate(begun):
            now = self._now.steps[number] if number < len(self._now.steps) else None
            if now is None or now.name != step.name:
                yield _misplaced(step, now, number, self._now)
            else:
                yield from self._differences_of(step, now)
            self._take_result(step)

    def _has_begun(self, step: Step) -> bool:
        below = (child_path(step.name, ""), entry_path(step.name, 0).removesuffix("0]"))
        return step.name in self._finished or any(path.startswith(below) for path in self._finished)

    def _take_result(self, step: Step) -> None:
        row = self._finished.get(step.name)
        if row is not None and row.result:
            self._scope[step.name] = self._old_scope[step.name] = json.loads(row.result)

    def _differences_of(self, was: Step, now: Step) -> Iterator[str]:
        name = quoted(was.name)
        if str(now.target) != str(was.target):
            yield f"step {name} calls {now.target} now; it was {was.target}"
            return
        yield from self._differences_of_code(now)
        if (now.options.foreach is None) != (was.options.foreach is None):
            yield f"step {name} {'has no' if now.options.foreach is None else 'has a'} foreach now"
            return
        if self._is_skipped(now) != (was.name in self._finished and _was_skipped(self._finished[was.name])):
            yield f"the condition (when) of step {name} would come out the other way"
            return
        if not self._is_skipped(now):
            yield from self._differences_of_params(was, now)

    def _differences_of_code(self, step: Step) -> Iterator[str]:
        target = step.target
        if isinstance(target, Procedure) and self._code.get(target.mod) != registry().fingerprint(target.mod):
            yield f"the code of step {quoted(step.name)}, module {quoted(target.mod)}, has changed"
        if isinstance(target, Child):
            old, new = ({name: texts.get(name) for name in _flows_below(target)} for texts in self._documents)
            changed = [name for name in new if new[name] != old[name]]
            yield from (f"flow {quoted(name)}, which step {quoted(step.name)} runs, has changed" for name in changed)

    def _is_skipped(self, step: Step) -> bool:
        when = step.options.when
        if when is None:
            return False
        try:
            return look_up(when.reference, self._scope) is not when.expected
        except UnresolvedReference:
            return False

    def _differences_of_params(self, was: Step, now: Step) -> Iterator[str]:
        if was.options.foreach is not None:
            yield from self._differences_of_entries(was, now)
            return
        row = self._finished.get(was.name)
        recorded = row.params_digest if row else params_digest(params_of(was, self._old_scope))
        if params_digest(params_of(now, self._scope)) != recorded:
            yield f"the parameters of step {quoted(was.name)} would differ"

    def _differences_of_entries(self, was: Step, now: Step) -> Iterator[str]:
        old, new = (
            params_of_entries(step, scope, entries_of(step, scope) or [])
            for step, scope in ((was, self._old_scope), (now, self._scope))
        )
        row = self._finished.get(was.name)
        if row is not None and params_digest(new) != row.params_digest:
            yield f"the entries or parameters of step {quoted(was.name)} would differ"
        elif row is None and [params_digest(one) for one in new] != [params_digest(one) for one in old]:
            yield f"the entries or parameters of step {quoted(was.name)} would differ; some of them are finished"


def _misplaced(was: Step, now: Step | None, number: int, definition: FlowDefinition) -> str:
    place = f"step {number + 1} was {quoted(was.name)}, which is finished"
    if now is None:
        return f"{place}; the edited flow has no such step"
    moved = next((index for index, step in enumerate(definition.steps, 1) if step.name == was.name), None)
    where = f"that is step {moved} now" if moved else "that is gone"
    return f"{place}; {where}, and {quoted(now.name)} stands in its place"


def _was_skipped(row: StepRun) -> bool:
    return not (row.result or row.error_type or row.not_storable)


def _flows_below(child: Child) -> Iterator[str]:
    yield child.flow
    for step in child.definition.steps:
        if isinstance(step.target, Child):
            yield from _flows_below(step.target)
