"""Steps that return, raise, leave open or change what they should not: recorded true, and the process is healthy."""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import DatabaseError, connection, connections, transaction
from pytest_django.fixtures import Settings

from flows import runs
from flows.models import Flow, Run, Status, StepRun
from flows.outcome import RunOutcome
from tests.faults.harness import Length
from tests.faults.steps.common.Odd import ACTS, Act, Odd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _steps(settings: Settings) -> Iterator[None]:
    settings.FLOWS_PROCEDURE_PACKAGES = ["tests.faults.steps"]
    yield
    ACTS.clear()
    Odd.shared = []


def step(name: str, method: str = "act", **params: Any) -> dict[str, Any]:
    return {"name": name, "mod": "common.Odd", "method": method, "params": params}


def store(*steps: dict[str, Any], name: str = "odd", **keys: Any) -> None:
    text = json.dumps({"procedures": list(steps), **keys})
    Flow.objects.update_or_create(flow_name=name, defaults={"flow_json": text, "enabled": True})


def recorded(outcome: RunOutcome) -> Run:
    assert outcome.run_id is not None
    return Run.objects.get(pk=outcome.run_id)


def run(act: Act, *after: dict[str, Any]) -> tuple[RunOutcome, Run]:
    """Run a flow whose first step does this; a step `healthy` follows."""
    ACTS["it"] = act
    store(step("it", do="it"), *(after or (step("healthy", "give", ok=True),)))
    outcome = runs.run_flow("odd")
    return outcome, recorded(outcome)


def rows(one: Run) -> dict[str, StepRun]:
    return {row.path: row for row in StepRun.objects.filter(run=one)}


def healthy() -> None:
    """Check that the process runs flows as if nothing had been."""
    outcome, one = run(lambda self, context, params: {"n": 1})
    assert (outcome.succeeded, one.status, outcome.warnings) == (True, Status.SUCCEEDED, ())
    assert connection.get_autocommit()
    assert not connection.in_atomic_block


# Results that cannot be stored, or are huge


class _Lying(dict[str, Any]):
    def items(self) -> NoReturn:
        raise ValueError("no items here")


def _itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["me"] = value
    return value


def _deep(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels):
        value = {"in": value}
    return value


RESULTS: dict[str, Callable[[], Any]] = {
    "bytes": lambda: {"x": b"\xff"},
    "set": lambda: {"x": {1, 2}},
    "object": lambda: {"x": object()},
    "function": lambda: {"x": lambda: 1},
    "generator": lambda: {"x": (n for n in range(3))},
    "nan": lambda: {"x": float("nan")},
    "infinite": lambda: {"x": float("-inf")},
    "number beyond 64 bits": lambda: {"x": 2**64},
    "number of 10,000 digits": lambda: {"x": 10**10_000},
    "date": lambda: {"x": datetime.now(UTC)},
    "lone surrogate": lambda: {"x": "\ud800"},
    "lone surrogate as a key": lambda: {"\udfff": 1},
    "keys that are numbers": lambda: {1: "x"},
    "keys that are None": lambda: {None: "x"},
    "nested in itself": _itself,
    "deeper than 20 levels": lambda: _deep(30),
    "deeper than Python": lambda: _deep(5000),
    "text of 2 MiB": lambda: {"x": "y" * 2 * 2**20},
    "text of 20 MiB": lambda: {"x": "\u6f22" * 7 * 2**20},
    "a million numbers": lambda: {"x": list(range(1_000_000))},
    "a key of 2 MiB": lambda: {"k" * 2 * 2**20: b""},
    "a list in a million places": lambda: {"x": [["y" * 1000] * 1000] * 1000},
}


@pytest.mark.parametrize("kind", RESULTS)
def test_a_result_that_cannot_be_stored_is_recorded_as_such_and_handed_on(kind: str) -> None:
    outcome, one = run(lambda self, context, params: RESULTS[kind]())
    row = rows(one)["it"]
    assert outcome.succeeded, outcome.summary
    assert (row.status, row.result) == ("succeeded", "")
    assert 0 < len(row.not_storable) < 2000
    assert len(outcome.warnings) == 1
    assert json.loads(one.warnings) == list(outcome.warnings)
    assert rows(one)["healthy"].status == "succeeded"


