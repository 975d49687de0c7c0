"""What processes do to runs: they are told to stop, come twice, sleep too long, die at one step, have odd clocks."""

import json
import os
import random
import signal
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from flows.models import Flow, Run, Status, StepRun
from flows.models.run import LEASE_SECONDS
from flows.models.times import DatabaseSeconds
from tests.faults.checker import Reader, check
from tests.faults.flows import EXPECTED, EXPECTED_HELD, KILLERS, held
from tests.faults.harness import KILLED, Forge, Length

pytestmark = pytest.mark.django_db(transaction=True)

STOPPED = 128 + signal.SIGSTOP
NOT_TAKEN, LOST = 3, 4


@pytest.fixture
def gate(forge: Forge, tmp_path: Path) -> Path:
    """A file for which the flow `held` waits in its second step."""
    Flow.objects.create(flow_name="held", flow_json=json.dumps(held(str(tmp_path / "gate"))), enabled=True)
    return tmp_path / "gate"


def wait_for(forge: Forge, key: str, path: str) -> Run:
    """Wait until a step of the run of a key has begun, and return the run."""
    gives_up = time.monotonic() + 30
    while time.monotonic() < gives_up:
        run = Run.objects.filter(key=key).first()
        journal = forge.journal / str(run.pk) if run else None
        if run and journal and journal.exists() and f" {path} before " in journal.read_text():
            return run
        time.sleep(0.005)
    raise AssertionError(f"{path} did not start: {forge.said()}")


def killed(forge: Forge, flow: str, key: str, step: int = 3) -> Run:
    """Return a run whose process was killed after it had begun that step."""
    assert forge.work(flow=flow, key=key, failpoint=f"step.started:{step}:kill") == KILLED
    return Run.objects.get(key=key)


def statuses(run: Run) -> dict[str, str]:
    return dict(StepRun.objects.filter(run=run).in_order().values_list("path", "status"))


# Told to stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_step_end_and_interrupts_the_run_between_two_steps(
    number: signal.Signals, forge: Forge, gate: Path, reader: Reader, length: Length
) -> None:
    times = length(2, 500)
    for time_ in range(times):
        gate.unlink(missing_ok=True)
        worker = forge.fork(flow="held", key=f"{number}-{time_}")
        run = wait_for(forge, f"{number}-{time_}", "w")
        os.kill(worker, number)
        time.sleep(0.02)
        gate.touch()
        assert forge.wait(worker) == 128 + number, forge.said()
        run.refresh_from_db()
        assert (run.status, run.active_flow, run.step) == (Status.INTERRUPTED, None, "")
        assert statuses(run) == {"a": "succeeded", "w": "succeeded"}
        assert forge.work(resume=run.pk) == 0
        assert check(reader.seen(run.key), EXPECTED_HELD, kills=0) == []
    length.tell(f"{times} times {number.name}: each recorded its step, released the run and ended with {128 + number}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_process_in_the_middle_of_its_step(
    number: signal.Signals, forge: Forge, gate: Path
) -> None:
    worker = forge.fork(flow="held", key="twice")
    run = wait_for(forge, "twice", "w")
    os.kill(worker, number)
    time.sleep(0.1)
    began = time.monotonic()
    os.kill(worker, number)
    assert forge.wait(worker) == 128 + number
    assert time.monotonic() - began < 5
    run.refresh_from_db()
    assert (run.status, run.step_in_doubt, run.active_flow) == (Status.INTERRUPTED, "w", None)
    assert statuses(run) == {"a": "succeeded", "w": "interrupted"}


# Several at once


def test_of_many_processes_that_resume_a_run_one_does_and_the_others_leave(
    forge: Forge, reader: Reader, length: Length
) -> None:
    workers, rounds = 64 if length.is_full else 8, length(2, 1000)
    for number in range(rounds):
        run = killed(forge, "chain", f"resumed-{number}")
        resumers = [forge.fork(resume=run.pk) for _ in range(workers)]
        codes = sorted(map(forge.wait, resumers))
        assert codes == [0] + [NOT_TAKEN] * (workers - 1), forge.said()
        assert check(reader.seen(run.key), EXPECTED["chain"], kills=1) == []
    said = forge.said().splitlines()
    assert len(said) == rounds * (workers - 1)
    assert [line for line in said if not (line.startswith("run ") and " is " in line)] == []
    length.tell(f"{workers} processes resumed one run, {rounds} times: one winner each")


