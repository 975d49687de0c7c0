"""What MySQL breaks off so that another process gets on is done again, and seen by nobody."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, transaction

from flows import runs
from flows.models import Run, Status, StepRun, Trigger
from flows.runs.deadlocks import again_after_deadlock
from tests.test_runs import create, store

pytestmark = pytest.mark.django_db(transaction=True)

DEADLOCK = OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")


def deadlocked_once(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same, broken off the first time, after it was done and before it was committed."""
    calls = 0

    def changed(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        with transaction.atomic():
            done = change(*arguments)
            if calls == 1:
                raise DEADLOCK
        return done

    return changed


@pytest.fixture
def waiting() -> Run:
    store({"name": "one", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}})
    return create()


def test_a_lost_run_is_interrupted_and_its_step_in_doubt_recorded_once(
    waiting: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run.objects.update(status=Status.RUNNING, owner="gone", lease_until=1, step="one", step_attempt=1)
    monkeypatch.setattr(Run, "interrupt_if_lost", deadlocked_once(Run.interrupt_if_lost))
    assert [run.pk for run in runs.reap_runs()] == [waiting.pk]
    waiting.refresh_from_db()
    assert waiting.status == Status.INTERRUPTED
    assert list(StepRun.objects.values_list("path", "status")) == [("one", "interrupted")]


def test_a_run_is_cancelled(waiting: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "cancel", deadlocked_once(Run.cancel))
    assert runs.cancel_run(waiting.pk, "mira").status == Status.CANCELLED


def test_a_run_is_claimed_and_executed_once(waiting: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "claim_waiting", deadlocked_once(Run.claim_waiting))
    assert runs.execute_waiting(waiting.pk).succeeded
    assert StepRun.objects.count() == 1


def test_a_run_is_resumed(waiting: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Run.objects.update(status=Status.INTERRUPTED, active_flow=None)
    monkeypatch.setattr(Run, "requeue", deadlocked_once(Run.requeue))
    assert runs.resume_run(waiting.pk, runs.Asked(Trigger.COMMAND)).status == Status.QUEUED


def test_what_somebody_else_must_do_again_is_raised() -> None:
    calls: list[OperationalError] = []

    def broken_off(error: OperationalError) -> None:
        calls.append(error)
        raise error

    with pytest.raises(OperationalError, match="1213"), transaction.atomic():
        again_after_deadlock(partial(broken_off, DEADLOCK))
    with pytest.raises(OperationalError, match="1205"):
        again_after_deadlock(partial(broken_off, OperationalError(1205, "Lock wait timeout exceeded")))
    assert len(calls) == 2
