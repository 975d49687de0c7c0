"""`foreach`: a step for each entry of a list, in order."""

import time
from typing import Any

import pytest

from flows.engine import InvalidCondition, ItemSucceeded, RunFailed, UnresolvedReference
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, error, names, play, raises, results, returns, step, waited


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


def each(entries: Any, **keys: Any) -> dict[str, Any]:
    """Return a step that hands on each entry and its index."""
    return step("each", foreach=entries, params={"item": "@_item", "index": "@_index"}, **keys)


def result(*steps: dict[str, Any]) -> Any:
    return results(play(*steps))["each"]


def expected(*entries: Any) -> dict[str, Any]:
    return {"items": [{"item": entry, "index": index} for index, entry in enumerate(entries)], "count": len(entries)}


def test_a_step_is_executed_for_each_entry_of_a_literal_list_in_order() -> None:
    assert result(each(["a", None, {"b": [1]}, [2], True])) == expected("a", None, {"b": [1]}, [2], True)
    assert called == ["each"] * 5


def test_a_step_is_executed_for_each_entry_of_an_earlier_result() -> None:
    assert result(step("rows", returns({"rows": [3, 1, 2]})), each("@rows.rows")) == expected(3, 1, 2)


def test_the_entries_of_a_literal_list_may_hold_references() -> None:
    made = step("made", returns({"x": 7}))
    assert result(made, each(["@made.x", {"deep": ["@made.x"]}, "@@made"])) == expected(7, {"deep": [7]}, "@made")


def test_item_and_index_are_valid_at_any_depth_of_params() -> None:
    deep = step("each", foreach=[{"a": 1}], params={"x": [{"y": "@_item.a", "z": ["@_index", "@_item"]}]})
    assert result(deep) == {"items": [{"x": [{"y": 1, "z": [0, {"a": 1}]}]}], "count": 1}


def test_an_entry_that_has_not_the_key_fails_the_step_there() -> None:
    events = play(step("each", foreach=[{"a": 1}, {}], params={"x": "@_item.a"}))
    assert type(error(events)) is UnresolvedReference
    assert called == ["each"]
    assert error(events).__notes__ == ["at entry 1 of 2 of step 'each'"]


def test_item_and_index_are_not_in_the_context() -> None:
    seen: list[dict[str, Any]] = []
    play(step("each", _scene.looks(seen), foreach=[1]))
    assert [sorted(context) for context in seen] == [["_runtime"]]


def test_an_empty_list_calls_nothing_and_succeeds() -> None:
    assert result(each([])) == {"items": [], "count": 0}
    assert result(step("rows", returns({"rows": []})), each("@rows.rows")) == {"items": [], "count": 0}
    assert called == ["rows"]


def test_each_entry_that_is_done_is_told() -> None:
    events = play(each(["a", "b"]))
    assert names(events)[1:3] == ["ItemSucceeded each"] * 2
    told = [event for event in events if isinstance(event, ItemSucceeded)]
    assert [(event.number, event.result["item"]) for event in told] == [(0, "a"), (1, "b")]


