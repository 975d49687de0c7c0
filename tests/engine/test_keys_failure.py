"""`continue_on_error` and `on_failure`: what happens after a step has failed."""

from typing import Any

import pytest

from flows.engine import RunFailed, RunSucceeded
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, end, error, findings, names, play, raises, results, returns, step


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


NO = raises(ValueError("no"))


# A step that the run goes on after


def test_the_step_has_failed_the_run_goes_on_and_succeeds_with_a_warning() -> None:
    events = play(step("a", NO, continue_on_error=True), step("b"))
    assert names(events) == ["StepStarted a", "StepFailed a", "StepStarted b", "StepSucceeded b", "RunSucceeded"]
    last = end(events)
    assert isinstance(last, RunSucceeded)
    assert last.warnings == ("a failed: ValueError: no",)


def test_a_step_that_succeeds_all_the_same_gives_no_warning() -> None:
    last = end(play(step("a", continue_on_error=True)))
    assert isinstance(last, RunSucceeded)
    assert last.warnings == ()


@pytest.mark.parametrize("act", [raises(SystemExit(2)), raises(KeyboardInterrupt()), returns(5), returns(None)])
def test_the_run_goes_on_after_whatever_the_procedure_did(act: _scene.Act) -> None:
    assert names(play(step("a", act, continue_on_error=True), step("b")))[-1] == "RunSucceeded"


def test_the_run_goes_on_after_a_reference_that_could_not_be_resolved() -> None:
    events = play(step("a", returns({})), step("b", params={"x": "@a.gone"}, continue_on_error=True), step("c"))
    assert called == ["a", "c"]
    assert names(events)[-1] == "RunSucceeded"


def test_the_failed_step_has_no_entry_in_the_context() -> None:
    seen: list[dict[str, Any]] = []
    look = step("b", _scene.looks(seen))
    play(step("a", NO, continue_on_error=True), look)
    assert [sorted(context) for context in seen] == [["_runtime"]]


@pytest.mark.parametrize("keys", [{"params": {"x": [{"y": "@a"}]}}, {"when": "@a.ok"}, {"foreach": "@a.rows"}])
def test_nothing_may_refer_to_such_a_step(keys: dict[str, Any]) -> None:
    found = findings(step("a", continue_on_error=True), step("b", continue_on_error=True, **keys))
    assert len(found) == 1
    assert found[0].endswith('"a" may fail and go on; nothing may refer to it')


def test_false_is_as_if_it_were_not_there() -> None:
    assert findings(step("a", continue_on_error=False), step("b", params={"x": "@a.x"})) == []
    assert type(error(play(step("a", NO, continue_on_error=False)))) is ValueError


def test_on_failure_does_not_run_after_a_step_that_the_run_goes_on_after() -> None:
    play(step("a", NO, continue_on_error=True), on_failure=[step("tell")])
    assert called == ["a"]


# The steps after a failure


def test_the_handlers_run_in_order_after_the_failure() -> None:
    events = play(step("a", NO), step("b"), on_failure=[step("tell"), step("clean")])
    assert names(events) == [
        *("StepStarted a", "StepFailed a"),
        *("StepStarted tell", "StepSucceeded tell", "StepStarted clean", "StepSucceeded clean"),
        "RunFailed a",
    ]


def test_the_handlers_do_not_run_after_success() -> None:
    play(step("a"), on_failure=[step("tell")])
    assert called == ["a"]


def test_handlers_are_marked_in_their_events() -> None:
    events = play(step("a", NO), on_failure=[step("tell")])
    assert [event.step.handler for event in events if type(event).__name__ == "StepStarted"] == [False, True]  # type: ignore[union-attr]


def test_handlers_read_step_type_and_message_of_the_error() -> None:
    events = play(
        step("a", raises(KeyError("k"))), on_failure=[step("tell", params={"x": "@_error", "y": "@_error.step"})]
    )
    known = {"step": "a", "type": "KeyError", "message": "KeyError: missing key 'k'"}
    assert results(events)["tell"] == {"x": known, "y": "a"}


def test_the_message_is_one_line_whatever_was_raised() -> None:
    events = play(
        step("a", raises(ValueError("one\ntwo\x1b[31m" + "x" * 5000))), on_failure=[step("t", params={"x": "@_error"})]
    )
    message = results(events)["t"]["x"]["message"]
    assert message.startswith("ValueError: one\\ntwo\\x1b[31mxxx")
    assert len(message) == 1000


def test_handlers_read_runtime_and_input() -> None:
    tell = step("tell", params={"flow": "@_runtime.flow", "who": "@_input.who"})
    definition = _scene.define(step("a", NO), on_failure=[tell], inputs={"who": {"type": "string", "default": "me"}})
    assert results(_scene.go(definition))["tell"] == {"flow": "main", "who": "me"}


def test_handlers_read_the_results_of_earlier_handlers() -> None:
    events = play(step("a", NO), on_failure=[step("one", returns({"x": 1})), step("two", params={"y": "@one.x"})])
    assert results(events)["two"] == {"y": 1}


def test_a_handler_that_fails_changes_neither_status_nor_error_and_later_ones_still_run() -> None:
    events = play(
        step("a", NO), on_failure=[step("one", raises(KeyError("second"))), step("two", returns(5)), step("three")]
    )
    assert called == ["a", "one", "two", "three"]
    last = end(events)
    assert isinstance(last, RunFailed)
    assert (last.step and last.step.name, str(last.error)) == ("a", "no")


def test_a_handler_that_reads_one_that_failed_fails_too() -> None:
    handlers = [step("one", raises(KeyError("x"))), step("two", params={"y": "@one.x"}), step("three")]
    events = play(step("a", NO), on_failure=handlers)
    assert called == ["a", "one", "three"]
    assert "StepFailed two" in names(events)


def test_handlers_retry_and_have_conditions() -> None:
    again = step("again", _scene.failing(1, ValueError("no"), {"ok": False}), retry={"max_attempts": 2})
    events = play(step("a", NO), on_failure=[again, step("tell", when="@again.ok")])
    assert names(events)[-4:] == ["StepRetrying again", "StepSucceeded again", "StepSkipped tell", "RunFailed a"]


def test_handlers_cannot_read_the_steps_of_the_flow_nor_these_the_handlers() -> None:
    found = findings(step("a", params={"x": "@tell.x"}), on_failure=[step("tell", params={"x": "@a.x"})])
    assert found == [
        '/procedures/0/params/x: "@tell.x": "tell" runs only after a failure (earlier steps: none).',
        '/on_failure/0/params/x: "@a.x": "a" may not have run; on_failure reads @_error, @_runtime, @_input '
        "(earlier steps: none).",
    ]


def test_handlers_run_also_where_only_the_outputs_failed() -> None:
    events = play(step("a", returns({})), outputs={"x": "@a.gone"}, on_failure=[step("tell", params={"x": "@_error"})])
    told = results(events)["tell"]["x"]
    assert (told["step"], told["type"]) == ("", "UnresolvedReference")
    last = end(events)
    assert isinstance(last, RunFailed)
    assert last.step is None


def test_the_context_of_a_handler_still_holds_what_was_done() -> None:
    seen: list[dict[str, Any]] = []
    look = step("tell", _scene.looks(seen))
    play(step("a"), step("b", NO), on_failure=[look])
    assert [sorted(context) for context in seen] == [["_error", "_runtime", "a"]]
