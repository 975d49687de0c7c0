"""Runs as they are recorded: created once, executed by one, resumed where they stopped, and true."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from flows import runs, services
from flows.engine import Event, InvalidInputs, ItemSucceeded, StepRetrying, StepStarted, StepSucceeded
from flows.models import Flow, Run, Status, StepRun, Trigger, document_hash
from flows.outcome import RunOutcome
from flows.process import ProcessName, place, this_process
from tests.acting import Acting, acting

__all__ = ["acting"]

pytestmark = pytest.mark.django_db

BY_COMMAND = runs.Asked(Trigger.COMMAND, "amal")


class Crash(BaseException):
    """The process ends here, as far as the run can tell."""


def store(*steps: dict[str, Any], name: str = "act", **keys: Any) -> Flow:
    text = json.dumps({"procedures": list(steps), **keys})
    flow, _ = Flow.objects.update_or_create(flow_name=name, defaults={"flow_json": text, "enabled": True})
    return flow


def create(name: str = "act", key: str = "", **inputs: Any) -> Run:
    created = runs.create_run(services.runnable(name), inputs, runs.Asked(Trigger.ADMIN, "amal", key))
    assert created is not None
    return created[0]


def run(name: str = "act", key: str = "", **inputs: Any) -> RunOutcome:
    return runs.run_now(services.runnable(name), inputs, runs.Asked(Trigger.COMMAND, "amal", key))


def crash_at(kind: type, step: str, times: int = 1) -> Callable[[Event], None]:
    """Return an observer that ends the process, so to speak, at an event of a step."""
    seen = 0

    def observe(event: Event) -> None:
        nonlocal seen
        if type(event) is kind and getattr(event, "step").name == step:  # noqa: B009  (each kind that is asked for has one)
            seen += 1
            if seen == times:
                raise Crash

    return observe


def crashed(observe: Callable[[Event], None], name: str = "act") -> Run:
    """Run a flow up to a crash; return the run, which is interrupted then."""
    waiting = create(name)
    with pytest.raises(Crash):
        runs.execute_run(waiting.pk, observe)
    waiting.refresh_from_db()
    assert waiting.status == Status.INTERRUPTED
    return waiting


def lose(one: Run) -> None:
    """Let a run look as if its process elsewhere had died long ago."""
    Run.objects.filter(pk=one.pk).update(
        status=Status.RUNNING, active_flow=one.flow_name, owner="gone", place="elsewhere", lease_until=1
    )


def rows(one: Run | int) -> list[tuple[str, int, str]]:
    steps = StepRun.objects.filter(run_id=one if isinstance(one, int) else one.pk)
    return list(steps.in_order().values_list("path", "attempt", "status"))


def the_run() -> Run:
    return Run.objects.with_lease().get()


# What is kept


def test_a_run_keeps_its_definition_inputs_trigger_and_who_asked(acting: Acting) -> None:
    inputs = {"day": {"type": "string"}}
    flow = store(acting.step("one", params={"day": "@_input.day"}), inputs=inputs, outputs={"day": "@one.day"})

    outcome = run(day="monday")

    kept = the_run()
    assert (kept.status, kept.trigger, kept.asked_by) == (Status.SUCCEEDED, Trigger.COMMAND, "amal")
    assert kept.definition == flow.flow_json
    assert kept.definition_hash == document_hash(flow.flow_json)
    assert json.loads(kept.inputs) == {"day": "monday"}
    assert json.loads(kept.outputs) == {"day": "monday"}
    assert list(json.loads(kept.code)) == ["Act"]
    assert (kept.steps_done, kept.steps_total, kept.step, kept.active_flow) == (1, 1, "", None)
    assert kept.started_at is not None
    assert kept.ended_at is not None
    assert outcome.run_id == kept.pk


def test_a_step_keeps_its_resolved_parameters_and_its_result(acting: Acting) -> None:
    store(acting.step("one", params={"n": 1}), acting.step("two", params={"n": "@one.n"}))

    run()

    two = StepRun.objects.get(path="two")
    assert json.loads(two.params) == {"say": "two", "n": 1}
    assert json.loads(two.result) == {"say": "two", "n": 1}
    assert two.procedure == "Act.give"
    assert two.seconds > 0
    assert two.owner == the_run().owner


def test_a_failure_keeps_type_message_and_traceback_and_the_run_says_where(acting: Acting) -> None:
    store(acting.step("one"), acting.step("bad", "fail", params={"message": "the disk is full"}), acting.step("never"))

    outcome = run()

    assert not outcome.succeeded
    bad = StepRun.objects.get(path="bad")
    assert (bad.status, bad.error_type, bad.error_message) == ("failed", "ValueError", "ValueError: the disk is full")
    assert 'raise ValueError(params.get("message", "no"))' in bad.traceback
    kept = the_run()
    assert (kept.status, kept.failed_step, kept.error_type) == (Status.FAILED, "bad", "ValueError")
    assert rows(kept) == [("one", 1, "succeeded"), ("bad", 1, "failed")]
    assert acting.called == ["one", "bad"]


def test_the_number_of_the_run_is_in_the_context(acting: Acting) -> None:
    store(acting.step("one", params={"run": "@_runtime.run_id"}))
    assert run().context["one"]["run"] == the_run().pk


def test_each_attempt_entry_and_step_of_a_sub_flow_has_its_row(acting: Acting) -> None:
    store(acting.step("inner"), name="sub", outputs={"x": 1})
    (acting.folder / "gate").touch()
    store(
        acting.step("each", params={"n": "@_item"}, foreach=[7, 8]),
        {"name": "sub", "flow": "sub"},
        acting.step("tried", "fail_while", params={"file": "gate"}, retry={"max_attempts": 2}, continue_on_error=True),
        acting.step("last", "fail"),
    )

    run()

    assert rows(the_run()) == [
        ("each[0]", 1, "succeeded"),
        ("each[1]", 1, "succeeded"),
        ("each", 1, "succeeded"),
        ("sub/inner", 1, "succeeded"),
        ("sub", 1, "succeeded"),
        ("tried", 1, "failed"),
        ("tried", 2, "failed"),
        ("last", 1, "failed"),
    ]
    assert json.loads(StepRun.objects.get(path="each[1]").params) == {"say": "each", "n": 8}
    assert StepRun.objects.get(path="tried", attempt=1).retry_in == 0.0


def test_attempts_and_entries_have_their_own_times(acting: Acting) -> None:
    (acting.folder / "gate").touch()
    store(
        acting.step("each", "nap", params={"for": "@_item"}, foreach=[0.03, 0.06]),
        acting.step("tried", "fail_while", params={"file": "gate"}, retry={"max_attempts": 2, "delay": 0.2}),
    )
    run()
    first, second, each = StepRun.objects.filter(path__startswith="each").in_order()
    assert (first.seconds >= 0.03, second.seconds >= 0.06) == (True, True)
    # The nap of the first is no part of the second, and both are part of the step.
    assert second.seconds <= each.seconds - 0.03
    assert each.started_at == first.started_at
    assert second.started_at
    assert first.ended_at
    assert second.started_at >= first.ended_at - timedelta(milliseconds=1)
    one, two = StepRun.objects.filter(path="tried").in_order()
    assert one.started_at
    assert one.ended_at
    assert two.started_at
    assert two.ended_at
    assert two.started_at - one.ended_at >= timedelta(seconds=0.199)
    both = timedelta(seconds=one.seconds + two.seconds + 0.2)
    assert two.ended_at - one.started_at >= both - timedelta(milliseconds=1)


def test_what_cannot_be_stored_is_said_and_the_run_goes_on(acting: Acting) -> None:
    store(acting.step("odd", "odd"), acting.step("two"))

    outcome = run()

    row = StepRun.objects.get(path="odd")
    assert (row.status, row.result) == ("succeeded", "")
    assert row.not_storable == "/kept (set) is no JSON value"
    assert outcome.warnings == ("odd: result kept in memory only: /kept (set) is no JSON value",)
    assert json.loads(the_run().warnings) == list(outcome.warnings)


def test_parameters_beyond_their_limit_are_named_and_compared_but_not_kept(acting: Acting) -> None:
    store(acting.step("one", params={"text": "x" * 300_000}))
    run()
    row = StepRun.objects.get()
    assert json.loads(row.params) == {"_not_recorded": "they have 300,026 bytes; up to 262,144 are kept"}
    assert len(row.params_digest) == 64


@pytest.mark.parametrize("history", ["off", "no table"])
def test_without_a_history_a_flow_runs_all_the_same(
    acting: Acting, settings: Settings, monkeypatch: pytest.MonkeyPatch, history: str
) -> None:
    store(acting.step("one", params={"run": "@_runtime.run_id"}))
    if history == "off":
        settings.FLOWS_HISTORY = False
    else:
        monkeypatch.setattr(Run._meta, "db_table", "wf_run_is_missing")

    outcome = run()

    assert outcome.succeeded
    assert outcome.run_id is None
    assert outcome.context["one"]["run"] is None
    monkeypatch.undo()
    assert not Run.objects.exists()


# One run at a time, and one run a key


def test_a_second_run_is_refused_with_the_number_of_the_first(acting: Acting) -> None:
    store(acting.step("one"))
    first = create()
    with pytest.raises(runs.FlowIsActive, match=f"run {first.pk} of act is queued since .*; wait for its end"):
        create()
    runs.execute_run(first.pk)
    create()


def test_with_the_setting_a_second_run_waits_for_the_first(acting: Acting, settings: Settings) -> None:
    settings.FLOWS_WHEN_ACTIVE = "queue"
    store(acting.step("one"))
    first, second = create(), create()

    def meanwhile(event: Event) -> None:
        if isinstance(event, StepStarted):
            with pytest.raises(runs.FlowIsActive):
                runs.execute_run(second.pk)

    runs.execute_run(first.pk, meanwhile)
    assert runs.execute_when_free(second.pk).succeeded
    assert acting.called == ["one", "one"]


def test_what_another_process_did_between_a_look_at_the_run_and_its_claim_is_not_done_again(
    acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(acting.step("one"), acting.step("two"), acting.step("three"))
    made = create()
    claim = Run.claim

    def claimed_after_a_pause(run: Run, owner: str) -> bool:
        """Let another process take the run first, and leave it after two steps."""
        monkeypatch.setattr(Run, "claim", claim)
        Run.objects.filter(pk=run.pk).update(seconds=60.0)
        with pytest.raises(Crash):
            runs.execute_run(run.pk, crash_at(StepStarted, "three"))
        return claim(run, owner)

    monkeypatch.setattr(Run, "claim", claimed_after_a_pause)
    assert runs.execute_run(made.pk).succeeded
    assert acting.called == ["one", "two", "three"]
    assert the_run().seconds >= 60


def test_a_run_that_a_dead_process_took_a_moment_ago_is_executed(
    acting: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(acting.step("one"))
    made = create()
    claim = Run.claim

    def claimed_late(run: Run, owner: str) -> bool:
        """Let the claim of a process come in that has gone meanwhile."""
        monkeypatch.setattr(Run, "claim", claim)
        dead = {"place": place(), "pid": 2**22 + 1, "process_began": 1}
        Run.objects.filter(pk=run.pk).update(status=Status.RUNNING, owner="dead", lease_until=2**40, **dead)
        return claim(run, owner)

    monkeypatch.setattr(Run, "claim", claimed_late)
    assert runs.execute_run(made.pk).succeeded


def test_a_lost_run_makes_room_for_the_next(acting: Acting) -> None:
    store(acting.step("one"))
    lost = create()
    lose(lost)
    run()
    lost.refresh_from_db()
    assert lost.status == Status.INTERRUPTED


def test_the_same_key_gives_the_same_run_once(acting: Acting) -> None:
    store(acting.step("one"))
    first = create(key="2026-11-28")
    assert create(key="2026-11-28").pk == first.pk
    assert runs.execute_run(first.pk).succeeded
    assert create(key="2026-11-28").pk == first.pk
    assert acting.called == ["one"]


def test_keys_are_exact_and_belong_to_their_flow(acting: Acting) -> None:
    store(acting.step("one"))
    store(acting.step("one"), name="other")
    numbers = set()
    for name, key in (("act", "a"), ("act", "A"), ("act", "a "), ("other", "a")):
        outcome = run(name, key)
        numbers.add(outcome.run_id)
    assert len(numbers) == 4


def test_a_key_with_other_inputs_is_refused(acting: Acting) -> None:
    store(acting.step("one"), inputs={"n": {"type": "integer", "default": 1}})
    create(key="k")
    with pytest.raises(services.FlowRefused, match=r'the key "k" belongs to run .* which has other inputs'):
        create(key="k", n=2)


def test_wrong_inputs_are_refused_before_a_run_exists(acting: Acting) -> None:
    store(acting.step("one"), inputs={"n": {"type": "integer"}})
    with pytest.raises(InvalidInputs):
        create(n="x")
    assert not Run.objects.exists()


# Taken by one


def test_who_comes_second_leaves_the_run_alone(acting: Acting) -> None:
    store(acting.step("one"))
    waiting = create()

    def meanwhile(event: Event) -> None:
        if isinstance(event, StepStarted):
            with pytest.raises(runs.RunNotTaken, match=f"run {waiting.pk} of act is running since"):
                runs.execute_run(waiting.pk)

    runs.execute_run(waiting.pk, meanwhile)
    with pytest.raises(runs.RunNotTaken, match="is succeeded since"):
        runs.execute_run(waiting.pk)
    assert acting.called == ["one"]


def test_a_process_that_lost_its_run_records_nothing_and_starts_nothing_more(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"), acting.step("three"))
    waiting = create()

    def taken_over(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step.name == "two":
            Run.objects.filter(pk=waiting.pk).update(owner="somebody else")

    with pytest.raises(runs.RunLost, match="is no longer executed by this process: it is running"):
        runs.execute_run(waiting.pk, taken_over)

    assert acting.called == ["one", "two"]
    assert rows(waiting) == [("one", 1, "succeeded")]


def test_the_final_statuses_absorb(acting: Acting) -> None:
    store(acting.step("one"))
    ended = create()
    runs.execute_run(ended.pk)
    ended.refresh_from_db()
    assert not ended.claim("me")
    assert not ended.interrupt("me")
    assert not ended.cancel()
    assert not ended.ask_to_cancel("me")
    assert not ended.requeue()
    assert not ended.interrupt_if_lost()
    with pytest.raises(runs.RunNotTaken, match="is succeeded already"):
        runs.cancel_run(ended.pk, "amal")


# Resuming


def test_an_interrupted_run_goes_on_at_its_first_unfinished_step(acting: Acting) -> None:
    store(acting.step("one", params={"n": 1}), acting.step("two", params={"n": "@one.n"}), acting.step("three"))
    stopped = crashed(crash_at(StepSucceeded, "two"))
    # The outcome of two had not been committed yet, so it is in doubt and executed again.
    assert stopped.step_in_doubt == "two"
    assert rows(stopped) == [("one", 1, "succeeded"), ("two", 1, "interrupted")]

    resumed = runs.resume_run(stopped.pk, BY_COMMAND)
    outcome = runs.execute_run(resumed.pk)

    assert resumed.pk == stopped.pk
    assert [(step.name, step.status) for step in outcome.steps] == [
        ("one", "reused"),
        ("two", "succeeded"),
        ("three", "succeeded"),
    ]
    assert acting.called == ["one", "two", "two", "three"]
    assert rows(stopped)[2:] == [("two", 2, "succeeded"), ("three", 1, "succeeded")]


@pytest.mark.parametrize("at", ["one", "each", "sub", "inner", "tried", "maybe", "last"])
def test_a_run_that_was_interrupted_at_any_step_ends_with_the_same_context(acting: Acting, at: str) -> None:
    inner = acting.step("inner", params={"n": "@_input.n"})
    store(inner, name="sub", inputs={"n": {"type": "integer"}}, outputs={"n": "@inner.n"})
    store(
        acting.step("one", params={"n": 1, "ok": True}),
        acting.step("each", params={"n": "@_item", "i": "@_index"}, foreach=[3, 2.5, "x"]),
        {"name": "sub", "flow": "sub", "inputs": {"n": "@one.n"}},
        acting.step("bad", "fail", continue_on_error=True),
        acting.step("tried", "fail", retry={"max_attempts": 3}, continue_on_error=True),
        acting.step("maybe", when={"not": "@one.ok"}),
        acting.step("last", "look"),
        outputs={"all": "@last"},
    )
    whole = run()

    seen: list[str] = []

    def once(event: Event) -> None:
        inside = getattr(event, "event", event)
        if isinstance(inside, StepStarted | ItemSucceeded) and inside.step.name == at and not seen:
            seen.append(at)
            raise Crash

    waiting = create()
    with_crash = waiting.pk
    try:
        outcome = runs.execute_run(with_crash, once)
    except Crash:
        outcome = runs.execute_run(runs.resume_run(with_crash, BY_COMMAND).pk)

    assert json.dumps(outcome.context) == json.dumps(whole.context)
    assert json.dumps(outcome.outputs) == json.dumps(whole.outputs)
    assert outcome.warnings == whole.warnings


def test_the_time_of_start_stays_the_same_when_a_run_goes_on(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two", params={"at": "@_runtime.start_time"}))
    stopped = crashed(crash_at(StepStarted, "two"))
    began = timezone.now() - timedelta(days=3)
    Run.objects.filter(pk=stopped.pk).update(started_at=began)
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    local = timezone.localtime(began).replace(tzinfo=None)
    assert outcome.context["two"]["at"] == local.isoformat(timespec="seconds")


def test_a_resumed_foreach_goes_on_at_its_entry(acting: Acting) -> None:
    store(acting.step("each", params={"n": "@_item"}, foreach=[1, 2, 3, 4]))
    stopped = crashed(crash_at(ItemSucceeded, "each", times=3))
    assert stopped.step_in_doubt == "each[3]"
    acting.called  # noqa: B018  (forgets the calls so far)
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert acting.called == ["each"]
    assert [item["n"] for item in outcome.context["each"]["items"]] == [1, 2, 3, 4]


def test_attempts_before_an_interruption_count(acting: Acting) -> None:
    (acting.folder / "gate").touch()
    store(acting.step("tried", "fail_while", params={"file": "gate"}, retry={"max_attempts": 3}))
    stopped = crashed(crash_at(StepRetrying, "tried", times=2))
    assert len(acting.called) == 2
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert not outcome.succeeded
    assert len(acting.called) == 1


def test_a_sub_flow_that_is_tried_again_begins_anew_also_after_an_interruption(acting: Acting) -> None:
    (acting.folder / "gate").touch()
    store(acting.step("first"), acting.step("second", "fail_while", params={"file": "gate"}), name="sub")
    store({"name": "sub", "flow": "sub", "retry": {"max_attempts": 2}})
    stopped = crashed(crash_at(StepRetrying, "sub"))
    (acting.folder / "gate").unlink()
    assert acting.called == ["first", "second"]
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert outcome.succeeded
    assert acting.called == ["first", "second"]


def test_a_result_that_was_in_memory_only_is_made_again(acting: Acting) -> None:
    store(acting.step("odd", "odd"), acting.step("two", params={"set": "@odd.kept"}))
    stopped = crashed(crash_at(StepStarted, "two"))
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert outcome.context["two"]["set"] == {1, 2}
    assert acting.called == ["odd", "odd", "two"]


def test_a_run_that_failed_in_its_handlers_goes_on_there(acting: Acting) -> None:
    handlers = [acting.step("tell", params={"why": "@_error.type"}), acting.step("clean")]
    store(acting.step("bad", "fail"), on_failure=handlers)
    stopped = crashed(crash_at(StepStarted, "clean"))
    assert acting.called == ["bad", "tell"]
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert acting.called == ["clean"]
    assert (outcome.succeeded, outcome.failed_step) == (False, "bad")
    kept = the_run()
    assert (kept.status, kept.error_type, kept.error_message) == (Status.FAILED, "ValueError", "ValueError: no")
    assert json.loads(StepRun.objects.get(path="tell").result)["why"] == "ValueError"


def test_a_step_that_ends_its_process_each_time_fails_after_three_times(acting: Acting) -> None:
    store(acting.step("poison"), on_failure=[acting.step("tell", params={"why": "@_error.message"})])
    stopped = crashed(crash_at(StepStarted, "poison"))
    for _ in range(2):
        with pytest.raises(Crash):
            runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk, crash_at(StepStarted, "poison"))
    outcome = runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk, crash_at(StepStarted, "poison"))
    assert not outcome.succeeded
    assert str(outcome.error) == "poison was interrupted 3 times; it may be what ends its process"
    assert rows(stopped) == [
        *(("poison", number, "interrupted") for number in (1, 2, 3)),
        ("poison", 4, "failed"),
        ("tell", 1, "succeeded"),
    ]


def test_a_run_whose_procedure_is_gone_stays_interrupted_and_the_error_names_it(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    stopped = crashed(crash_at(StepStarted, "two"))
    Run.objects.filter(pk=stopped.pk).update(
        definition=stopped.definition.replace('"method": "give"', '"method": "gone"')
    )
    with pytest.raises(services.FlowRefused, match='"gone" is no method that "Act" offers'):
        runs.resume_run(stopped.pk, BY_COMMAND)
    stopped.refresh_from_db()
    assert stopped.status == Status.INTERRUPTED


def test_a_run_goes_on_with_its_own_definition_and_says_what_has_changed(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    stopped = crashed(crash_at(StepStarted, "two"))
    store(acting.step("other"))
    Run.objects.filter(pk=stopped.pk).update(code=json.dumps({"Act": "another hash"}))
    stopped.refresh_from_db()
    assert runs.changes_since(stopped) == [
        'module "Act" has changed',
        'flow "act" has changed; the run keeps its own definition',
    ]
    runs.execute_run(runs.resume_run(stopped.pk, BY_COMMAND).pk)
    assert acting.called == ["one", "two"]


def test_a_run_that_succeeded_cannot_be_resumed(acting: Acting) -> None:
    store(acting.step("one"))
    ended = run().run_id or 0
    with pytest.raises(runs.RunNotTaken, match="is succeeded; only a run that did not come to its end can be resumed"):
        runs.resume_run(ended, BY_COMMAND)
    with pytest.raises(runs.UnknownRun, match="there is no run 4711"):
        runs.resume_run(4711, BY_COMMAND)


# Going on from a failed run


def fail_at_gate(acting: Acting, **keys: Any) -> Run:
    (acting.folder / "gate").touch()
    store(
        acting.step("one", params={"n": "@_input.n"}),
        acting.step("two", params={"n": "@one.n"}),
        acting.step("gate", "fail_while", params={"file": "gate"}),
        acting.step("last"),
        inputs={"n": {"type": "integer", "default": 1}},
        **keys,
    )
    run()
    (acting.folder / "gate").unlink()
    assert acting.called == ["one", "two", "gate"]
    return the_run()


def test_a_failed_run_is_final_and_a_new_one_takes_over_its_finished_steps(acting: Acting) -> None:
    failed = fail_at_gate(acting)

    another = runs.resume_run(failed.pk, BY_COMMAND)
    outcome = runs.execute_run(another.pk)

    assert outcome.succeeded
    assert acting.called == ["gate", "last"]
    failed.refresh_from_db()
    assert failed.status == Status.FAILED
    assert another.continues == failed.pk
    assert rows(another) == [
        ("one", 1, "reused"),
        ("two", 1, "reused"),
        ("gate", 1, "succeeded"),
        ("last", 1, "succeeded"),
    ]
    origin = StepRun.objects.get(run=failed, path="two")
    assert StepRun.objects.get(run=another, path="two").reused_from == origin.pk


def test_entries_and_steps_of_a_sub_flow_that_finished_are_taken_over_too(acting: Acting) -> None:
    (acting.folder / "gate").touch()
    store(acting.step("inner"), acting.step("gate", "fail_while", params={"file": "gate"}), name="sub")
    store(
        acting.step("each", params={"n": "@_item"}, foreach=[1, 2]), {"name": "sub", "flow": "sub"}, acting.step("last")
    )
    failed = run()
    (acting.folder / "gate").unlink()
    assert acting.called == ["each", "each", "inner", "gate"]
    assert runs.execute_run(runs.resume_run(failed.run_id or 0, BY_COMMAND).pk).succeeded
    assert acting.called == ["gate", "last"]


def test_the_edited_flow_goes_on_where_the_finished_steps_are_the_same(acting: Acting) -> None:
    failed = fail_at_gate(acting)
    store(
        acting.step("one", params={"n": "@_input.n"}, description="said better"),
        acting.step("two", params={"n": 1}),
        acting.step("mended"),
        acting.step("last", params={"n": "@two.n"}),
        inputs={"n": {"type": "integer", "default": 1}, "more": {"type": "string", "default": ""}},
    )

    another = runs.take_over_edited(failed.pk, BY_COMMAND)

    assert runs.execute_run(another.pk).succeeded
    assert acting.called == ["mended", "last"]
    assert json.loads(another.inputs) == {"n": 1, "more": ""}


EDITS: dict[str, tuple[Callable[[Acting], list[dict[str, Any]]], list[str]]] = {
    "another parameter": (
        lambda acting: [acting.step("one", params={"n": 2}), acting.step("two", params={"n": "@one.n"})],
        ['- the parameters of step "one" would differ'],
    ),
    "another procedure": (
        lambda acting: [acting.step("one", "fail"), acting.step("two", params={"n": 1})],
        ['- step "one" calls Act.fail now; it was Act.give'],
    ),
    "a step in between": (
        lambda acting: [acting.step("one", params={"n": 1}), acting.step("new"), acting.step("two", params={"n": 1})],
        ['- step 2 was "two", which is finished; that is step 3 now, and "new" stands in its place'],
    ),
    "a step less": (
        lambda acting: [acting.step("one", params={"n": 1})],
        ['- step 2 was "two", which is finished; the edited flow has no such step'],
    ),
    "another name": (
        lambda acting: [acting.step("uno", params={"n": 1}), acting.step("two", params={"n": 1})],
        ['- step 1 was "one", which is finished; that is gone, and "uno" stands in its place'],
    ),
    "a condition": (
        lambda acting: [
            acting.step("one", params={"n": 1, "no": False}),
            acting.step("two", params={"n": 1}, when="@_input.no"),
        ],
        [
            '- the parameters of step "one" would differ',
            '- the condition (when) of step "two" would come out the other way',
        ],
    ),
    "a foreach": (
        lambda acting: [acting.step("one", params={"n": 1}), acting.step("two", params={"n": 1}, foreach=[1])],
        ['- step "two" has a foreach now'],
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_that_changes_a_finished_step_is_refused_with_every_difference(
    acting: Acting, edit: tuple[Callable[[Acting], list[dict[str, Any]]], list[str]]
) -> None:
    failed = fail_at_gate(acting)
    steps, told = edit
    inputs = {"n": {"type": "integer", "default": 1}, "no": {"type": "boolean", "default": False}}
    store(*steps(acting), inputs=inputs)
    with pytest.raises(services.FlowRefused) as refused:
        runs.take_over_edited(failed.pk, BY_COMMAND)
    assert str(refused.value).splitlines()[1:] == told
    assert Run.objects.count() == 1


def test_changed_code_and_a_changed_sub_flow_are_differences(acting: Acting) -> None:
    store(acting.step("inner"), name="sub")
    store({"name": "sub", "flow": "sub"}, acting.step("one"), acting.step("bad", "fail"))
    run()
    failed = the_run()
    store(acting.step("inner", params={"n": 2}), name="sub")
    Run.objects.filter(pk=failed.pk).update(code=json.dumps({"Act": "another hash"}))
    with pytest.raises(services.FlowRefused) as refused:
        runs.take_over_edited(failed.pk, BY_COMMAND)
    assert str(refused.value).splitlines()[1:] == [
        '- flow "sub", which step "sub" runs, has changed',
        '- the code of step "one", module "Act", has changed',
    ]


def test_run_again_is_a_new_run_of_the_flow_as_it_is_with_the_same_inputs(acting: Acting) -> None:
    failed = fail_at_gate(acting)
    store(acting.step("fresh", params={"n": "@_input.n"}), inputs={"n": {"type": "integer"}})
    again = runs.run_again(failed.pk, BY_COMMAND)
    assert runs.execute_run(again.pk).context["fresh"]["n"] == 1
    assert again.continues is None


# Cancelling


def test_a_run_that_waits_is_cancelled_at_once(acting: Acting) -> None:
    store(acting.step("one"))
    waiting = create()
    assert runs.cancel_run(waiting.pk, "amal").status == Status.CANCELLED
    with pytest.raises(runs.RunNotTaken, match="is cancelled since"):
        runs.execute_run(waiting.pk)
    create()


def test_a_run_that_is_executed_stops_after_its_step(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"), acting.step("three"))
    waiting = create()

    def meanwhile(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step.name == "two":
            runs.cancel_run(waiting.pk, "amal")

    with pytest.raises(runs.RunCancelled, match="is cancelled by amal"):
        runs.execute_run(waiting.pk, meanwhile)

    assert acting.called == ["one", "two"]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.step, waiting.active_flow) == (Status.CANCELLED, "", None)
    assert rows(waiting) == [("one", 1, "succeeded"), ("two", 1, "succeeded")]
    runs.execute_run(runs.resume_run(waiting.pk, BY_COMMAND).pk)
    assert acting.called == ["three"]


# Lost


def test_a_run_whose_lease_is_over_is_lost_for_every_reader_and_reaped_by_whoever_comes_by(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    stopped = crashed(crash_at(StepStarted, "two"))
    lose(stopped)
    Run.objects.filter(pk=stopped.pk).update(step="two", step_attempt=2)
    seen = the_run()
    assert (seen.shown_status, seen.step_in_doubt) == ("lost", "two")
    assert [one.pk for one in Run.objects.lost()] == [stopped.pk]
    assert not Run.objects.in_status("running").exists()

    assert [one.pk for one in runs.reap_runs()] == [stopped.pk]
    assert runs.reap_runs() == []

    assert the_run().status == Status.INTERRUPTED
    assert rows(stopped)[-1] == ("two", 2, "interrupted")


def test_a_dead_process_of_this_machine_is_noticed_at_once_and_a_living_one_is_not(acting: Acting) -> None:
    store(acting.step("one"))
    waiting = create()
    assert waiting.claim("me")
    assert the_run().shown_status == "running"
    assert list(Run.objects.in_status("running")) == [waiting]
    # The same number, but of a process that began earlier.
    Run.objects.filter(pk=waiting.pk).update(process_began=this_process().began - 1)
    assert the_run().shown_status == "lost"
    assert [one.pk for one in runs.reap_runs()] == [waiting.pk]


def test_the_process_of_another_machine_counts_as_alive_until_its_lease_is_over() -> None:
    assert not ProcessName("another-boot/1", 1, 1).is_known_dead
    assert not ProcessName("", 1, 1).is_known_dead
    assert ProcessName(place(), 2**22 + 1, 1).is_known_dead
    assert not this_process().is_known_dead


# What a step leaves behind


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_a_step_leaves_open_is_rolled_back_and_reported(acting: Acting) -> None:
    store(acting.step("leave", "leave"), acting.step("two"))

    outcome = run()

    assert outcome.succeeded
    assert outcome.warnings == ("leave: it left a transaction open on the database 'default', which was rolled back",)
    assert json.loads(the_run().warnings) == list(outcome.warnings)
    assert not connection.in_atomic_block


def test_the_working_directory_is_put_back(acting: Acting, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store(acting.step("wander", "wander"), acting.step("two"))
    assert run().warnings == ("wander: it changed the working directory",)
    assert str(tmp_path) == str(tmp_path.cwd())


def test_a_key_does_not_mind_the_order_in_which_an_input_is_written(acting: Acting) -> None:
    store(acting.step("one"), inputs={"what": {"type": "object"}})
    asked = runs.Asked(Trigger.API, key="k")
    first = runs.create_run(services.runnable("act"), {"what": {"a": 1, "b": 2}}, asked)
    again = runs.create_run(services.runnable("act"), {"what": {"b": 2, "a": 1}}, asked)
    assert first is not None
    assert again is not None
    assert (again[0].pk, again[1]) == (first[0].pk, False)
    with pytest.raises(services.FlowRefused, match="other inputs"):
        runs.create_run(services.runnable("act"), {"what": {"a": True, "b": 2}}, asked)
