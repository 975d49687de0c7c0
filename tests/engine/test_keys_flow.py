"""Sub-flows: another flow as a step, pinned when the document is read."""

import json
import time
from typing import Any

import pytest

from flows.engine import InChild, InvalidInputs, RunSucceeded, StepSucceeded, check
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import (
    called,
    define,
    document,
    error,
    findings,
    go,
    names,
    outputs,
    play,
    raises,
    results,
    returns,
    source,
    step,
    store,
)


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


def call(name: str, flow: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "flow": flow, **keys}


def chain(levels: int) -> str:
    """Store flows that are nested so many levels deep and return the outermost."""
    store("level1", step("innermost"))
    for level in range(2, levels + 1):
        store(f"level{level}", call("s", f"level{level - 1}"))
    return f"level{levels}"


def test_the_outputs_of_the_child_are_the_result_of_the_step() -> None:
    store("child", step("c", returns({"x": [1, 2]})), outputs={"last": "@c.x.1", "unit": "m"})
    events = play(call("sub", "child"), step("b", params={"y": "@sub.last"}))
    assert results(events) == {"sub": {"last": 2, "unit": "m"}, "b": {"y": 2}}


def test_a_child_without_outputs_has_an_empty_result() -> None:
    store("child", step("c", returns({"x": 1})))
    assert results(play(call("sub", "child"))) == {"sub": {}}


def test_what_happens_in_the_child_is_told_between_start_and_end_of_the_step() -> None:
    store("child", step("c"))
    events = play(call("sub", "child"))
    assert names(events) == ["StepStarted sub", *["InChild sub"] * 3, "StepSucceeded sub", "RunSucceeded"]
    inside = [event.event for event in events if isinstance(event, InChild)]
    assert names(inside) == ["StepStarted c", "StepSucceeded c", "RunSucceeded"]


def test_the_child_sees_its_inputs_and_its_own_steps_and_nothing_of_the_parent() -> None:
    seen: list[Any] = []
    look = step("c", _scene.looks(seen))
    store("child", look, inputs={"n": {"type": "integer"}, "d": {"type": "string", "default": "x"}})
    play(step("a"), call("sub", "child", inputs={"n": 5}))
    assert sorted(seen[0]) == ["_input", "_runtime"]
    assert seen[0]["_input"] == {"n": 5, "d": "x"}
    assert seen[0]["_runtime"]["flow"] == "child"


def test_references_in_inputs_are_resolved_with_their_type_and_at_any_depth() -> None:
    store("child", step("c"), inputs={"o": {"type": "object"}}, outputs={"o": "@_input.o"})
    events = play(step("a", returns({"rows": [1]})), call("sub", "child", inputs={"o": {"deep": ["@a.rows", "@@x"]}}))
    assert results(events)["sub"] == {"o": {"deep": [[1], "@x"]}}


def test_what_the_child_does_to_its_inputs_changes_nothing_in_the_parent() -> None:
    def spoil(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        context["_input"]["o"]["rows"].append(9)
        params["rows"].append(9)
        return {}

    spoils = step("c", spoil, params={"rows": "@_input.o.rows"})
    store("child", spoils, inputs={"o": {"type": "object"}}, outputs={"o": "@_input.o"})
    events = play(step("a", returns({"rows": [1]})), call("sub", "child", inputs={"o": "@a"}))
    assert results(events) == {"a": {"rows": [1]}, "sub": {"o": {"rows": [1]}}}


# Pinned


def test_a_child_that_changes_after_the_parent_was_read_changes_nothing() -> None:
    store("grandchild", step("g"), outputs={"x": "old"})
    store("child", call("g", "grandchild"), outputs={"x": "@g.x"})
    definition = define(call("sub", "child"))
    store("grandchild", step("g"), outputs={"x": "new"})
    _scene.stored["child"] = "{}"
    assert results(go(definition))["sub"] == {"x": "old"}


# Its inputs


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, 'the key "n" is missing; it is an integer'),
        ({"n": 1, "m": 2}, 'flow child takes no key "m" (keys: n, s).'),
        ({"n": 99}, "99 is more than the maximum 10"),
        ({"n": "@a.text"}, '"@a.text": it is a string, and an integer is needed here'),
    ],
)
def test_inputs_are_checked_before_the_run(inputs: dict[str, Any], message: str) -> None:
    declared = {"n": {"type": "integer", "maximum": 10}, "s": {"type": "string", "default": ""}}
    store("child", step("c"), inputs=declared)
    made = {"name": "a", "mod": "common.Typed", "method": "make"}
    (found,) = findings(made, call("sub", "child", inputs=inputs))
    assert message in found


