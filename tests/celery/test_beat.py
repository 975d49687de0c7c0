"""Schedulers that really run: two of them, and one run for a due time."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from flows.models import Run, Schedule, Status, Trigger
from flows.schedules.due import plan
from tests.celery.site import Site, site, statuses, step, store, wait_until
from tests.conftest import ROOT

__all__ = ["site"]

pytestmark = pytest.mark.celery


class Beat:
    """One scheduler, in a process of its own."""

    def __init__(self, site: Site, name: str) -> None:
        self.path = site.folder / f"{name}.log"
        with self.path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "wfsite", "beat", "-l", "info", "--pidfile="],
                cwd=ROOT, env=site.environment, stdout=log, stderr=log,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def beats(site: Site) -> Iterator[list[Beat]]:
    """Two schedulers of one site, whose tables are made."""
    made = site.manage("migrate", "django_celery_beat")
    assert made.returncode == 0, made.stderr
    begun = [Beat(site, name) for name in ("first", "second")]
    yield begun
    for beat in begun:
        beat.process.kill()
        beat.process.wait()


def schedule(name: str, cron: str, due_seconds_ago: int, **values: str) -> Schedule:
    made = Schedule(flow_name=name, cron=cron, zone="Europe/Berlin", **values)
    plan(made, timezone.now())
    made.next_due = int(timezone.now().timestamp()) - due_seconds_ago
    made.save()
    return made


def test_two_schedulers_and_a_worker_execute_one_run_for_a_due_time(site: Site, beats: list[Beat]) -> None:
    store("chain", step("one"))
    late = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=2)
    made = schedule("chain", "* * * * *", 0, overlap="queue")
    Schedule.objects.update(next_due=int(late.timestamp()))
    assert site.manage("checkscheduler", "--older-than", "30").returncode == 1

    site.start("-c", "1")
    logs = "\n".join(beat.log for beat in beats)
    wait_until(lambda: statuses()[Status.SUCCEEDED] >= 3, f"three due times have their runs\n{logs}")

    runs = Run.objects.filter(key__startswith=f"schedule:{made.pk}:{late:%Y-%m-%d}")
    keys = [f"schedule:{made.pk}:{(late + timedelta(minutes=number)).isoformat()}" for number in range(3)]
    assert list(runs.order_by("id").values_list("key", flat=True))[:3] == keys
    assert set(runs.values_list("trigger", flat=True)) == {Trigger.SCHEDULE}
    # Either scheduler may be the first to send its run. A minute may have begun meanwhile: then a fourth run is there.
    assert {pk for pk, _ in site.executed} >= set(runs.order_by("id").values_list("pk", flat=True)[:3])
    assert len({pk for pk, _ in site.executed}) == len(site.executed)
    checked = site.manage("checkscheduler")
    assert (checked.returncode, checked.stdout.partition(":")[0]) == (0, "next due")
    assert [beat.stop() for beat in beats] == [0, 0]


@pytest.mark.no_database
def test_without_a_broker_the_run_of_a_due_time_waits_in_its_row(site: Site, beats: list[Beat]) -> None:
    store("chain", step("one"))
    site.broker.kill9()
    try:
        schedule("chain", "0 3 29 2 *", 1)
        wait_until(lambda: statuses() == {Status.QUEUED: 1}, f"the run is made\n{beats[0].log}")
        wait_until(lambda: "no worker knows of it yet" in beats[0].log + beats[1].log, "that is said")
        assert [beat.process.poll() for beat in beats] == [None, None]
    finally:
        site.broker.start()
