"""`retry`: how often, when, after which errors; nothing here waits."""

import builtins
import time
from typing import Any

import pytest

from flows.engine import RunFailed, RunSucceeded, StepRetrying, StepTimeout, execute
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, error, failing, names, play, raises, results, returns, step, waited


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


class Weak(ConnectionError):
    """An error of a test, two classes below OSError."""


def attempts(act: _scene.Act, **retry: Any) -> int:
    """Return how often a step with this `retry` is executed."""
    play(step("a", act, retry=retry))
    return len(called)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_max_attempts_counts_all_executions(count: int) -> None:
    assert attempts(raises(ValueError("no")), max_attempts=count) == count


def test_a_step_is_not_tried_again_after_it_succeeded() -> None:
    events = play(step("a", failing(2, ValueError("no"), {"x": 1}), retry={"max_attempts": 10}))
    assert results(events) == {"a": {"x": 1}}
    assert len(called) == 3


def test_each_attempt_that_is_followed_by_another_is_told_and_only_the_last_failure_fails_the_step() -> None:
    events = play(step("a", raises(ValueError("no")), retry={"max_attempts": 3, "delay": 2}))
    assert names(events) == ["StepStarted a", "StepRetrying a", "StepRetrying a", "StepFailed a", "RunFailed a"]
    told = [event for event in events if isinstance(event, StepRetrying)]
    assert [(event.attempt, event.wait, str(event.error)) for event in told] == [(1, 2.0, "no"), (2, 2.0, "no")]


@pytest.mark.parametrize(
    ("retry", "waits"),
    [
        ({}, [0, 0, 0, 0]),
        ({"delay": 3}, [3, 3, 3, 3]),
        ({"delay": 0.5, "backoff": 2}, [0.5, 1, 2, 4]),
        ({"delay": 0.5, "backoff": 2, "max_delay": 1.5}, [0.5, 1, 1.5, 1.5]),
        ({"delay": 5, "max_delay": 0}, [0, 0, 0, 0]),
        ({"delay": 5, "max_delay": 2}, [2, 2, 2, 2]),
        ({"backoff": 100}, [0, 0, 0, 0]),
    ],
)
def test_the_wait_grows_by_backoff_from_delay_up_to_max_delay(retry: dict[str, Any], waits: list[float]) -> None:
    assert attempts(raises(ValueError("no")), max_attempts=5, **retry) == 5
    assert waited == waits


def test_the_last_attempt_is_not_followed_by_a_wait() -> None:
    attempts(raises(ValueError("no")), max_attempts=1, delay=9)
    assert waited == []


@pytest.mark.parametrize(
    "name",
    ["Weak", "ConnectionError", "OSError", "Exception", "BaseException", "builtins.OSError", f"{__name__}.Weak"],
)
def test_an_error_is_covered_by_the_name_of_a_class_in_its_chain(name: str) -> None:
    assert attempts(raises(Weak("no")), max_attempts=2, on=[name]) == 2


@pytest.mark.parametrize("name", ["TimeoutError", "weak", "Weak.", "test_keys_retry.Weak", "builtins.Weak", "Wea"])
def test_an_error_is_not_covered_by_any_other_name(name: str) -> None:
    if name.endswith("."):
        assert "is no name of an exception class" in str(
            _scene.findings(step("a", retry={"max_attempts": 2, "on": [name]}))
        )
    else:
        assert attempts(raises(Weak("no")), max_attempts=2, on=[name]) == 1


def test_one_of_several_names_is_enough() -> None:
    assert attempts(raises(KeyError("x")), max_attempts=2, on=["OSError", "LookupError"]) == 2


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit"])
def test_without_on_only_an_exception_is_tried_again(name: str) -> None:
    act = raises(getattr(builtins, name)())
    assert attempts(act, max_attempts=3) == 1


def test_what_is_no_exception_is_tried_again_where_it_is_named() -> None:
    assert attempts(raises(SystemExit(3)), max_attempts=3, on=["SystemExit"]) == 3


