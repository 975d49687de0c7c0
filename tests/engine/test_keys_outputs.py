"""`outputs`, `description` and notes, results, the order within a step, and documents without any of it."""

from typing import Any

import pytest

from flows.engine import NotStorable, RunFailed, RunSucceeded, StepSucceeded, UnresolvedReference, run
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, define, error, findings, names, outputs, play, results, returns, step


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


# Outputs


def test_outputs_are_references_and_literals_at_any_depth() -> None:
    template = {"x": "@a.rows.1", "deep": [{"y": "@a", "z": 5}], "text": "@@a", "flow": "@_runtime.flow", "null": None}
    found = outputs(play(step("a", returns({"rows": [1, 2]})), outputs=template))
    assert found == {"x": 2, "deep": [{"y": {"rows": [1, 2]}, "z": 5}], "text": "@a", "flow": "main", "null": None}


def test_a_flow_without_outputs_has_none() -> None:
    assert outputs(play(step("a"))) == {}


def test_outputs_are_resolved_after_the_last_step() -> None:
    events = play(step("a"), step("b", returns({"x": 1})), outputs={"x": "@b.x"})
    assert names(events)[-2:] == ["StepSucceeded b", "RunSucceeded"]
    assert outputs(events) == {"x": 1}


def test_a_key_that_is_missing_fails_the_run_at_its_end() -> None:
    events = play(step("a", returns({})), outputs={"x": "@a.gone"})
    assert type(error(events)) is UnresolvedReference
    assert names(events) == ["StepStarted a", "StepSucceeded a", "RunFailed"]


def test_outputs_of_a_run_that_failed_are_not_resolved() -> None:
    events = play(step("a", returns({})), step("b", returns(5)), outputs={"x": "@a.gone"})
    assert isinstance(events[-1], RunFailed)
    assert type(error(events)).__name__ == "InvalidResult"


def test_what_a_consumer_does_to_outputs_does_not_reach_the_results() -> None:
    events = play(step("a", returns({"rows": [1]})), outputs={"rows": "@a.rows"})
    outputs(events)["rows"].append(2)
    assert results(events)["a"] == {"rows": [1]}


def test_outputs_that_cannot_be_stored_are_warned_of() -> None:
    last = play(step("a", returns({"set": {1}})), outputs={"x": "@a.set"})[-1]
    assert isinstance(last, RunSucceeded)
    assert any(warning.startswith("outputs") for warning in last.warnings)


# Text for people


def test_descriptions_and_notes_change_nothing() -> None:
    keys = {"description": "a flow", "$schema": "x", "_note": {"any": ["thing"]}}
    definition = define(step("a", description="a step", _why=None, params={"x": 1}), **keys)
    assert (definition.description, definition.steps[0].options.description) == ("a flow", "a step")
    assert run(definition) == {"a": {"x": 1}}


@pytest.mark.parametrize("value", ["https://example.org/schema.json", "", 5, None])
def test_the_schema_is_for_editors_and_not_looked_at(value: Any) -> None:
    assert findings(**{"$schema": value}) == []


def test_keys_of_params_that_begin_with_an_underscore_are_no_notes() -> None:
    assert results(play(step("a", params={"_x": 1})))["a"] == {"_x": 1}


# The order within a step: when, foreach, resolve params, attempt, check the result, record


def test_each_part_of_a_step_comes_after_the_one_before_it() -> None:
    made = step("made", returns({"off": False, "on": True, "rows": [1], "five": 5}))

    def fails(**keys: Any) -> str:
        _scene.called.clear()
        events = play(made, step("a", returns(5), **keys))
        failed = events[-1]
        return f"{type(failed.error).__name__}: {failed.error}" if isinstance(failed, RunFailed) else names(events)[-2]

    gone = {"params": {"x": "@made.gone"}}
    assert fails(when="@made.off", foreach="@made.five", **gone) == "StepSkipped a"
    assert fails(when="@made.on", foreach="@made.five", **gone).startswith("InvalidCondition")
    assert fails(when="@made.on", foreach="@made.rows", **gone).startswith("UnresolvedReference")
    assert called == ["made"]
    assert fails(when="@made.on", foreach="@made.rows").startswith("InvalidResult")
    assert called == ["made", "a"]


