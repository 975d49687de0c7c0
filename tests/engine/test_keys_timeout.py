"""`timeout`: of a step and of the whole run, in the main thread and in others, and what it leaves behind."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from flows.engine import Event, RunFailed, RunSucceeded, StepTimeout, execute
from flows.engine.deadline import time_limit
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, error, names, play, raises, results, returns, step, waited

SHORT = 0.1
LONG = 20.0


@pytest.fixture(autouse=True)
def _empty_scene() -> Iterator[None]:
    _scene.clear()
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def in_thread(act: Callable[[], Any]) -> Any:
    """Return what a function returns in another thread."""
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(act()))
    thread.start()
    thread.join(LONG)
    return done[0]


def here(act: Callable[[], Any]) -> Any:
    return act()


in_any_thread = pytest.mark.parametrize("place", [here, in_thread])


def sleeps(seconds: float = LONG) -> _scene.Act:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        return {}

    return act


def loops(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """Execute Python and nothing else."""
    ends = time.monotonic() + LONG
    while time.monotonic() < ends:
        pass
    return {}


def assert_timeout(events: list[Event], message: str) -> None:
    found = error(events)
    assert type(found) is StepTimeout
    assert str(found) == message


def test_a_step_that_sleeps_in_the_main_thread_is_interrupted() -> None:
    assert_timeout(play(step("a", sleeps(), timeout=SHORT)), "the step took longer than its timeout of 0.1 s")


@in_any_thread
def test_a_step_that_executes_python_is_interrupted_in_every_thread(place: Callable[..., Any]) -> None:
    events = place(lambda: play(step("a", loops, timeout=SHORT)))
    assert_timeout(events, "the step took longer than its timeout of 0.1 s")


@in_any_thread
def test_a_step_that_swallows_exceptions_is_interrupted_all_the_same(place: Callable[..., Any]) -> None:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        try:
            return loops(context, params)
        except Exception:  # noqa: BLE001
            return {"swallowed": True}

    assert_timeout(place(lambda: play(step("a", act, timeout=SHORT))), "the step took longer than its timeout of 0.1 s")


@in_any_thread
def test_a_step_that_swallows_everything_has_failed_when_it_returns(place: Callable[..., Any]) -> None:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        try:
            return loops(context, params)
        except:  # noqa: E722
            return {"swallowed": True}

    assert_timeout(place(lambda: play(step("a", act, timeout=SHORT))), "the step took longer than its timeout of 0.1 s")


def test_a_step_that_returns_too_late_has_failed() -> None:
    events = in_thread(lambda: play(step("a", sleeps(0.1), timeout=0.05)))
    assert_timeout(events, "the step took longer than its timeout of 0.05 s")


def test_a_step_that_raises_too_late_has_failed_by_its_timeout() -> None:
    def act(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        try:
            time.sleep(LONG)
        finally:
            raise ValueError("no")

    assert_timeout(play(step("a", act, timeout=SHORT)), "the step took longer than its timeout of 0.1 s")


@in_any_thread
def test_a_step_within_its_time_is_as_it_is_without(place: Callable[..., Any]) -> None:
    events = place(
        lambda: play(step("a", returns({"x": 1}), timeout=LONG), step("b", raises(KeyError("k")), timeout=LONG))
    )
    assert results(events) == {"a": {"x": 1}}
    assert type(error(events)) is KeyError


def test_the_timeout_of_a_step_is_one_attempts() -> None:
    events = play(step("a", sleeps(), timeout=0.05, retry={"max_attempts": 3}))
    assert called == ["a"] * 3
    assert_timeout(events, "the step took longer than its timeout of 0.05 s")


def test_a_step_with_continue_on_error_goes_on_after_its_timeout() -> None:
    events = play(step("a", sleeps(), timeout=0.05, continue_on_error=True), step("b"))
    assert called == ["a", "b"]
    assert isinstance(events[-1], RunSucceeded)


# The whole run


def test_the_timeout_of_the_document_ends_a_step_that_has_none() -> None:
    assert_timeout(play(step("a", sleeps()), timeout=SHORT), "the time of the run is over")


def test_the_timeout_of_the_document_caps_that_of_a_step() -> None:
    assert_timeout(play(step("a", sleeps(), timeout=LONG), timeout=SHORT), "the time of the run is over")


def test_the_timeout_of_a_step_holds_below_that_of_the_document() -> None:
    events = play(step("a", sleeps(), timeout=SHORT), timeout=LONG)
    assert_timeout(events, "the step took longer than its timeout of 0.1 s")


def test_the_timeout_of_the_document_is_not_tried_again() -> None:
    play(step("a", sleeps(), retry={"max_attempts": 5}), timeout=SHORT)
    assert called == ["a"]


def test_the_timeout_of_the_document_is_not_gone_on_after() -> None:
    events = play(step("a", sleeps(), continue_on_error=True), step("b"), timeout=SHORT)
    assert called == ["a"]
    assert names(events) == ["StepStarted a", "StepFailed a", "RunFailed a"]


def test_a_wait_that_would_last_beyond_the_run_is_not_begun() -> None:
    events = play(step("a", raises(ValueError("no")), retry={"max_attempts": 5, "delay": 60}), timeout=30)
    assert (called, waited) == (["a"], [])
    assert type(error(events)) is ValueError


def test_the_time_of_the_run_counts_all_steps_and_what_the_caller_does_between() -> None:
    definition = _scene.define(step("a"), step("b"), timeout=SHORT)
    for event in execute(definition):
        if type(event).__name__ == "StepSucceeded":
            time.sleep(2 * SHORT)
    assert isinstance(event, RunFailed)
    assert called == ["a"]
    assert str(event.error) == "the time of the run is over"


def test_the_time_of_the_run_ends_a_repeated_step_between_its_entries() -> None:
    events = play(step("a", sleeps(0.02), foreach=list(range(1000))), timeout=0.1)
    assert_timeout(events, "the time of the run is over")
    assert len(called) < 20


def test_the_timeout_of_the_document_does_not_apply_to_on_failure() -> None:
    handler = step("tell", sleeps(0.1))
    events = play(step("a", sleeps()), timeout=0.05, on_failure=[handler])
    assert "StepSucceeded tell" in names(events)


def test_a_step_of_on_failure_has_its_own_timeout() -> None:
    handlers = [step("tell", sleeps(), timeout=0.05), step("then")]
    events = play(step("a", raises(ValueError("no"))), on_failure=handlers)
    assert names(events)[-4:] == ["StepFailed tell", "StepStarted then", "StepSucceeded then", "RunFailed a"]


# What is left behind


def test_the_handler_and_the_timer_of_the_caller_come_back() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        play(step("a", sleeps(), timeout=0.02))
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 0.3
        time.sleep(0.4)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_timer_of_the_caller_that_was_due_meanwhile_rings_afterwards() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        play(step("a", sleeps(0.05), timeout=LONG))
        time.sleep(0.01)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_limit_inside_a_limit_leaves_the_outer_one_in_force() -> None:
    def inner(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        with time_limit(LONG, "inner"):
            pass
        time.sleep(LONG)
        return {}

    assert_timeout(play(step("a", inner, timeout=SHORT)), "the step took longer than its timeout of 0.1 s")


@in_any_thread
def test_no_exception_comes_after_the_block_however_near_its_end_the_limit_is(place: Callable[..., Any]) -> None:
    assert place(hammer) == []


def hammer() -> list[str]:
    """Run a thousand blocks that end about when their time is up, and return what came out that should not."""
    stray: list[str] = []
    for number in range(1000):
        seconds = (1 + number % 50) * 4e-6
        try:
            try:
                with time_limit(seconds, "up"):
                    spin(seconds * (0.6 + number % 7 / 10))
            except StepTimeout:
                pass
        except BaseException as escaped:  # noqa: BLE001
            stray.append(repr(escaped))
    spin(0.005)
    return stray


def spin(seconds: float) -> None:
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        pass


@in_any_thread
def test_a_limit_of_no_seconds_calls_nothing(place: Callable[..., Any]) -> None:
    def act() -> str:
        try:
            with time_limit(0, "up"):
                return "called"
        except StepTimeout as found:
            return str(found)

    assert place(act) == "up"


@in_any_thread
def test_threads_have_limits_of_their_own(place: Callable[..., Any]) -> None:
    events: list[list[Event]] = []
    definitions = [
        _scene.define(step(name, act, timeout=limit))
        for name, act, limit in (("slow", loops, SHORT), ("fast", returns({}), LONG))
    ]
    threads = [threading.Thread(target=lambda one=one: events.append(_scene.go(one))) for one in definitions * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert sorted(names(one)[-1] for one in events) == ["RunFailed slow"] * 2 + ["RunSucceeded"] * 2
