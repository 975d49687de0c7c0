"""What tests and sample procedures share: a stage for functions that play procedures, and the traces they leave."""

import json
from collections.abc import Callable
from typing import Any

from flows.engine import FlowDefinition, Registry, StepFailed, StepStarted, StepSucceeded, execute, parse, run

Act = Callable[[dict[str, Any], dict[str, Any]], Any]
StepEvent = StepStarted | StepSucceeded | StepFailed
Scene = Act | tuple[Act, dict[str, Any]]

REGISTRY = Registry(["tests.engine.procs"])

happened: list[str] = []
acts: list[Act] = []
instances: list[Any] = []


def clear() -> None:
    """Forget what an earlier test did."""
    happened.clear()
    acts.clear()
    instances.clear()


def trace(what: str) -> dict[str, Any]:
    """Note that something was executed; usable as a procedure's body."""
    happened.append(what)
    return {}


def document(*steps: dict[str, Any]) -> str:
    """Return the text of a flow of these steps."""
    return json.dumps({"procedures": steps})


def step(**changes: Any) -> dict[str, Any]:
    """Return a step that is right, with some keys replaced."""
    return {"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}} | changes


def definition(*scenes: Scene) -> FlowDefinition:
    """Return a flow whose steps step1, step2 ... call these functions, each alone or with its params."""
    entries = []
    for number, scene in enumerate(scenes, 1):
        act, params = scene if isinstance(scene, tuple) else (scene, {})
        entries.append(step(name=f"step{number}", mod="common.Play", method="act", params={**params, "act": len(acts)}))
        acts.append(act)
    return parse(document(*entries), REGISTRY)


def play(*scenes: Scene, flow: str = "") -> dict[str, dict[str, Any]]:
    """Run these functions as the steps of a flow, and return what `run` returns."""
    return run(definition(*scenes), flow=flow)


def events(*scenes: Scene, flow: str = "", run_id: int | None = None) -> list[StepEvent]:
    """Execute these functions as the steps of a flow, and return what happened to each step."""
    happened = execute(definition(*scenes), flow=flow, run_id=run_id)
    return [event for event in happened if isinstance(event, StepEvent)]


def returns(value: Any) -> Act:
    """Return a procedure that returns this value."""
    return lambda context, params: value


def raises(error: BaseException) -> Act:
    """Return a procedure that raises this error."""

    def act(context: dict[str, Any], params: dict[str, Any]) -> Any:
        raise error

    return act


def notes(place: list[Any]) -> Act:
    """Return a procedure that keeps what it was called with as `(context, params)`."""

    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        place.append((context, params))
        return {}

    return act
