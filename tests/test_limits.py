"""The limits of a flow: how many runs are active, how many begin in a minute, and what goes on by itself."""

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from flows import runs, sweeping, tasks
from flows.models import FlowSettings, Run, Status
from flows.runs.room import FlowIsActive, TooManyStarts
from tests.acting import Acting, acting
from tests.test_runs import create, lose, run, store

__all__ = ["acting"]

pytestmark = pytest.mark.django_db


def limit(name: str = "act", **limits: Any) -> None:
    FlowSettings.objects.update_or_create(flow_name=name, defaults=limits)


def test_as_many_runs_are_active_as_may_be_and_one_more_is_refused(acting: Acting) -> None:
    store(acting.step("one"))
    limit(max_active=3)
    made = [create() for _ in range(3)]

    with pytest.raises(FlowIsActive, match=r"3 runs of flow \"act\" are active, and no more may be"):
        create()

    assert sorted(Run.objects.values_list("active_place", flat=True)) == [1, 2, 3]
    runs.cancel_run(made[1].pk, "amal")
    assert create().active_place == 2


def test_a_place_of_one_flow_is_no_place_of_another(acting: Acting) -> None:
    for name in ("act", "act#2", "act2"):
        store(acting.step("one"), name=name)
        limit(name, max_active=2)
        for _ in range(2):
            create(name)

    assert Run.objects.active().count() == 6


def test_a_lost_run_makes_room_in_its_place(acting: Acting) -> None:
    store(acting.step("one"))
    limit(max_active=2)
    made = [create(), create()]
    Run.objects.filter(pk=made[1].pk).update(status=Status.RUNNING, owner="gone", place="elsewhere", lease_until=1)

    assert create().active_place == 2


def test_where_runs_may_wait_they_begin_as_others_end(acting: Acting, settings: Settings) -> None:
    store(acting.step("one"))
    limit(max_active=2, when_active="queue")
    made = [create() for _ in range(4)]
    assert set(Run.objects.values_list("active_flow", flat=True)) == {None}
    for one in made[:2]:
        one.active_place = made.index(one) + 1
        assert one.claim("somebody")

    assert tasks.deliver(made[2].pk) is False
    runs.interrupt_lost(Run.objects.with_lease().get(pk=made[0].pk))
    Run.objects.filter(pk=made[0].pk).update(status=Status.CANCELLED, active_flow=None)

    assert tasks.deliver(made[2].pk) is True
    assert acting.called == ["one"]


def test_the_flow_says_what_happens_to_one_more_run_before_the_site_does(acting: Acting, settings: Settings) -> None:
    store(acting.step("one"))
    settings.FLOWS_WHEN_ACTIVE = "queue"
    limit(when_active="refuse")
    create()

    with pytest.raises(FlowIsActive, match="one run of a flow is active at a time"):
        create()


@pytest.mark.django_db(transaction=True)
def test_however_many_ask_at_once_no_more_are_active_than_may_be(acting: Acting) -> None:
    store(acting.step("one"))
    limit(max_active=3)
    together = threading.Barrier(8)
    refused: list[FlowIsActive] = []

    def ask() -> None:
        together.wait()
        try:
            create()
        except FlowIsActive as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(Run.objects.values_list("active_place", flat=True)) == [1, 2, 3]
    assert len(refused) == 5


def test_so_many_runs_begin_in_a_minute_and_the_next_waits_for_the_next_minute(acting: Acting) -> None:
    store(acting.step("one"))
    limit(starts_per_minute=2)
    # A minute that does not end during the test.
    for _ in range(2):
        assert run().succeeded
    if FlowSettings.objects.get().starts != 2:
        pytest.skip("the minute ended meanwhile")

    waiting = create()
    assert tasks.deliver(waiting.pk) is False
    waiting.refresh_from_db()
    assert waiting.status == Status.QUEUED
    runs.cancel_run(waiting.pk, "amal")
    with pytest.raises(TooManyStarts, match=r"2 runs of flow \"act\" began in this minute, and no more may"):
        run()
    assert Run.objects.active().count() == 0
    assert FlowSettings.objects.get().starts == 2

    FlowSettings.objects.update(minute=0)
    assert run().succeeded
    assert FlowSettings.objects.get().starts == 1


def test_a_run_that_is_not_taken_counts_as_no_start(acting: Acting) -> None:
    store(acting.step("one"))
    limit(starts_per_minute=5)
    one = create()
    assert tasks.deliver(one.pk)

    for _ in range(10):
        tasks.deliver(one.pk)

    assert FlowSettings.objects.get().starts == 1


def test_a_run_lost_in_a_step_goes_on_where_its_flow_allows_that(acting: Acting) -> None:
    for name in ("allows", "forbids"):
        store(acting.step("one"), name=name)
        lose(create(name))
    Run.objects.update(step="one", step_attempt=1)
    limit("allows", resume_lost=True)

    assert [one.flow_name for one in sweeping.sweep().resumed] == ["allows"]


def test_a_message_of_a_lost_run_lets_it_go_on_or_leaves_it_alone(acting: Acting, settings: Settings) -> None:
    sent: list[int] = []
    for name in ("allows", "forbids"):
        store(acting.step("one"), name=name)
    limit("allows", resume_lost=True)
    lost = {name: create(name) for name in ("allows", "forbids")}
    for one in lost.values():
        lose(one)
    Run.objects.update(step="one", step_attempt=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "enqueue", lambda one: sent.append(one.pk))
        for one in lost.values():
            tasks.deliver(one.pk)

    assert sent == [lost["allows"].pk]
    assert dict(Run.objects.values_list("flow_name", "status")) == {
        "allows": Status.QUEUED,
        "forbids": Status.INTERRUPTED,
    }


def test_a_run_that_somebody_stopped_waits_for_a_person(acting: Acting) -> None:
    store(acting.step("one"))
    limit(resume_lost=True)
    one = create()
    one.claim("me")
    one.interrupt("me")
    assert one.stay_interrupted("me")

    assert sweeping.sweep().resumed == []


@pytest.mark.django_db(transaction=True)
def test_who_found_no_room_is_found_by_an_index_however_many_wait() -> None:
    made = timezone.now()
    Run.objects.bulk_create(
        Run(flow_name="act", status=Status.QUEUED, created_at=made, turned_away=number == 1_500)
        for number in range(2_000)
    )
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE TABLE wf_run")
            cursor.fetchall()

    found = Run.objects.of_flow("act").turned_away()

    assert found.count() == 1
    assert "wf_run_turned_away" in found[:1].explain()
