"""Execute a definition: one loop that yields what happens and keeps nothing."""

import logging
from collections.abc import Iterator
from datetime import datetime
from time import perf_counter
from typing import Any

from flows.engine.context import Context
from flows.engine.current import CurrentStep, current_step
from flows.engine.definition import FlowDefinition, Step
from flows.engine.errors import FlowError, InvalidResult, StepExited
from flows.engine.events import Event, StepFailed, StepStarted, StepSucceeded
from flows.engine.procedures import Procedure, Registry
from flows.engine.references import resolve
from flows.engine.text import describe
from flows.engine.values import Kept, keep

logger = logging.getLogger(__name__)


def run(definition: FlowDefinition, registry: Registry, *, flow: str = "") -> dict[str, dict[str, Any]]:
    """Execute a definition and return the result of each step by its name.

    Raises what the step raised, with a note that names the step; `StepExited` where that is no `Exception`, so that a
    procedure cannot end the caller's process.
    """
    results: dict[str, dict[str, Any]] = {}
    for event in execute(definition, registry, flow=flow):
        if isinstance(event, StepSucceeded):
            results[event.step.name] = event.result
        elif isinstance(event, StepFailed):
            raise _to_the_caller(event, flow)
    return results


def _to_the_caller(event: StepFailed, flow: str) -> Exception:
    error = event.error
    place = f"in step {event.step.name!r}" + (f" of flow {flow!r}" if flow else "")
    if isinstance(error, Exception):
        error.add_note(place)
        return error
    exited = StepExited(f"{place}: {describe(error)}")
    exited.__cause__ = error
    return exited


def execute(
    definition: FlowDefinition, registry: Registry, *, flow: str = "", run_id: int | None = None
) -> Iterator[Event]:
    """Execute the steps in order and yield what happens; stop after the first that fails.

    A step is called when the consumer asks for the event after its `StepStarted`: what the consumer does in between
    (record that the step starts, say) is done before. Nothing that a procedure raises comes out of this generator.
    """
    results: dict[str, dict[str, Any]] = {"_runtime": _runtime(flow, run_id)}
    run_extra = {"flow": flow, "run_id": run_id, "step": None}
    told = logger.isEnabledFor(logging.INFO)
    began = perf_counter()
    if told:
        logger.info("run started, %d steps", len(definition.steps), extra=run_extra)
    for step in definition.steps:
        yield StepStarted(step)
        extra = {"flow": flow, "run_id": run_id, "step": step.name}
        if told:
            logger.info("step started: %s.%s", step.mod, step.method, extra=extra)
        address = CurrentStep(flow, run_id, step.name)
        started = perf_counter()
        try:
            kept = _call(step, registry.find(step.mod, step.method), results, address)
        except BaseException as error:  # noqa: BLE001  (whatever a procedure raises is a failed step)
            seconds = perf_counter() - started
            _log_failure(error, seconds, extra)
            logger.error("run failed at step %s", step.name, extra=run_extra)
            yield StepFailed(step, error, seconds)
            return
        seconds = perf_counter() - started
        results[step.name] = kept.value
        if kept.not_storable:
            logger.warning("result not storable, kept in memory: %s", kept.not_storable, extra=extra)
        if told:
            logger.info("step succeeded in %.1f ms", seconds * 1000, extra=extra)
        yield StepSucceeded(step, kept.value, seconds, kept.not_storable)
    if told:
        logger.info("run succeeded in %.1f ms", (perf_counter() - began) * 1000, extra=run_extra)


def _runtime(flow: str, run_id: int | None) -> dict[str, Any]:
    return {"start_time": datetime.now().isoformat(timespec="seconds"), "flow": flow, "run_id": run_id}


def _call(step: Step, procedure: Procedure, results: dict[str, dict[str, Any]], address: CurrentStep) -> Kept:
    params = resolve(step.template, results)
    token = current_step.set(address)
    try:
        instance = procedure.owner(procedure.logger)
        result = procedure.function(instance, Context(results), params)
    finally:
        current_step.reset(token)
    try:
        return keep(result)
    except InvalidResult as error:
        raise InvalidResult(f"{step.mod}.{step.method} did run, but {error}") from None


def _log_failure(error: BaseException, seconds: float, extra: dict[str, Any]) -> None:
    # Our own errors say all there is to say; where somebody else's code raised, the traceback tells.
    traceback = None if isinstance(error, FlowError) else error
    logger.error("step failed in %.1f ms: %s", seconds * 1000, describe(error), exc_info=traceback, extra=extra)