def test_the_first_failure_stops_the_step_and_the_run() -> None:
    def second_fails(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        if params["x"] == 2:
            raise ValueError("two")
        return {}

    events = play(step("each", second_fails, foreach=[1, 2, 3], params={"x": "@_item"}), step("after"))
    assert called == ["each", "each"]
    assert names(events) == ["StepStarted each", "ItemSucceeded each", "StepFailed each", "RunFailed each"]
    assert error(events).__notes__ == ["at entry 1 of 3 of step 'each'"]


def test_a_thousand_entries_are_taken() -> None:
    assert result(each(list(range(1000))))["count"] == 1000
    assert result(step("rows", returns({"rows": [0] * 1000})), each("@rows.rows"))["count"] == 1000


def test_more_than_a_thousand_entries_fail_the_step_before_the_first() -> None:
    events = play(step("rows", returns({"rows": [0] * 1001})), each("@rows.rows"))
    assert type(error(events)) is InvalidCondition
    assert str(error(events)) == '"foreach" has 1001 entries; it takes at most 1000'
    assert called == ["rows"]


@pytest.mark.parametrize(
    ("value", "kind"), [(5, "a number"), ("abc", "a text"), (None, "null"), ({"a": 1}, "an object"), (True, "true")]
)
def test_what_turns_out_to_be_no_list_fails_the_step(value: Any, kind: str) -> None:
    events = play(step("rows", returns({"rows": value})), each("@rows.rows"))
    assert type(error(events)) is InvalidCondition
    assert str(error(events)) == f'"foreach" is {kind}; it must be a list'


def test_a_list_that_is_missing_fails_the_step() -> None:
    assert type(error(play(step("rows", returns({})), each("@rows.rows")))) is UnresolvedReference


def test_later_steps_read_items_and_count() -> None:
    events = play(each(["a", "b"]), step("b", params={"last": "@each.items.1.item", "count": "@each.count"}))
    assert results(events)["b"] == {"last": "b", "count": 2}


def test_attempts_are_counted_for_each_entry() -> None:
    def first_attempt_fails(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        if len(called) % 2:
            raise ValueError("odd")
        return {}

    events = play(step("each", first_attempt_fails, foreach=[1, 2, 3], retry={"max_attempts": 2, "delay": 4}))
    assert names(events).count("StepRetrying each") == 3
    assert waited == [4, 4, 4]
    assert results(events)["each"]["count"] == 3


def test_the_timeout_holds_for_each_entry() -> None:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        time.sleep(params["seconds"])
        return {}

    events = play(step("each", act, foreach=[0.15, 0.15, 5], params={"seconds": "@_item"}, timeout=0.28))
    assert names(events).count("ItemSucceeded each") == 2
    assert str(error(events)) == "the step took longer than its timeout of 0.28 s"


def test_what_one_entry_changes_no_other_sees() -> None:
    seen: list[Any] = []

    def spoil(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        seen.append((len(params["all"]), len(params["item"]), len(context["rows"]["rows"])))
        for changed in (params["all"], params["item"], context["rows"]["rows"]):
            changed.append("spoilt")
        return params

    rows = step("rows", returns({"rows": [[1], [1]]}))
    spoils = step("each", spoil, foreach="@rows.rows", params={"all": "@rows.rows", "item": "@_item"})
    events = play(rows, spoils, step("after", params={"x": "@rows.rows"}))
    assert seen == [(2, 1, 2)] * 2
    assert results(events)["after"] == {"x": [[1], [1]]}


def test_one_result_that_is_kept_and_changed_by_the_procedure_changes_no_earlier_entry() -> None:
    kept: dict[str, Any] = {"rows": []}

    def grow(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        kept["rows"].append(1)
        return kept

    events = play(step("each", grow, foreach=[1, 2]))
    assert results(events)["each"]["items"] == [{"rows": [1]}, {"rows": [1, 1]}]


def test_a_result_that_is_no_dict_fails_the_step() -> None:
    events = play(step("each", returns(5), foreach=[1]))
    assert str(error(events)) == "common.Play.act did run, but it returned an int instead of a dict"


def test_an_entry_that_cannot_be_stored_keeps_the_whole_result_in_memory() -> None:
    thing = {1, 2}
    events = play(step("each", returns({"set": thing}), foreach=[1]))
    done = next(event for event in events if type(event).__name__ == "StepSucceeded")
    assert str(done.not_storable) == "/items/0/set (set) is no JSON value"  # type: ignore[union-attr]
    assert results(events)["each"]["items"][0]["set"] == thing


def test_a_condition_is_decided_once_before_the_list() -> None:
    made = step("made", returns({"ok": False}))
    assert names(play(made, each("@made.gone", when="@made.ok")))[-2:] == ["StepSkipped each", "RunSucceeded"]


def test_a_repeated_step_with_continue_on_error_stops_at_the_failure_and_the_run_goes_on() -> None:
    events = play(step("each", raises(ValueError("no")), foreach=[1, 2], continue_on_error=True), step("after"))
    assert called == ["each", "after"]
    assert not isinstance(events[-1], RunFailed)


def test_a_flow_can_be_run_for_each_entry() -> None:
    _scene.store("child", step("c"), inputs={"n": {"type": "integer"}}, outputs={"n": "@_input.n"})
    events = play({"name": "each", "flow": "child", "foreach": [1, 2], "inputs": {"n": "@_item"}})
    assert results(events)["each"] == {"items": [{"n": 1}, {"n": 2}], "count": 2}


def test_a_step_of_on_failure_can_be_repeated() -> None:
    events = play(step("a", raises(ValueError("no"))), on_failure=[each(["@_error.type", 2])])
    assert results(events)["each"] == expected("ValueError", 2)