# Results


@pytest.mark.parametrize("result", [None, 5, "x", [], [("a", 1)], object(), dict])
def test_a_result_that_is_no_dict_fails_the_step_and_the_message_says_that_it_did_run(result: Any) -> None:
    found = str(error(play(step("a", returns(result), retry={"max_attempts": 1}))))
    assert found.startswith("common.Play.act did run, but it returned ")


DEEP: dict[str, Any] = {}
_inner = DEEP
for _level in range(20):
    _inner["a"] = {}
    _inner = _inner["a"]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"a": [{1}]}, "/a/0 (set) is no JSON value"),
        ({"a": b"x"}, "/a (bytes) is no JSON value"),
        ({"a": float("nan")}, "/a (float) is nan, which JSON does not have"),
        ({1: 2}, "the result (dict) has the key 1, an int; JSON has text keys only"),
        ({"a": "x" * 1048576}, "the result is a dict of 1,048,585 bytes; more than 1 MiB is not recorded"),
        (DEEP, "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a (dict) is nested deeper than 20 levels"),
    ],
)
@pytest.mark.parametrize("keys", [{}, {"timeout": 20}, {"retry": {"max_attempts": 3}}])
def test_what_is_no_json_object_is_handed_on_in_memory_with_a_warning(result: Any, reason: str, keys: Any) -> None:
    events = play(step("a", returns(result), **keys), step("b", params={"x": "@a"}))
    done = next(event for event in events if isinstance(event, StepSucceeded))
    assert isinstance(done.not_storable, NotStorable)
    assert str(done.not_storable) == reason
    last = events[-1]
    assert isinstance(last, RunSucceeded)
    assert last.warnings[0] == f"a: result kept in memory only: {reason}"


def test_later_steps_read_what_was_recorded() -> None:
    events = play(step("a", returns({"t": (1, 2)}), timeout=20), step("b", params={"t": "@a.t"}))
    assert results(events)["b"] == {"t": [1, 2]}


# Only the seed's keys


def test_a_document_of_seed_keys_has_no_options_no_inputs_and_no_outputs() -> None:
    definition = define({"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "x"}})
    assert (definition.inputs, definition.outputs, definition.on_failure, definition.timeout) == ({}, {}, (), None)
    options = definition.steps[0].options
    assert (options.when, options.foreach, options.retry, options.timeout) == (None, None, None, None)
    assert options.continue_on_error is False


def test_a_document_of_seed_keys_does_what_it_did() -> None:
    events = play(
        {"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}},
        {"name": "step2", "mod": "common.Kt", "method": "prt", "params": {"msg": "@step1.msg"}},
    )
    assert results(events) == {"step1": {"msg": "hello"}, "step2": {"msg": "hello"}}
    told = ["StepStarted step1", "StepSucceeded step1", "StepStarted step2", "StepSucceeded step2", "RunSucceeded"]
    assert names(events) == told


@pytest.mark.parametrize("text", ["@_item", "@_index", "@_error.step", "@_input.x"])
def test_the_names_of_optional_keys_mean_nothing_in_a_document_without_them(text: str) -> None:
    assert len(findings(step("a", params={"x": text}))) == 1


@pytest.mark.parametrize("name", ["when", "foreach", "inputs", "flow", "outputs", "on_failure", "retry"])
def test_steps_and_params_may_bear_the_names_of_optional_keys(name: str) -> None:
    assert results(play(step(name, params={name: 1}), step("b", params={"x": f"@{name}.{name}"})))["b"] == {"x": 1}
