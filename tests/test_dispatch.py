"""The choice of what executes runs: threads by default, with nothing of Celery loaded; workers where there are some."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from flows import sweeping, tasks
from flows.checks import check_dispatch
from flows.models import Run, Schedule, Status
from tests.acting import Acting, acting
from tests.conftest import ROOT, RUN_MANAGE
from tests.environment import site_environment
from tests.test_runs import create, lose, store

__all__ = ["acting"]

LOADED = """
import sys
import django
django.setup()
import wfsite.urls, flows.admin, flows.management.commands.runflow, flows.management.commands.sweepruns
import flows.schedules.ticking, flows.management.commands.checkscheduler
from django.test import Client
Client().get("/admin/login/")
OF_CELERY = ("celery", "kombu", "billiard", "redis", "amqp", "django_celery_beat", "cron_descriptor")
print([name for name in sys.modules if name.partition(".")[0] in OF_CELERY])
"""


@pytest.mark.no_database
def test_nothing_of_celery_is_loaded_where_there_are_no_workers(tmp_path: Path) -> None:
    environment = {**os.environ, **site_environment(tmp_path), "FLOWS_DISPATCH": "thread"}
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("FLOWS_DISPATCH", "carrier pigeon", "FLOWS_DISPATCH='carrier pigeon' is none of thread, celery."),
        ("CELERY_BROKER_URL", "http://:secret@host", "CELERY_BROKER_URL is no address of a broker"),
        ("CELERY_BROKER_URL", "redis://:secret@host:port/0", "CELERY_BROKER_URL is no address of a broker"),
        ("WORKER_MAX_RUNS", "0", "WORKER_MAX_RUNS='0' is no whole number from 1"),
    ],
)
def test_a_wrong_setting_is_told_without_its_password(manage: RUN_MANAGE, name: str, value: str, told: str) -> None:
    done = manage("check", **{name: value})

    assert done.returncode == 2
    assert told in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.no_database
@pytest.mark.parametrize("package", ["celery", "django_celery_beat"])
def test_a_site_without_a_package_is_told_how_to_get_it(tmp_path: Path, package: str) -> None:
    hide = f"import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: n != {package!r} and find(n); "
    done = subprocess.run(
        [sys.executable, "-c", hide + "import wfsite.settings"],
        cwd=ROOT,
        env={**os.environ, **site_environment(tmp_path), "FLOWS_DISPATCH": "celery"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "FLOWS_DISPATCH=celery needs a package that is missing: pip install -r requirements-scale.txt" in done.stderr


@pytest.mark.no_database
def test_workers_without_a_history_are_an_error_of_the_site(settings: Settings) -> None:
    settings.FLOWS_HISTORY = False
    assert check_dispatch() == []

    settings.FLOWS_DISPATCH = "celery"

    assert [message.id for message in check_dispatch()] == ["flows.E002"]


@pytest.mark.no_database
def test_runflow_hands_nothing_over_where_there_are_no_workers(manage: RUN_MANAGE) -> None:
    done = manage("runflow", "hello", "--enqueue")

    assert (done.returncode, done.stderr) == (
        2,
        "CommandError: --enqueue needs workers, and FLOWS_DISPATCH=thread has none: leave it out, and the run is "
        "executed here\n",
    )


@pytest.mark.django_db
def test_a_run_that_was_lost_between_two_steps_goes_on_and_one_in_a_step_waits_for_a_person(acting: Acting) -> None:
    for name in ("between", "within"):
        store(acting.step("one"), name=name)
        lose(create(name))
    Run.objects.filter(flow_name="within").update(step="one")

    swept = sweeping.sweep()

    assert {run.flow_name for run in swept.reaped} == {"between", "within"}
    assert [run.flow_name for run in swept.resumed] == ["between"]
    assert dict(Run.objects.values_list("flow_name", "status")) == {
        "between": Status.QUEUED,
        "within": Status.INTERRUPTED,
    }


@pytest.mark.django_db
def test_what_was_interrupted_long_ago_waits_for_a_person(acting: Acting) -> None:
    store(acting.step("one"))
    lose(create())
    assert sweeping.sweep().resumed != []
    Run.objects.update(status=Status.INTERRUPTED, active_flow=None, ended_at="2020-01-01T00:00:00Z")

    assert sweeping.sweep().resumed == []


@pytest.mark.django_db(transaction=True)
def test_a_run_is_handed_over_when_it_is_committed(acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import transaction  # noqa: PLC0415

    store(acting.step("one"))
    sent: list[int] = []

    class Pool:
        def put(self, run_id: int) -> None:
            sent.append(run_id)

    monkeypatch.setattr("flows.dispatch.threads.pool", lambda _execute: Pool())

    with transaction.atomic():
        run = create()
        tasks.enqueue(run)
        assert sent == []

    assert sent == [run.pk]


@pytest.mark.django_db
def test_a_run_that_is_delivered_again_and_again_is_executed_once(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    run = create()

    done = [tasks.deliver(run.pk) for _ in range(100)]

    assert done == [True] * 100
    assert acting.called == ["one", "two"]


@pytest.mark.django_db
def test_what_has_to_wait_says_so_and_waits(acting: Acting, settings: Settings) -> None:
    settings.FLOWS_WHEN_ACTIVE = "queue"
    store(acting.step("one"))
    first, second = create(), create()
    first.claim("somebody")

    assert tasks.deliver(second.pk) is False
    assert tasks.deliver(12345) is True

    second.refresh_from_db()
    assert second.status == Status.QUEUED
    assert acting.called == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "0 nothing is scheduled"),
        (3600, "0 next due: "),
        (-60, "0 next due: "),
        (-600, '1 nobody looked at 1 schedule in time: schedule 1 of "nightly" was due at '),
    ],
)
def test_a_scheduler_that_does_not_look_is_found(settings: Settings, seconds: int | None, told: str) -> None:
    settings.FLOWS_DISPATCH = "celery"
    if seconds is not None:
        next_due = int(timezone.now().timestamp()) + seconds
        Schedule.objects.create(pk=1, flow_name="nightly", cron="* * * * *", zone="UTC", next_due=next_due)
    assert checked().startswith(told)


def checked() -> str:
    """Return the exit code of `checkscheduler`, and what it says."""
    written = StringIO()
    try:
        call_command("checkscheduler", stdout=written)
    except CommandError as error:
        return f"{error.returncode} {error}"
    return f"0 {written.getvalue()}"


LOOKS = """
import django
django.setup()
from datetime import timedelta
from unittest import mock
from django.utils import timezone
from flows import beat
one = beat.FlowScheduler.__new__(beat.FlowScheduler)
one.max_interval = 5
for seconds in (2, -60, None):
    next_due = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
    with mock.patch.object(beat, "look", return_value=next_due):
        print(round(one._seconds_to_the_next_run()), end=" ")
with mock.patch.object(beat, "look", side_effect=OSError("gone")):
    print(round(one._seconds_to_the_next_run()))
"""


@pytest.mark.no_database
def test_a_scheduler_looks_again_when_the_next_run_is_due_and_not_at_once_after_a_failure(tmp_path: Path) -> None:
    environment = {**os.environ, **site_environment(tmp_path), "FLOWS_DISPATCH": "celery"}
    done = subprocess.run(
        [sys.executable, "-c", LOOKS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "2 5 5 5\n"
    assert "OSError: gone" in done.stderr


@pytest.mark.no_database
def test_a_site_without_a_scheduler_has_none_to_check() -> None:
    assert checked() == "2 this site has no scheduler: FLOWS_DISPATCH=thread"