@pytest.mark.parametrize("value", ["x", None, 1.5, [], True])
def test_a_constant_of_another_type_is_refused_before_the_run(value: Any) -> None:
    store("child", step("c"), inputs={"n": {"type": "integer"}})
    assert findings(call("sub", "child", inputs={"n": value})) != []


def test_a_constant_of_another_type_is_reported_once() -> None:
    store("child", step("c"), inputs={"n": {"type": "integer"}})
    assert len(findings(call("sub", "child", inputs={"n": "x"}))) == 1


def test_missing_inputs_are_reported_at_the_step_where_it_has_no_inputs() -> None:
    store("child", step("c"), inputs={"n": {"type": "integer"}})
    (found,) = findings(call("sub", "child"))
    assert found.startswith("/procedures/0: ")


@pytest.mark.parametrize("value", ["x", None, 1.5, 11, True])
def test_a_value_that_turns_out_not_to_fit_fails_the_step_and_nothing_of_the_child_runs(value: Any) -> None:
    store("child", step("c"), inputs={"n": {"type": "integer", "maximum": 10}})
    events = play(step("a", returns({"n": value})), call("sub", "child", inputs={"n": "@a.n"}))
    assert type(error(events)) is InvalidInputs
    assert called == ["a"]


@pytest.mark.parametrize("key", ["mod", "method", "params"])
def test_a_step_is_a_flow_or_a_procedure_and_not_both(key: str) -> None:
    store("child", step("c"))
    found = findings(call("sub", "child", **{key: {} if key == "params" else "common.Kt"}))
    hint = f'a step has either "flow" and "inputs", or "mod", "method" and "params"; remove {key}'
    assert f"/procedures/0/{key}: {hint}" in found


def test_a_key_of_a_procedure_beside_flow_is_reported_once() -> None:
    store("child", step("c"))
    assert len(findings(call("sub", "child", params={}))) == 1


# Cycles and depth


def test_a_flow_that_contains_itself_is_refused() -> None:
    assert findings(call("sub", "main")) == ['/procedures/0/flow: flow "main" would contain itself (main > main)']


def test_a_cycle_over_other_flows_is_refused_with_its_way() -> None:
    store("b", call("s", "c"))
    store("c", call("s", "main"))
    (found,) = findings(call("sub", "b"))
    assert found.endswith('flow "main" would contain itself (main > b > c > main)')


def test_a_cycle_that_does_not_go_through_the_flow_itself_is_refused() -> None:
    store("b", call("s", "c"))
    store("c", call("s", "b"))
    (found,) = findings(call("sub", "b"))
    assert found.endswith('flow "b" would contain itself (main > b > c > b)')


def test_a_cycle_through_on_failure_is_refused() -> None:
    store("b", step("x"), on_failure=[call("s", "main")])
    (found,) = findings(call("sub", "b"))
    assert found.endswith('flow "main" would contain itself (main > b > main)')


def test_five_levels_below_a_flow_run() -> None:
    events = play(call("sub", chain(5)))
    assert called == ["innermost"]
    assert isinstance(events[-1], RunSucceeded)


def test_six_levels_below_a_flow_are_refused() -> None:
    (found,) = findings(call("sub", chain(6)))
    assert found.endswith('flow "level1" would be nested deeper than 5 levels')


def test_the_depth_counts_also_where_a_child_is_already_known_from_a_shorter_way() -> None:
    store("level9", call("s", chain(5)))
    (found,) = findings(call("short", "level5"), call("long", "level9"))
    assert found.startswith("/procedures/1/flow: ")


def test_a_child_that_is_invalid_is_refused_with_its_first_finding_and_their_number() -> None:
    store("child", {"name": "a"}, {"name": "a"})
    (found,) = findings(call("sub", "child"))
    first = 'the key "mod" is missing; write e.g. "common.Kt"'
    assert found == f'/procedures/0/flow: flow "child" is invalid: /procedures/0: {first} (and 4 more)'


def test_a_child_that_is_unknown_is_refused_also_where_there_is_no_source_of_flows() -> None:
    text = document(call("sub", "nightly"))
    (found,) = check(text, _scene.REGISTRY).findings
    assert str(found) == '/procedures/0/flow: no flow is named "nightly": there is no source of flows here'


# Many


def test_a_document_of_500_steps_that_name_one_child_reads_and_checks_it_once() -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return source(name)

    store("child", *[step(f"c{n}") for n in range(500)])
    text = document(*[call(f"s{n}", "child") for n in range(500)])
    began = time.process_time()
    assert check(text, _scene.REGISTRY, ask, name="main").findings == ()
    assert asked == ["child"]
    assert time.process_time() - began < 2