NO_DICTS: dict[str, Any] = {"nothing": None, "a list": [1], "a text": "x", "true": True, "a class": dict}


@pytest.mark.parametrize("kind", NO_DICTS)
def test_a_result_that_is_no_dict_fails_the_step_which_did_run(kind: str) -> None:
    outcome, one = run(lambda self, context, params: NO_DICTS[kind])
    assert (one.status, one.failed_step, one.error_type) == (Status.FAILED, "it", "InvalidResult")
    assert "did run" in one.error_message
    assert outcome.error is not None


def test_a_dict_that_lies_fails_its_step_at_most() -> None:
    _outcome, one = run(lambda self, context, params: _Lying(x=1))
    assert one.is_ended
    healthy()


@pytest.mark.parametrize(
    "text", ["\x00", "\u2028", "\U0001f427", '"\\', "\x1b[31m", "'; DROP TABLE wf_run; --", "\r\n"]
)
def test_a_result_of_any_text_comes_back_as_it_was(text: str) -> None:
    outcome, one = run(lambda self, context, params: {"x": text, text: [text]}, step("next", "see", it="@it"))
    assert json.loads(rows(one)["it"].result) == {"x": text, text: [text]}
    assert outcome.context["next"]["params"]["it"] == {"x": text, text: [text]}


# Exceptions


class _Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class _Exiting(Exception):
    def __str__(self) -> str:
        return str(sys.exit(7))


class _Unreadable(Exception):
    def __repr__(self) -> str:
        raise KeyboardInterrupt

    @property
    def __notes__(self) -> NoReturn:  # type: ignore[override]
        raise ValueError("no notes")


def _deeper(n: int = 0) -> NoReturn:
    _deeper(n + 1)
    raise AssertionError


