"""`when`: which steps are skipped, and that no reference can be missing because of it."""

from typing import Any

import pytest

from flows.engine import InvalidCondition, StepSkipped, StepStarted, UnresolvedReference
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, error, findings, names, play, results, returns, step

ON = "@made.ok"
OFF = {"not": "@made.ok"}


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


def made(value: Any) -> dict[str, Any]:
    return step("made", returns({"ok": value}))


@pytest.mark.parametrize(("value", "when", "runs"), [(True, ON, 1), (False, ON, 0), (True, OFF, 0), (False, OFF, 1)])
def test_a_step_runs_only_when_its_condition_holds(value: bool, when: Any, runs: int) -> None:
    events = play(made(value), step("a", when=when), step("b"))
    assert called == ["made", *["a"] * runs, "b"]
    assert any(isinstance(event, StepSkipped) for event in events) is not bool(runs)


def test_a_skipped_step_has_not_started_and_is_told() -> None:
    events = play(made(False), step("a", when=ON))
    assert names(events) == ["StepStarted made", "StepSucceeded made", "StepSkipped a", "RunSucceeded"]


def test_a_skipped_step_has_no_entry_in_the_context() -> None:
    seen: list[dict[str, Any]] = []
    look = step("b", _scene.looks(seen))
    play(made(False), step("a", when=ON), look)
    assert [sorted(context) for context in seen] == [["_runtime", "made"]]


@pytest.mark.parametrize("value", [1, 0, "true", "", None, [], [True], {"ok": True}, 1.0])
@pytest.mark.parametrize("when", [ON, OFF])
def test_a_value_that_is_neither_true_nor_false_fails_the_step_and_it_is_not_called(value: Any, when: Any) -> None:
    events = play(made(value), step("a", when=when))
    assert type(error(events)) is InvalidCondition
    assert str(error(events)).startswith('"when": @made.ok is ')
    assert str(error(events)).endswith("; it must be true or false")
    assert called == ["made"]
    assert isinstance(events[2], StepStarted)


def test_a_key_that_is_missing_fails_the_step_and_it_is_not_called() -> None:
    events = play(step("made", returns({})), step("a", when=ON))
    assert type(error(events)) is UnresolvedReference
    assert called == ["made"]


def test_a_condition_that_cannot_be_decided_is_gone_on_after_where_the_step_says_so() -> None:
    events = play(made(1), step("a", when=ON, continue_on_error=True), step("b"))
    assert names(events)[-1] == "RunSucceeded"
    assert called == ["made", "b"]


def test_a_condition_may_be_an_input_or_stand_deep_in_a_result() -> None:
    inputs = {"on": {"type": "boolean", "default": True}}
    events = _scene.go(
        _scene.define(
            step("deep", returns({"a": [{"b": False}]})),
            step("a", when="@_input.on"),
            step("b", when="@deep.a.0.b"),
            inputs=inputs,
        )
    )
    assert called == ["deep", "a"]
    assert names(events)[-1] == "RunSucceeded"


# The same `when`


@pytest.mark.parametrize("when", [ON, OFF])
def test_a_step_with_the_same_condition_may_refer_to_a_conditional_step(when: Any) -> None:
    for value in (True, False):
        events = play(made(value), step("a", when=when, params={"x": 1}), step("b", when=when, params={"y": "@a.x"}))
        assert names(events)[-1] == "RunSucceeded"


def test_a_chain_of_steps_with_the_same_condition_runs_or_is_skipped_as_a_whole() -> None:
    chain = [step(name, when=ON, params={"x": before}) for name, before in (("a", 1), ("b", "@a.x"), ("c", "@b.x"))]
    assert results(play(made(True), *chain))["c"] == {"x": 1}
    assert list(results(play(made(False), *chain))) == ["made"]


@pytest.mark.parametrize("other", [None, OFF, "@made.other", "@second.ok"])
def test_a_step_without_the_same_condition_is_refused_where_it_refers_to_a_conditional_step(other: Any) -> None:
    keys = {} if other is None else {"when": other}
    found = findings(
        made(True), made(True) | {"name": "second"}, step("a", when=ON), step("b", params={"x": "@a"}, **keys)
    )
    assert found == ['/procedures/3/params/x: "@a": "a" runs only when @made.ok; write the same "when" here']


def test_a_reference_deep_in_params_or_in_a_foreach_counts_too() -> None:
    found = findings(
        made(True), step("a", when=ON), step("b", params={"x": [{"y": "@a.z"}]}), step("c", foreach="@a.z")
    )
    assert [line.partition(":")[0] for line in found] == ["/procedures/2/params/x/0/y", "/procedures/3/foreach"]


def test_a_condition_cannot_itself_stand_on_a_conditional_step() -> None:
    found = findings(made(True), step("a", when=ON), step("b", when="@a.ok"))
    assert found == [
        '/procedures/2/when: "@a.ok": "a" runs only when @made.ok; only a step with the same "when" may refer to it'
    ]


def test_outputs_cannot_refer_to_a_conditional_step() -> None:
    assert len(findings(made(True), step("a", when=ON), outputs={"x": "@a.y"})) == 1


def test_a_conditional_step_of_on_failure_binds_those_after_it() -> None:
    tell, then = step("tell", when="@first.ok"), step("then", params={"x": "@tell.x"})
    found = findings(made(True), on_failure=[step("first"), tell, then])
    assert found == ['/on_failure/2/params/x: "@tell.x": "tell" runs only when @first.ok; write the same "when" here']


def test_no_reference_is_resolved_in_a_step_that_is_skipped() -> None:
    events = play(made(False), step("a", when=ON, foreach="@made.gone", params={"x": "@made.gone"}))
    assert names(events)[-2:] == ["StepSkipped a", "RunSucceeded"]