def test_checking_flows_nested_in_many_ways_takes_a_time_of_their_size() -> None:
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return source(name)

    store("level1", step("innermost"))
    for level in range(2, 6):
        store(f"level{level}", *[call(f"s{n}", f"level{level - 1}") for n in range(8)])
    text = document(call("sub", "level5"))
    assert check(text, _scene.REGISTRY, ask, name="main").definition is not None
    assert asked == ["level5", "level4", "level3", "level2", "level1"]


# Failure, retry, time


def test_a_child_that_fails_fails_the_step_with_the_error_of_its_step() -> None:
    store("child", step("c", raises(KeyError("k"))), step("d"))
    events = play(call("sub", "child"), step("b"))
    assert called == ["c"]
    assert type(error(events)) is KeyError
    assert names(events)[-2:] == ["StepFailed sub", "RunFailed sub"]


def test_on_failure_of_the_child_runs_within_the_child_and_then_that_of_the_parent() -> None:
    store("child", step("c", raises(KeyError("k"))), on_failure=[step("inner", params={"x": "@_error.step"})])
    play(call("sub", "child"), on_failure=[step("outer", params={"x": "@_error.step"})])
    assert called == ["c", "inner", "outer"]


def test_a_child_is_tried_again_as_a_whole() -> None:
    store("child", step("one"), step("two", _scene.failing(1, KeyError("k"))), outputs={"x": 1})
    events = play(call("sub", "child", retry={"max_attempts": 2, "on": ["KeyError"]}))
    assert called == ["one", "two", "one", "two"]
    assert results(events) == {"sub": {"x": 1}}


def test_a_step_of_the_child_is_tried_again_by_itself() -> None:
    store("child", step("one"), step("two", _scene.failing(1, KeyError("k")), retry={"max_attempts": 2}))
    play(call("sub", "child"))
    assert called == ["one", "two", "two"]


def slow(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    time.sleep(20)
    return {}


@pytest.mark.parametrize(
    ("of_step", "of_child", "of_parent"), [(0.5, None, None), (None, 0.5, None), (None, None, 0.5), (20, 20, 0.5)]
)
def test_the_shortest_timeout_ends_the_child(of_step: Any, of_child: Any, of_parent: Any) -> None:
    def timeout(seconds: Any) -> dict[str, Any]:
        return {} if seconds is None else {"timeout": seconds}

    store("child", step("c", slow), **timeout(of_child))
    events = play(call("sub", "child", **timeout(of_step)), step("b"), **timeout(of_parent))
    assert type(error(events)).__name__ == "StepTimeout"
    assert called == ["c"]


def test_the_timeout_of_a_step_that_runs_a_flow_is_one_attempts() -> None:
    store("child", step("c", slow))
    play(call("sub", "child", timeout=0.1, retry={"max_attempts": 2}))
    assert called == ["c", "c"]


def test_the_timeout_of_a_step_that_runs_a_flow_is_named_as_such() -> None:
    store("child", step("c", slow))
    assert str(error(play(call("sub", "child", timeout=0.1)))) == "the step took longer than its timeout of 0.1 s"


def test_a_child_can_be_conditional_and_gone_on_after() -> None:
    store("child", step("c", raises(KeyError("k"))))
    made = step("made", returns({"ok": True}))
    events = play(made, call("sub", "child", when="@made.ok", continue_on_error=True), step("b"))
    assert called == ["made", "c", "b"]
    assert isinstance(events[-1], RunSucceeded)


def test_warnings_of_the_child_are_warnings_of_the_parent() -> None:
    store("child", step("c", raises(KeyError("k")), continue_on_error=True))
    last = play(call("sub", "child"))[-1]
    assert isinstance(last, RunSucceeded)
    assert len(last.warnings) == 1


def test_outputs_of_the_child_that_cannot_be_stored_are_handed_on_in_memory() -> None:
    thing = {1, 2}
    store("child", step("c", returns({"set": thing})), outputs={"set": "@c.set"})
    events = play(call("sub", "child"), outputs={"x": "@sub.set"})
    assert outputs(events)["x"] == thing
    done = next(event for event in events if isinstance(event, StepSucceeded))
    assert str(done.not_storable) == "/set (set) is no JSON value"


def test_outputs_of_a_child_are_known_to_the_proof() -> None:
    store("child", {"name": "m", "mod": "common.Typed", "method": "make"}, outputs={"n": "@m.number", "t": "@m.text"})
    take = {"name": "t", "mod": "common.Typed", "method": "take", "params": {"number": "@sub.n", "text": "@sub.t"}}
    report = check(document(call("sub", "child"), take), _scene.REGISTRY, source, name="main")
    assert [verdict.certainty.value for verdict in report.verdicts] == ["proved", "proved"]
    assert json.dumps([str(finding) for finding in report.findings]) == "[]"
