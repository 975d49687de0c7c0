"""What the tests of the optional keys share: functions that play steps, and short ways to run a document of them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from flows.engine import Event, FlowDefinition, FlowError, Registry, RunFailed, RunSucceeded, check, execute, parse

Act = Callable[[dict[str, Any], dict[str, Any]], Any]

REGISTRY = Registry(["tests.engine.keyprocs"])

acts: dict[str, Act] = {}
called: list[str] = []
instances: list[Any] = []
waited: list[float] = []
stored: dict[str, str] = {}


def clear() -> None:
    """Forget what an earlier test did."""
    for kept in (acts, called, instances, waited, stored):
        kept.clear()


def step(name: str, act: Act | None = None, **keys: Any) -> dict[str, Any]:
    """Return a step whose procedure is this function; without one it returns its params."""
    if act is not None:
        acts[name] = act
    return {"name": name, "mod": "common.Play", "method": "act", **keys}


def returns(value: Any) -> Act:
    return lambda context, params: value


def raises(error: BaseException) -> Act:
    def act(context: dict[str, Any], params: dict[str, Any]) -> Any:
        raise error

    return act


def failing(times: int, error: BaseException, then: dict[str, Any] | None = None) -> Act:
    """Return a procedure that raises the first so many times, and then returns."""
    left = [times]

    def act(context: dict[str, Any], params: dict[str, Any]) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return {} if then is None else then

    return act


def looks(seen: list[dict[str, Any]]) -> Act:
    """Return a procedure that keeps a copy of its context."""

    def act(context: dict[str, Any], params: dict[str, Any]) -> Any:
        seen.append({**context})
        return {}

    return act


def document(*steps: dict[str, Any], **keys: Any) -> str:
    return json.dumps({**keys, "procedures": steps})


def store(flow: str, *steps: dict[str, Any], **keys: Any) -> None:
    """Keep a flow that others can have as a step."""
    stored[flow] = document(*steps, **keys)


def source(flow: str) -> str:
    """Return a stored flow."""
    if flow not in stored:
        raise FlowError(f'no flow is named "{flow}"')
    return stored[flow]


def define(*steps: dict[str, Any], **keys: Any) -> FlowDefinition:
    return parse(document(*steps, **keys), REGISTRY, source, name="main")


def findings(*steps: dict[str, Any], **keys: Any) -> list[str]:
    """Return what the checker finds in the document."""
    return [str(finding) for finding in check(document(*steps, **keys), REGISTRY, source, name="main").findings]


def play(*steps: dict[str, Any], inputs: Mapping[str, Any] | None = None, **keys: Any) -> list[Event]:
    """Run the document and return what happened; waits are noted and not waited."""
    return go(define(*steps, **keys), inputs)


def go(definition: FlowDefinition, inputs: Mapping[str, Any] | None = None) -> list[Event]:
    return list(execute(definition, inputs, flow="main", sleep=waited.append))


def names(events: list[Event]) -> list[str]:
    """Return what happened as short words: `StepStarted a`."""
    return [" ".join([type(event).__name__, *_step_name(event)]) for event in events]


def _step_name(event: Event) -> list[str]:
    found = getattr(event, "step", None)
    return [] if found is None else [found.name]


def results(events: list[Event]) -> dict[str, Any]:
    """Return the results by step."""
    return {event.step.name: event.result for event in events if type(event).__name__ == "StepSucceeded"}  # type: ignore[union-attr]


def end(events: list[Event]) -> RunSucceeded | RunFailed:
    last = events[-1]
    assert isinstance(last, RunSucceeded | RunFailed)
    return last


def error(events: list[Event]) -> BaseException:
    """Return what made the run fail."""
    last = end(events)
    assert isinstance(last, RunFailed), "the run succeeded"
    return last.error


def outputs(events: list[Event]) -> dict[str, Any]:
    last = end(events)
    assert isinstance(last, RunSucceeded), f"the run failed: {last.error!r}"
    return last.outputs