def _raising(error: Callable[[], BaseException]) -> Act:
    def act(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> NoReturn:
        raise error()

    return act


EXCEPTIONS: dict[str, Act] = {
    "sys.exit": lambda self, context, params: sys.exit(3),
    "SystemExit": _raising(lambda: SystemExit("bye")),
    "BaseException": _raising(lambda: BaseException("base")),
    "KeyboardInterrupt": _raising(KeyboardInterrupt),
    "GeneratorExit": _raising(GeneratorExit),
    "StopIteration": _raising(StopIteration),
    "MemoryError": _raising(MemoryError),
    "RecursionError": lambda self, context, params: _deeper(),
    "an exception whose str() raises": _raising(_Mute),
    "an exception whose str() exits": _raising(_Exiting),
    "an exception that cannot be shown": _raising(_Unreadable),
    "a group": _raising(lambda: BaseExceptionGroup("many", [ValueError(1), KeyboardInterrupt()])),
    "a lone surrogate": _raising(lambda: ValueError("\ud800 \x00")),
    "a text of 10 MB": _raising(lambda: ValueError("x" * 10_000_000)),
    "one of our own": _raising(lambda: runs.RunLost("not really")),
    "a cancellation": _raising(lambda: runs.RunCancelled("not really")),
    "TimeoutError": _raising(TimeoutError),
}


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_whatever_a_step_raises_is_a_failed_step_and_the_process_is_healthy(kind: str, length: Length) -> None:
    for _ in range(length(1, 50)):
        outcome, one = run(EXCEPTIONS[kind])
        row = rows(one)["it"]
        assert (one.status, one.failed_step, row.status) == (Status.FAILED, "it", "failed")
        assert 0 < len(one.error_type) <= 200
        assert len(one.error_message) <= 4000
        assert len(row.traceback) <= 40_000
        assert "healthy" not in rows(one)
        assert not outcome.succeeded
    healthy()


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_whatever_a_step_raises_a_run_that_goes_on_says_it_in_its_warnings(kind: str) -> None:
    ACTS["it"] = EXCEPTIONS[kind]
    store(step("it", do="it") | {"continue_on_error": True}, step("healthy", "give", ok=True))
    one = recorded(runs.run_flow("odd"))
    assert one.status == Status.SUCCEEDED
    assert [text.split(" ")[0] for text in json.loads(one.warnings)] == ["it"]


# Transactions and connections


def _sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def _begin_and_write(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.atomic().__enter__()
    Flow.objects.create(flow_name="left", flow_json="{}")
    return {}


def _nested(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.atomic().__enter__()
    transaction.atomic().__enter__()
    Flow.objects.create(flow_name="left", flow_json="{}")
    return {}


def _plain_begin(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    _sql("BEGIN")
    Flow.objects.create(flow_name="left", flow_json="{}")
    return {}


def _without_autocommit(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.set_autocommit(False)
    Flow.objects.create(flow_name="left", flow_json="{}")
    return {}


def _broken_transaction(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.atomic().__enter__()
    try:
        _sql("SELECT nothing FROM nowhere")
    except DatabaseError:
        return {}
    raise AssertionError


def _raising_inside(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.atomic().__enter__()
    Flow.objects.create(flow_name="left", flow_json="{}")
    raise ValueError("inside")


def _closed(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    connection.close()
    return {}


def _closed_under_django(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    connection.ensure_connection()
    connection.connection.close()
    return {}


def _closed_in_a_transaction(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    transaction.atomic().__enter__()
    connection.close()
    return {}


def _all_closed(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    connections.close_all()
    return {}


LEFT_OPEN = [_begin_and_write, _nested, _plain_begin, _without_autocommit, _broken_transaction, _raising_inside]


def _read_only(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    mysql = connection.vendor == "mysql"
    _sql("SET SESSION TRANSACTION READ ONLY" if mysql else "PRAGMA query_only = ON")
    return {}


def _elsewhere(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    if connection.vendor == "mysql":
        _sql("USE information_schema")
    return {}


def _locked(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    if connection.vendor == "mysql":
        _sql("LOCK TABLES wf_flow READ")
    return {}


CLOSED = [_closed, _closed_under_django, _closed_in_a_transaction, _all_closed, _read_only, _elsewhere, _locked]


@pytest.mark.parametrize("act", LEFT_OPEN)
def test_a_transaction_that_a_step_leaves_open_is_rolled_back_and_reported(act: Act) -> None:
    outcome, one = run(act)
    assert not Flow.objects.filter(flow_name="left").exists()
    assert any("left a transaction open" in warning for warning in outcome.warnings)
    assert one.status == (Status.FAILED if act is _raising_inside else Status.SUCCEEDED)
    assert json.loads(one.warnings) == list(outcome.warnings)
    healthy()


@pytest.mark.parametrize("act", CLOSED)
def test_a_connection_that_a_step_closes_or_spoils_is_opened_again(act: Act) -> None:
    outcome, one = run(act)
    assert outcome.succeeded, outcome.summary
    assert set(rows(one)) == {"it", "healthy"}
    healthy()


# The process


def _silence(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    logging.disable(logging.CRITICAL)
    return {}


def _drop_handlers(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    logging.getLogger().handlers.clear()
    return {}


def _set_level(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    logging.getLogger().setLevel(logging.FATAL)
    return {}


def _walk_away(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    os.chdir("/")
    return {}


def _ignore_sigterm(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return {}


def _ignore_sigint(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise ValueError("and fails")


CHANGES: dict[Act, str] = {
    _silence: "logging",
    _drop_handlers: "logging",
    _set_level: "logging",
    _walk_away: "working directory",
    _ignore_sigterm: "SIGTERM",
    _ignore_sigint: "SIGINT",
}


def surroundings() -> tuple[Any, ...]:
    root = logging.getLogger()
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    return root.level, list(root.handlers), logging.root.manager.disable, Path.cwd(), handlers


@pytest.mark.parametrize("act", CHANGES)
def test_what_a_step_changes_around_itself_is_put_back_and_reported(act: Act) -> None:
    before = surroundings()
    outcome, one = run(act)
    assert surroundings() == before
    assert [CHANGES[act] in warning for warning in outcome.warnings] == [True]
    assert json.loads(one.warnings) == list(outcome.warnings)
    healthy()


def test_a_step_that_removes_the_working_directory_ends_as_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    before = Path.cwd()

    def act(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        folder.rmdir()
        return {}

    os.chdir(folder)
    try:
        outcome, _ = run(act)
    finally:
        os.chdir(before)
    assert outcome.succeeded, outcome.summary


# What is handed to a step


def _set_context(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context["first"] = {"x": "spoilt"}
    return {}


def _change_a_result(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context["first"]["list"].append("spoilt")
    return {}


def _change_inside(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context["first"]["deep"]["a"]["b"] = "spoilt"
    return {}


def _clear_context(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context.clear()
    return {}


def _change_runtime(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context["_runtime"]["run_id"] = -1
    return {}


def _add_to_context(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    context["later"] = {"x": "spoilt"}
    return {}


def _change_params(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    params["first"]["list"].append("spoilt")
    params.clear()
    return {}


def _keep_the_result(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    self.shared.append("kept")
    context.setdefault("mine", {})
    return {"list": KEPT}


def _change_what_was_returned(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    KEPT.append("spoilt")
    return {"list": KEPT}


def _change_the_instance(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    self.logger = None  # type: ignore[assignment]
    self.see = self.give  # type: ignore[method-assign]
    return {}


def _change_the_class(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    Odd.shared = ["spoilt"]
    return {}


KEPT: list[str] = []

SPOILERS = [
    _set_context,
    _change_a_result,
    _change_inside,
    _clear_context,
    _change_runtime,
    _add_to_context,
    _change_params,
    _keep_the_result,
    _change_what_was_returned,
    _change_the_instance,
    _change_the_class,
]

FIRST = {"x": 1, "list": [1, 2], "deep": {"a": {"b": 2}}}


@pytest.mark.parametrize("act", SPOILERS)
def test_what_a_step_changes_reaches_no_record_and_no_later_step(act: Act) -> None:
    KEPT[:] = []
    ACTS["it"] = act
    store(
        step("first", "give", **FIRST),
        step("it", do="it", first="@first"),
        step("later", "see", first="@first"),
        step("again", do="it", first="@first"),
    )
    outcome = runs.run_flow("odd")
    assert outcome.succeeded, outcome.summary
    one = recorded(outcome)
    assert json.loads(rows(one)["first"].result) == FIRST == outcome.context["first"]
    assert json.loads(rows(one)["it"].params) == {"do": "it", "first": FIRST}
    assert outcome.context["later"]["params"] == {"first": FIRST}
    assert outcome.context["later"]["context"] == {"first": FIRST, "it": json.loads(rows(one)["it"].result)}
    if act is _change_what_was_returned:
        assert json.loads(rows(one)["it"].result) == {"list": ["spoilt"]}


# A step that never returns


def test_a_step_that_never_returns_is_ended_by_its_timeout() -> None:
    def forever(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> NoReturn:
        while True:
            time.sleep(0.01)

    ACTS["it"] = forever
    store(step("it", do="it") | {"timeout": 0.2})
    one = recorded(runs.run_flow("odd"))
    assert (one.status, one.error_type) == (Status.FAILED, "StepTimeout")
    assert rows(one)["it"].seconds < 5


# What happens to the flow meanwhile


def _edited(flow: Flow) -> None:
    flow.flow_json = json.dumps({"procedures": [step("other", "give")]})
    flow.save()


def _disabled(flow: Flow) -> None:
    flow.enabled = False
    flow.save()


def _deleted(flow: Flow) -> None:
    flow.deleted = True
    flow.save()


def _removed(flow: Flow) -> None:
    flow.delete()


@pytest.mark.parametrize("change", [_edited, _disabled, _deleted, _removed])
def test_a_flow_that_is_changed_during_its_run_changes_nothing_of_it(change: Callable[[Flow], None]) -> None:
    def act(self: Odd, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        change(Flow.objects.get(flow_name="odd"))
        return {}

    outcome, one = run(act)
    assert outcome.succeeded, outcome.summary
    assert set(rows(one)) == {"it", "healthy"}
    changes = runs.changes_since(one)
    assert any("flow" in text for text in changes) == (change is not _disabled)
