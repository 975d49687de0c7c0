"""A run executes its steps in order, stops at the first that fails, and outlives whatever a procedure does."""

import contextvars
import datetime
import decimal
import http
import logging
import re
import sys
import threading
from collections import OrderedDict, UserDict, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from flows.engine import (
    CurrentStep,
    InvalidResult,
    Registry,
    RunFailed,
    RunSucceeded,
    Step,
    StepExited,
    StepFailed,
    StepStarted,
    StepSucceeded,
    UnresolvedReference,
    current_step,
    execute,
    parse,
    run,
)
from tests.engine import stage
from tests.engine.stage import definition, document, events, notes, play, raises, returns, step


def told(*scenes: stage.Scene) -> list[str]:
    """Return what happened as "started step1", "succeeded step1", "failed step2"."""
    return [f"{type(event).__name__.removeprefix('Step').lower()} {event.step.name}" for event in events(*scenes)]


def failure(act: stage.Act) -> StepFailed:
    """Return how a single step failed."""
    event = events(act)[-1]
    assert isinstance(event, StepFailed)
    return event


# Order, and stopping.


def test_steps_run_in_the_order_of_the_list() -> None:
    called: list[int] = []

    def number(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        called.append(params["n"])
        return {"n": params["n"]}

    results = play(*[(number, {"n": n}) for n in (3, 1, 2)])
    assert called == [3, 1, 2]
    assert results == {"step1": {"n": 3}, "step2": {"n": 1}, "step3": {"n": 2}}
    assert list(results) == ["step1", "step2", "step3"]


def test_each_step_tells_that_it_started_and_how_it_ended() -> None:
    assert told(returns({}), returns({})) == ["started step1", "succeeded step1", "started step2", "succeeded step2"]


def test_a_flow_without_steps_has_no_results(registry: Registry) -> None:
    empty = parse(document(), registry)
    assert run(empty) == {}
    assert list(execute(empty)) == [RunSucceeded({}, ())]


def test_the_last_event_says_how_the_run_ended() -> None:
    *_, last = execute(definition(returns({})))
    assert last == RunSucceeded({}, ())
    error = ValueError("no")
    flow = definition(returns({}), raises(error), returns({}))
    *_, last = execute(flow)
    assert last == RunFailed(flow.steps[1], error)


def test_a_run_stops_at_the_first_failure_and_calls_nothing_after_it() -> None:
    seen: list[Any] = []
    assert told(returns({}), raises(ValueError("no")), notes(seen)) == [
        *("started step1", "succeeded step1", "started step2", "failed step2")
    ]
    assert seen == []


def test_a_step_is_called_only_when_the_event_after_its_start_is_asked_for() -> None:
    seen: list[Any] = []
    happening = execute(definition(notes(seen)))
    assert isinstance(next(happening), StepStarted)
    assert seen == []
    assert isinstance(next(happening), StepSucceeded)
    assert len(seen) == 1


def test_a_consumer_may_stop_between_steps() -> None:
    seen: list[Any] = []
    happening = execute(definition(returns({}), notes(seen)))
    for _ in range(3):
        next(happening)
    assert isinstance(happening, Iterator)
    happening.close()  # type: ignore[attr-defined]
    assert seen == []
    assert current_step.get() is None


def test_events_hold_the_step_the_result_and_the_seconds() -> None:
    started, succeeded, _, failed = events(returns({"a": 1}), raises(KeyError("x")))
    assert isinstance(started.step, Step)
    assert (started.step.name, str(started.step.target)) == ("step1", "common.Play.act")
    assert isinstance(succeeded, StepSucceeded)
    assert (succeeded.result, succeeded.not_storable) == ({"a": 1}, None)
    assert 0 <= succeeded.seconds < 1
    assert isinstance(failed, StepFailed)
    assert isinstance(failed.error, KeyError)
    assert 0 <= failed.seconds < 1


def test_one_definition_can_run_many_times_and_in_threads() -> None:
    flow = definition(
        (lambda context, params: {"x": params["x"]}, {"x": [1]}), (lambda c, p: {"y": p["y"]}, {"y": "@step1.x"})
    )
    outcomes: list[Any] = []
    threads = [threading.Thread(target=lambda: outcomes.append(run(flow))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [{"step1": {"x": [1]}, "step2": {"y": [1]}}] * 8


# What a procedure raises.


def test_the_exception_of_a_step_comes_out_of_run_with_a_note_that_names_the_step() -> None:
    error = ValueError("no such day")
    with pytest.raises(ValueError, match="no such day") as raised:
        play(returns({}), raises(error), flow="daily")
    assert raised.value is error
    assert error.__notes__ == ["in step 'step2' of flow 'daily'"]


def test_the_note_leaves_the_flow_out_where_it_has_no_name() -> None:
    with pytest.raises(ValueError, match="no") as raised:
        play(raises(ValueError("no")))
    assert raised.value.__notes__ == ["in step 'step1'"]


def test_the_traceback_of_the_procedure_is_kept() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        play(lambda context, params: {"x": 1 / 0})
    assert Path(raised.traceback[-1].path).name == "test_runner.py"


def recurse(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    return recurse(context, params)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("never shown")


class Exits(Exception):
    def __str__(self) -> str:
        raise SystemExit(9)


class NoText(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # noqa: PLE0307


class Own(BaseException):
    pass


def mute(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    raise Mute


def leave(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    sys.exit(7)


FATAL: dict[str, tuple[stage.Act, str]] = {
    "sys.exit": (leave, "SystemExit: 7"),
    "SystemExit": (raises(SystemExit()), "SystemExit"),
    "KeyboardInterrupt": (raises(KeyboardInterrupt()), "KeyboardInterrupt"),
    "GeneratorExit": (raises(GeneratorExit()), "GeneratorExit"),
    "a BaseException of its own": (raises(Own("stop")), "Own: stop"),
}
ERRORS: dict[str, tuple[stage.Act, str]] = {
    "MemoryError": (raises(MemoryError()), "MemoryError"),
    "RecursionError": (recurse, "RecursionError: maximum recursion depth exceeded"),
    "StopIteration": (raises(StopIteration("x")), "StopIteration: x"),
    "StopAsyncIteration": (raises(StopAsyncIteration()), "StopAsyncIteration"),
    "KeyError": (raises(KeyError("msg")), "KeyError: missing key 'msg'"),
    "AssertionError": (raises(AssertionError()), "AssertionError"),
    "a group": (
        raises(ExceptionGroup("both", [ValueError("a"), TypeError("b")])),
        "ExceptionGroup: both (2 sub-exceptions)",
    ),
    "an error whose text raises": (mute, "Mute: (its text cannot be shown: RuntimeError)"),
    "an error whose text exits": (raises(Exits()), "Exits: (its text cannot be shown: SystemExit)"),
    "an error whose text is a number": (raises(NoText()), "NoText: (its text cannot be shown: TypeError)"),
    "an error with control characters": (
        raises(ValueError("a\x1b[2J\nb\u202e\ud800")),
        r"ValueError: a\x1b[2J\nb\u202e\ud800",
    ),
    "an error of a megabyte": (raises(ValueError("x" * 1_000_000)), "ValueError: " + "x" * 987 + "…"),
}


@pytest.mark.parametrize(("act", "text"), (FATAL | ERRORS).values(), ids=(FATAL | ERRORS).keys())
def test_whatever_a_procedure_raises_is_a_failed_step_with_a_safe_text(
    act: stage.Act, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seen: list[Any] = []
    assert told(returns({}), act, notes(seen)) == ["started step1", "succeeded step1", "started step2", "failed step2"]
    assert seen == []
    (line,) = [record.getMessage() for record in caplog.records if record.getMessage().startswith("step failed")]
    assert re.fullmatch(r"step failed in \d+\.\d ms: " + re.escape(text) + ("" if text.endswith("…") else ".*"), line)
    assert current_step.get() is None
    assert play(returns({"still": "healthy"})) == {"step1": {"still": "healthy"}}


@pytest.mark.parametrize(("act", "text"), FATAL.values(), ids=FATAL.keys())
def test_what_would_end_the_process_comes_out_of_run_as_step_exited(act: stage.Act, text: str) -> None:
    with pytest.raises(StepExited, match=f"^in step 'step1' of flow 'daily': {text}$") as raised:
        play(act, flow="daily")
    assert isinstance(raised.value.__cause__, BaseException)
    assert not isinstance(raised.value.__cause__, Exception)


@pytest.mark.parametrize(("act", "text"), ERRORS.values(), ids=ERRORS.keys())
def test_an_exception_comes_out_of_run_as_it_is(act: stage.Act, text: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011  (a different one each time)
        play(act)
    assert type(raised.value).__name__ == text.partition(":")[0]
    assert raised.value.__notes__ == ["in step 'step1'"]


@dataclass(frozen=True)
class Frozen(Exception):
    """An error whose attributes cannot be set: not its notes either."""

    code: int


def test_an_exception_that_takes_no_note_comes_out_all_the_same() -> None:
    with pytest.raises(Frozen):
        play(raises(Frozen(3)))


def test_an_instance_that_cannot_be_made_is_a_failed_step(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, logger: logging.Logger) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(registry.find("common.Kt", "prt").owner, "__init__", refuse)
    *_, last = execute(parse(document(step()), registry))
    assert isinstance(last, RunFailed)
    assert str(last.error) == "no connection"
    assert stage.happened == []


# How a procedure is called.


def test_each_step_has_a_new_instance_with_the_logger_of_its_module() -> None:
    play(returns({}), returns({}), returns({}))
    assert len({id(instance) for instance in stage.instances}) == 3
    assert {instance.logger.name for instance in stage.instances} == {"tests.engine.procs.common.Play"}


def test_the_second_argument_is_named_at_will(registry: Registry) -> None:
    flow = parse(document(step(method="echo", params={"a": [1]})), registry)
    assert run(flow) == {"step1": {"a": [1]}}


def test_params_that_are_left_out_are_an_empty_dict(registry: Registry) -> None:
    flow = parse(document({"name": "a", "mod": "common.Kt", "method": "echo"}), registry)
    assert run(flow) == {"a": {}}


def test_the_seed_example_runs_and_logs_dicts_under_the_name_of_its_module(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    text = document(step(), step(name="step2", params={"msg": "@step1.msg"}))
    assert run(parse(text, registry)) == {"step1": {"msg": "hello"}, "step2": {"msg": "hello"}}
    records = [record for record in caplog.records if record.name == "tests.engine.procs.common.Kt"]
    assert [record.msg for record in records] == [{"msg": "hello"}] * 2
    assert [record.getMessage() for record in records] == ["{'msg': 'hello'}"] * 2


def test_the_context_holds_earlier_results_by_name_and_what_the_engine_keeps() -> None:
    seen: list[Any] = []
    play(returns({"a": 1}), returns({"b": [2]}), notes(seen))
    context = dict(seen[0][0])
    context.pop("_runtime")
    assert context == {"step1": {"a": 1}, "step2": {"b": [2]}}


@pytest.mark.parametrize("run_id", [None, 0, 42])
def test_what_the_engine_keeps_is_start_time_flow_and_run_id(run_id: int | None) -> None:
    seen: list[Any] = []
    before = datetime.datetime.now().replace(microsecond=0)
    events(notes(seen), notes(seen), flow="daily", run_id=run_id)
    first, second = (context["_runtime"] for context, _ in seen)
    assert first == second
    assert list(first) == ["start_time", "flow", "run_id"]
    assert (first["flow"], first["run_id"]) == ("daily", run_id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", first["start_time"])
    assert before <= datetime.datetime.fromisoformat(first["start_time"]) <= datetime.datetime.now()


def test_what_the_engine_keeps_is_not_among_the_results() -> None:
    assert play(returns({})) == {"step1": {}}


# Which step is current.


def current(place: list[Any]) -> stage.Act:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        place.append(current_step.get())
        return {}

    return act


def test_the_current_step_is_set_during_the_call_and_only_then() -> None:
    seen: list[Any] = []
    between = [current_step.get() for _ in execute(definition(current(seen), current(seen)), flow="f", run_id=3)]
    assert seen == [CurrentStep("f", 3, "step1"), CurrentStep("f", 3, "step2")]
    assert between == [None] * 5
    assert current_step.get() is None


def test_the_current_step_is_known_while_the_instance_is_made(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        registry.find("common.Kt", "echo").owner, "__init__", lambda self, logger: seen.append(current_step.get())
    )
    run(parse(document(step(method="echo")), registry), flow="f")
    assert seen == [CurrentStep("f", None, "step1")]


def test_the_current_step_goes_along_with_a_copied_context_into_threads() -> None:
    seen: dict[str, Any] = {}

    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        copied = contextvars.copy_context()
        threads = [
            threading.Thread(target=copied.run, args=(lambda: seen.update(copied=current_step.get()),)),
            threading.Thread(target=lambda: seen.update(bare=current_step.get())),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {}

    play(act, flow="f")
    assert seen == {"copied": CurrentStep("f", None, "step1"), "bare": None}


def test_a_flow_inside_a_step_has_its_own_current_step_and_gives_the_outer_one_back() -> None:
    seen: list[Any] = []

    def outer(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        play(current(seen), flow="inner")
        seen.append(current_step.get())
        return {}

    play(outer, flow="outer")
    assert seen == [CurrentStep("inner", None, "step1"), CurrentStep("outer", None, "step1")]


def test_a_step_that_sets_the_current_step_leaves_nothing_behind() -> None:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        current_step.set(CurrentStep("forged", 1, "forged"))
        return {}

    seen: list[Any] = []
    play(act, current(seen), flow="f")
    assert seen == [CurrentStep("f", None, "step2")]
    assert current_step.get() is None


# What is logged.


def logged(caplog: pytest.LogCaptureFixture, *scenes: stage.Scene) -> list[tuple[str, str, str | None]]:
    """Return level, message without its numbers, and step of each record of the engine."""
    caplog.set_level(logging.INFO)
    events(*scenes, flow="daily", run_id=5)
    records = [record for record in caplog.records if record.name.startswith("flows.engine")]
    assert all((vars(record)["flow"], vars(record)["run_id"]) == ("daily", 5) for record in records)
    return [
        (record.levelname, re.sub(r"\d+\.\d ms", "N ms", record.getMessage()), vars(record)["step"])
        for record in records
    ]


def test_start_and_end_of_run_and_steps_are_logged_with_their_address(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, returns({}), returns({})) == [
        ("INFO", "run started, 2 steps", None),
        ("INFO", "step started: common.Play.act", "step1"),
        ("INFO", "step succeeded in N ms", "step1"),
        ("INFO", "step started: common.Play.act", "step2"),
        ("INFO", "step succeeded in N ms", "step2"),
        ("INFO", "run succeeded in N ms", None),
    ]


def test_the_error_of_a_procedure_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, raises(KeyError("msg")), returns({})) == [
        ("INFO", "run started, 2 steps", None),
        ("INFO", "step started: common.Play.act", "step1"),
        ("ERROR", "step failed in N ms: KeyError: missing key 'msg'", "step1"),
        ("ERROR", "run failed at step step1: KeyError: missing key 'msg'", None),
    ]
    (failed,) = [record for record in caplog.records if "step failed" in record.getMessage()]
    assert failed.exc_info is not None
    assert failed.exc_info[0] is KeyError
    assert "in act" in caplog.text


def test_a_reference_that_cannot_be_resolved_is_logged_stopped_and_the_step_is_not_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []
    why = '"@step1.mgs": "@step1" has no key "mgs" (keys: msg). Did you mean "@step1.msg"?'
    assert logged(caplog, returns({"msg": 1}), (notes(seen), {"x": "@step1.mgs"}), notes(seen))[3:] == [
        ("INFO", "step started: common.Play.act", "step2"),
        ("ERROR", f"step failed in N ms: {why}", "step2"),
        ("ERROR", f"run failed at step step2: {why}", None),
    ]
    assert seen == []
    assert len(stage.instances) == 1
    assert all(record.exc_info is None for record in caplog.records)


def test_a_reference_that_cannot_be_resolved_comes_out_of_run() -> None:
    with pytest.raises(UnresolvedReference, match='"@step1" has no key "x"') as raised:
        play(returns({}), (returns({}), {"x": "@step1.x"}))
    assert raised.value.__notes__ == ["in step 'step2'"]


def test_errors_are_logged_also_where_infos_are_not_wanted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    events(raises(ValueError("no")))
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_one_record_is_one_line_whatever_a_procedure_raises(caplog: pytest.LogCaptureFixture) -> None:
    events(raises(ValueError("a\r\nb\x85c\u2028d\x0be")))
    assert all(len(record.getMessage().splitlines()) == 1 for record in caplog.records)


# What a procedure may return.


@pytest.mark.parametrize(
    ("result", "article"),
    [
        (None, "nothing (None)"),
        (1, "an int"),
        ("text", "a str"),
        ([], "a list"),
        ([("a", 1)], "a list"),
        ((), "a tuple"),
        (True, "a bool"),
        (dict, "a type"),
        ({}.items(), "a dict_items"),
        (UserDict(), "a UserDict"),
        (object(), "an object"),
        (ValueError("x"), "a ValueError"),
    ],
)
def test_a_result_that_is_no_dict_fails_the_step_and_the_message_says_that_it_did_run(
    result: Any, article: str
) -> None:
    error = failure(returns(result)).error
    assert isinstance(error, InvalidResult)
    assert str(error) == f"common.Play.act did run, but it returned {article} instead of a dict"


def deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


STORABLE: dict[str, tuple[Any, Any]] = {
    "an empty dict": ({}, {}),
    "all kinds": ({"a": [1, 0.5, "x", None, True, {}]}, {"a": [1, 0.5, "x", None, True, {}]}),
    "a tuple is a list": ({"a": (1, (2,))}, {"a": [1, [2]]}),
    "a named tuple is a list": ({"a": CurrentStep("f", None, "s")}, {"a": ["f", None, "s"]}),
    "an ordered dict is a dict": (OrderedDict(a=OrderedDict(b=1)), {"a": {"b": 1}}),
    "a default dict is a dict": (defaultdict(list, {"a": [1]}), {"a": [1]}),
    "a subclass of text is text": ({"a": type("Text", (str,), {})("x")}, {"a": "x"}),
    "an IntEnum is a number": ({"a": http.HTTPStatus.OK}, {"a": 200}),
    "20 levels": (deep(20), deep(20)),
    "64 bits": ({"a": [-(2**63), 2**63 - 1]}, {"a": [-(2**63), 2**63 - 1]}),
    "nearly 1 MiB": ({"a": "x" * (1024 * 1024 - 9)}, {"a": "x" * (1024 * 1024 - 9)}),
    "odd keys": ({"": 1, "a.b": 2, "é\n\0": 3, "_x": 4}, {"": 1, "a.b": 2, "é\n\0": 3, "_x": 4}),
    "odd text": ({"a": "\0\x1b\u202e😀"}, {"a": "\0\x1b\u202e😀"}),
    "one list twice": ({"a": [shared := [1]], "b": shared}, {"a": [[1]], "b": [1]}),
}


def plain(value: Any) -> bool:
    """Return whether a value is made of nothing but what JSON gives back."""
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(plain, value.values()))
    return all(map(plain, value)) if type(value) is list else type(value) in {str, int, float, bool, type(None)}


@pytest.mark.parametrize(("result", "recorded"), STORABLE.values(), ids=STORABLE.keys())
def test_later_steps_read_a_result_as_it_is_recorded(result: Any, recorded: Any) -> None:
    seen: list[Any] = []
    happened = events(returns(result), (notes(seen), {"x": "@step1"}))
    assert isinstance(happened[1], StepSucceeded)
    assert happened[1].not_storable is None
    context, params = seen[0]
    for value in (happened[1].result, context["step1"], params["x"]):
        assert value == recorded
        assert plain(value)


class Hostile:
    """Every way to look at it fails."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        raise RuntimeError("measured")

    def __bool__(self) -> bool:
        raise RuntimeError("asked for truth")

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("iterated")

    def __repr__(self) -> str:
        raise RuntimeError("shown")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("asked for an attribute")


class Marked(dict[str, Any]):
    marks: ClassVar[list[str]] = []


CYCLE: dict[str, Any] = {}
CYCLE["again"] = CYCLE
LIST_CYCLE: list[Any] = []
LIST_CYCLE.append(LIST_CYCLE)

NOT_STORABLE: dict[str, tuple[Any, str]] = {
    "a set": ({"a": {1}}, "/a (set) is no JSON value"),
    "a frozen set": ({"a": frozenset()}, "/a (frozenset) is no JSON value"),
    "bytes": ({"a": [b"x"]}, "/a/0 (bytes) is no JSON value"),
    "a bytearray": ({"a": bytearray(9)}, "/a (bytearray) is no JSON value"),
    "a date and time": ({"a": {"b": datetime.datetime(2025, 1, 1)}}, "/a/b (datetime) is no JSON value"),
    "a date": ({"a": datetime.date(2025, 1, 1)}, "/a (date) is no JSON value"),
    "a Decimal": ({"a": decimal.Decimal("1.0")}, "/a (Decimal) is no JSON value"),
    "a complex number": ({"a": 1j}, "/a (complex) is no JSON value"),
    "a number as a key": ({1: 2}, "the result (dict) has the key 1, an int; JSON has text keys only"),
    "None as a key": ({"a": [{None: 2}]}, "/a/0 (dict) has the key None, a NoneType; JSON has text keys only"),
    "a tuple as a key": ({"a": {(1, 2): 2}}, "/a (dict) has the key (1, 2), a tuple; JSON has text keys only"),
    "NaN": ({"a": float("nan")}, "/a (float) is nan, which JSON does not have"),
    "infinity": ({"a": [1.0, float("-inf")]}, "/a/1 (float) is -inf, which JSON does not have"),
    "over 1 MiB": (
        {"a": "x" * (1024 * 1024 - 8)},
        "the result is a dict of 1,048,577 bytes; more than 1 MiB is not recorded",
    ),
    "over 1 MiB in bytes": (
        {"a": "é" * 600_000},
        "the result is a dict of 1,200,009 bytes; more than 1 MiB is not recorded",
    ),
    "21 levels": (deep(21), "/in" * 20 + " (dict) is nested deeper than 20 levels"),
    "nested in itself": (CYCLE, "/again" * 20 + " (dict) is nested deeper than 20 levels"),
    "a list in itself": ({"a": LIST_CYCLE}, "/a" + "/0" * 19 + " (list) is nested deeper than 20 levels"),
    "an integer of 65 bits": ({"a": 2**64}, "/a (int) has more than 64 bits"),
    "an integer of 10,000 digits": ({"a": 10**10_000}, "/a (int) has more than 64 bits"),
    "half of a character": ({"a": "x\ud800"}, "/a (str) holds half of a character (a lone surrogate)"),
    "half of a character in a key": ({"a": {"\udfff": 1}}, "/a (str) holds half of a character (a lone surrogate)"),
    "an iterator": ({"a": iter(int, 0)}, "/a (callable_iterator) is no JSON value"),
    "a lock": ({"a": threading.Lock()}, "/a (lock) is no JSON value"),
    "a function": ({"a": len}, "/a (builtin_function_or_method) is no JSON value"),
    "a class": ({"a": dict}, "/a (type) is no JSON value"),
    "an exception": ({"a": ValueError("x")}, "/a (ValueError) is no JSON value"),
    "an object that resists": ({"a": Hostile()}, "/a (Hostile) is no JSON value"),
    "a set in a subclass of dict": (Marked(a={1}), "/a (set) is no JSON value"),
    "an odd place": ({"a/b": {"~": {1}}}, "/a~1b/~0 (set) is no JSON value"),
}


@pytest.mark.parametrize(("result", "message"), NOT_STORABLE.values(), ids=NOT_STORABLE.keys())
def test_what_cannot_be_stored_is_handed_on_in_memory_with_a_warning_that_says_why(
    result: dict[Any, Any], message: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []
    happened = events(returns(result), (notes(seen), {"x": "@step1"}))
    assert [type(event) for event in happened] == [StepStarted, StepSucceeded, StepStarted, StepSucceeded]
    assert isinstance(happened[1], StepSucceeded)
    assert str(happened[1].not_storable) == message
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == f"result not storable, kept in memory: {message}"
    context, params = seen[0]
    for value in (context["step1"], params["x"]):
        assert list(value) == list(result)
        first, original = next(iter(value.values())), next(iter(result.values()))
        assert type(first) is type(original)
        assert first is original or isinstance(first, dict | list | set | bytearray)


def test_a_reference_into_a_result_kept_in_memory_is_followed() -> None:
    seen: list[Any] = []
    frame = object()
    play(
        returns({"frame": frame, 1: 2, "rows": [{"at": frame}]}),
        (notes(seen), {"x": ["@step1.frame", "@step1.rows.0.at"]}),
    )
    assert seen[0][1]["x"] == [frame, frame]


def test_the_wrong_result_of_a_procedure_is_an_error_of_the_step_also_for_run() -> None:
    with pytest.raises(InvalidResult, match="did run") as raised:
        play(returns(None))
    assert raised.value.__notes__ == ["in step 'step1'"]


def test_a_long_key_counts_to_the_size_of_a_result() -> None:
    succeeded = events(returns({"k" * 2_000_000: 1}))[1]
    assert isinstance(succeeded, StepSucceeded)
    assert succeeded.not_storable is not None


def test_a_key_that_cannot_be_shown_does_not_fail_the_step() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise RuntimeError("shown")

    keys: list[Any] = [10**5000, Shy()]
    assert all(type(events(returns({key: 1}))[1]) is StepSucceeded for key in keys)


def test_a_negative_integer_that_does_not_fit_into_64_bits_is_not_storable() -> None:
    succeeded = events(returns({"a": -(2**64 - 1)}))[1]
    assert isinstance(succeeded, StepSucceeded)
    assert succeeded.not_storable is not None


class Counted(list[Any]):
    """A list that counts how often it is walked through, and stops who does so without end."""

    walks = 0

    def __iter__(self) -> Iterator[Any]:
        self.walks += 1
        if self.walks > 2_000_000:
            raise RuntimeError("without end")
        return super().__iter__()


def test_a_small_value_whose_text_would_be_huge_is_found_out_in_bounded_time() -> None:
    innermost = Counted([1])
    laughs: list[Any] = innermost
    for _ in range(15):
        laughs = [laughs] * 10
    succeeded = events(returns({"a": laughs}))[1]
    assert isinstance(succeeded, StepSucceeded)
    assert succeeded.not_storable is not None


def lying(method: str) -> Callable[..., Any]:
    def lie(self: Any, *args: Any) -> Any:
        raise RuntimeError(method)

    return lie


@pytest.mark.parametrize(
    "method", ["__iter__", "items", "keys", "values", "__len__", "__getitem__", "__eq__", "copy", "__contains__"]
)
def test_a_dict_whose_methods_raise_fails_at_most_its_own_step(method: str) -> None:
    hostile = type("Lying", (dict,), {method: lying(method), "__hash__": None})
    happened = events(returns(hostile(a={1}, b=2)))
    assert isinstance(happened[-1], StepSucceeded | StepFailed)
    assert play(returns({"still": "healthy"})) == {"step1": {"still": "healthy"}}


def test_an_error_while_a_result_is_kept_says_that_the_step_did_run() -> None:
    lying_dict = type("Lying", (dict,), {"items": lying("items")})
    assert "did run" in str(failure(returns(lying_dict(a=1))).error)