def test_a_message_that_is_delivered_again_and_again_executes_its_run_once(
    forge: Forge, reader: Reader, length: Length
) -> None:
    times = length(100, 100_000)
    run = Run.objects.get(pk=killed(forge, "chain", "delivered", step=1).pk)
    workers = [forge.fork(execute=run.pk, again=times // 4) for _ in range(4)]
    assert set(map(forge.wait, workers)) == {NOT_TAKEN}, forge.said()
    assert check(reader.seen("delivered"), EXPECTED["chain"], kills=1) == []
    assert Run.objects.filter(flow_name="chain").exclude(key="").count() == 1
    length.tell(f"{times + 4:,} deliveries by four processes: one execution")


def test_two_starts_with_one_key_at_once_are_one_run(forge: Forge, reader: Reader) -> None:
    for number in range(2):
        workers = [forge.fork(flow="chain", key=f"key-{number}") for _ in range(6)]
        codes = sorted(map(forge.wait, workers))
        assert codes.count(0) == 1, forge.said()
        assert set(codes) == {0, NOT_TAKEN}, forge.said()
        assert check(reader.seen(f"key-{number}"), EXPECTED["chain"], kills=0) == []


def test_starts_of_one_flow_at_once_give_one_run_or_a_clear_refusal(forge: Forge) -> None:
    for _ in range(3):
        workers = [forge.fork(flow="skipping") for _ in range(8)]
        assert set(map(forge.wait, workers)) <= {0, NOT_TAKEN}, forge.said()
    assert not Run.objects.exclude(status=Status.SUCCEEDED).exists()


# Asleep for longer than the lease


SLEEPING_PLACES = ("step.started", "step.returned", "checkpoint.begun", "checkpoint.committed", "run.finishing")


def test_a_process_that_slept_longer_than_its_lease_records_nothing_and_starts_nothing_more(
    forge: Forge, reader: Reader, length: Length
) -> None:
    chance = random.Random(3)
    pauses = length(6, 1000)
    for number in range(pauses):
        point = SLEEPING_PLACES[number % len(SLEEPING_PLACES)]
        nth = 1 if point == "run.finishing" else chance.randint(1, 6)
        sleeper = forge.fork(flow="chain", key=f"slept-{number}", failpoint=f"{point}:{nth}:stop")
        assert forge.wait(sleeper) == STOPPED, forge.said()
        run = Run.objects.get(key=f"slept-{number}")
        Run.objects.filter(pk=run.pk).update(lease_until=1)
        assert forge.work(resume=run.pk) == 0, forge.said()
        os.kill(sleeper, signal.SIGCONT)
        assert forge.wait(sleeper) == LOST, forge.said()
        seen = reader.seen(run.key)
        woken = [line for line in seen.lines if line.pid == sleeper and line.phase == "before"]
        others = [line for line in seen.lines if line.pid != sleeper and line.phase == "before"]
        late = [line for line in woken if others and line.at > others[0].at]
        # Only what it had begun before it slept: the step that was in flight.
        assert len(late) <= (point in ("step.started", "checkpoint.committed"))
        seen.lines = [line for line in seen.lines if line not in late]
        assert check(seen, EXPECTED["chain"], kills=1) == [], point
    length.tell(f"{pauses} pauses beyond the lease: each outcome refused, nothing started")


def test_the_checker_catches_a_recorder_that_ignores_whose_run_it_is(forge: Forge, reader: Reader) -> None:
    sleeper = forge.fork(
        flow="chain", key="stolen", failpoint="step.started:2:stop", changes=["anybodys", "with_a_lease_of_two_seconds"]
    )
    assert forge.wait(sleeper) == STOPPED
    run = Run.objects.get(key="stolen")
    Run.objects.filter(pk=run.pk).update(lease_until=1)
    resumed = forge.fork(resume=run.pk, failpoint="step.started:2:stop")
    assert forge.wait(resumed) == STOPPED
    os.kill(sleeper, signal.SIGCONT)
    forge.wait(sleeper)
    os.kill(resumed, signal.SIGCONT)
    forge.wait(resumed)
    kinds = {finding.kind for finding in check(reader.seen("stolen"), EXPECTED["chain"], kills=1)}
    assert "owner" in kinds


# A step that kills its process


@pytest.mark.parametrize("flow", KILLERS)
def test_a_step_that_kills_its_process_fails_after_exactly_three_attempts(flow: str, forge: Forge) -> None:
    codes = [forge.work(flow=flow, key=flow) for _ in range(4)]
    assert codes == [KILLED, KILLED, KILLED, 1], forge.said()
    run = Run.objects.get(key=flow)
    journal = (forge.journal / str(run.pk)).read_text()
    killer = {"killer_each": "die[0]", "killer_sub": "sub/die"}.get(flow, "die")
    assert journal.count(f" {killer} before ") == 3
    found = StepRun.objects.filter(run=run, path=killer, status="interrupted").values_list("attempt", flat=True)
    assert list(found) == [1, 2, 3]
    failed = StepRun.objects.get(run=run, path="die" if flow == "killer_each" else killer, status="failed")
    assert failed.error_type == "StepInterrupted"
    assert "3 times" in failed.error_message
    assert (run.status, run.active_flow) == (Status.FAILED, None)
    if flow == "killer_handler":
        assert (run.failed_step, run.error_type) == ("boom", "ValueError")
        assert statuses(run)["last"] == "succeeded"
    else:
        assert run.error_type == "StepInterrupted"
        assert " b before " not in journal


# Clocks


@pytest.mark.parametrize("change", ["a_day_ahead", "a_day_behind"])
def test_a_clock_that_is_a_day_off_takes_over_nothing(change: str, forge: Forge, gate: Path, reader: Reader) -> None:
    worker = forge.fork(flow="held", key=change, changes=[change])
    run = wait_for(forge, change, "w")
    # Only its lease speaks for it.
    Run.objects.filter(pk=run.pk).update(place="elsewhere")
    assert forge.work(reap=True, changes=[change]) == 0
    assert forge.work(reap=True) == 0
    assert forge.work(execute=run.pk, changes=[change]) == NOT_TAKEN
    assert forge.work(resume=run.pk) == NOT_TAKEN
    gate.touch()
    assert forge.wait(worker) == 0, forge.said()
    run.refresh_from_db()
    assert (run.status, run.owner != "") == (Status.SUCCEEDED, True)
    assert 0 < run.seconds < 60
    assert all(0 <= seconds < 60 for seconds in StepRun.objects.filter(run=run).values_list("seconds", flat=True))
    assert StepRun.objects.filter(run=run).count() == 3


# Shown as lost


def listed(*arguments: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("listruns", "--json", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_killed_run_is_shown_as_lost_at_once_here_and_within_its_lease_elsewhere(forge: Forge) -> None:
    run = killed(forge, "chain", "shown")
    Run.objects.filter(key="").delete()
    assert [(row["status"], row["step"]) for row in listed()] == [("lost", "s3")]
    assert [row["id"] for row in listed("--status", "lost")] == [run.pk]
    assert listed("--status", "running") == []
    Run.objects.filter(pk=run.pk).update(place="elsewhere")
    assert [row["status"] for row in listed()] == ["running"]
    [left] = Run.objects.annotate(left=F("lease_until") - DatabaseSeconds()).values_list("left", flat=True)
    assert 0 < left <= LEASE_SECONDS
    Run.objects.filter(pk=run.pk).update(lease_until=DatabaseSeconds() - 1)
    assert [row["status"] for row in listed()] == ["lost"]
    # Nobody swept: the row still says what it said.
    assert Run.objects.get(pk=run.pk).status == Status.RUNNING