@pytest.mark.parametrize("on", [{}, {"on": ["Exception"]}, {"on": ["InvalidResult", "UnresolvedReference"]}])
def test_reference_and_result_errors_are_never_tried_again(on: dict[str, Any]) -> None:
    retry = {"max_attempts": 3, **on}
    events = play(step("a", returns({})), step("b", params={"x": "@a.gone"}, retry=retry))
    assert type(error(events)).__name__ == "UnresolvedReference"
    assert called == ["a"]
    assert attempts(returns(5), **retry) == 1 + 1


@pytest.mark.parametrize("rows", [5, list(range(1001))])
def test_a_list_that_foreach_cannot_take_is_never_tried_again(rows: Any) -> None:
    events = play(step("a", returns({"rows": rows})), step("b", foreach="@a.rows", retry={"max_attempts": 3}))
    assert names(events)[-3:] == ["StepStarted b", "StepFailed b", "RunFailed b"]


def test_inputs_of_another_type_are_never_tried_again() -> None:
    _scene.store("child", step("c"), inputs={"n": {"type": "integer"}})
    sub = {"name": "b", "flow": "child", "inputs": {"n": "@a.n"}, "retry": {"max_attempts": 3}}
    events = play(step("a", returns({"n": "x"})), sub)
    assert "StepRetrying b" not in names(events)


def test_each_attempt_gets_a_new_instance_and_fresh_params_and_context() -> None:
    seen: list[Any] = []

    def spoil(context: dict[str, Any], params: dict[str, Any]) -> Any:
        seen.append((context["first"]["rows"][:], params["rows"][:]))
        context["first"]["rows"].append("spoilt")
        params["rows"].append("spoilt")
        raise ValueError("no")

    retry = {"max_attempts": 3}
    play(step("first", returns({"rows": [1]})), step("a", spoil, params={"rows": "@first.rows"}, retry=retry))
    assert seen == [([1], [1])] * 3
    assert len({id(instance) for instance in _scene.instances}) == 1 + 3


def test_a_timeout_may_be_tried_again() -> None:
    def slow_once(context: dict[str, Any], params: dict[str, Any]) -> Any:
        if len(called) == 1:
            time.sleep(5)
        return {"x": len(called)}

    events = play(step("a", slow_once, timeout=0.1, retry={"max_attempts": 2, "on": ["StepTimeout"]}))
    assert results(events) == {"a": {"x": 2}}
    assert isinstance(next(event.error for event in events if isinstance(event, StepRetrying)), StepTimeout)


def test_the_error_of_the_last_attempt_is_the_error_of_the_step() -> None:
    def worse(context: dict[str, Any], params: dict[str, Any]) -> Any:
        raise ValueError(f"attempt {len(called)}")

    assert str(error(play(step("a", worse, retry={"max_attempts": 3})))) == "attempt 3"


def test_a_step_that_goes_on_after_an_error_goes_on_after_its_last_attempt() -> None:
    events = play(step("a", raises(ValueError("no")), retry={"max_attempts": 2}, continue_on_error=True), step("b"))
    assert called == ["a", "a", "b"]
    assert isinstance(events[-1], RunSucceeded)


def test_a_step_without_retry_is_executed_once() -> None:
    assert isinstance(play(step("a", raises(ValueError("no"))))[-1], RunFailed)
    assert called == ["a"]


def test_the_wait_is_over_before_the_next_attempt_and_the_event_is_told_before_the_wait() -> None:
    order: list[str] = []
    definition = _scene.define(step("a", failing(1, ValueError("no")), retry={"max_attempts": 2, "delay": 7}))
    events = execute(definition, sleep=lambda seconds: order.append(f"wait {seconds:g}"))
    order.extend(type(event).__name__ for event in events)
    assert order == ["StepStarted", "StepRetrying", "wait 7", "StepSucceeded", "RunSucceeded"]
