"""Schedules: one run for one due time, whoever looks, how late and how often; and what is said where there is none."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from flows import runs, tasks
from flows.models import Flow, FlowSettings, Run, Schedule, Status, Trigger
from flows.schedules.cron import read_cron
from flows.schedules.due import plan
from flows.schedules.ticking import ON_TIME, look, tick
from tests.acting import Acting, acting
from tests.faults.conftest import length
from tests.faults.harness import Length
from tests.test_cron import BERLIN, MINUTE, NIGHTS, walked
from tests.test_runs import create, store

__all__ = ["acting", "length"]

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep the runs from being executed; return which were sent away."""
    numbers: list[int] = []
    monkeypatch.setattr(tasks, "enqueue", lambda run, *_others: numbers.append(run.pk))
    return numbers


def schedule(cron: str = "* * * * *", now: datetime = NOON, zone: str = "UTC", **values: Any) -> Schedule:
    made = Schedule(flow_name=values.pop("flow_name", "act"), cron=cron, zone=zone, **values)
    plan(made, now)
    made.save()
    return made


def due_times() -> list[datetime]:
    """Return the due times that have a run, as the keys of the runs say."""
    keys = Run.objects.order_by("id").values_list("key", flat=True)
    return [datetime.fromisoformat(key.split(":", 2)[2]) for key in keys]


def end_all() -> None:
    Run.objects.update(status=Status.SUCCEEDED, active_flow=None)


def test_a_due_time_makes_a_run_that_says_where_it_comes_from(acting: Acting, sent: list[int]) -> None:
    store(acting.step("one"), inputs={"day": {"type": "string"}})
    made = schedule("0 13 * * *", inputs=json.dumps({"day": "monday"}))
    assert tick(NOON + 59 * MINUTE) == []

    (run,) = tick(NOON + 60 * MINUTE)

    assert (run.trigger, run.asked_by, run.inputs) == (Trigger.SCHEDULE, f"schedule {made.pk}", '{"day": "monday"}')
    assert run.key == f"schedule:{made.pk}:2026-11-28T13:00:00+00:00"
    assert sent == [run.pk]
    made.refresh_from_db()
    assert (made.last_run, made.trouble) == (run.pk, "")
    assert made.last_due_at == NOON + 60 * MINUTE
    assert made.next_due_at == NOON + timedelta(hours=25)


# To a database the due times of a night are numbers as any.
@pytest.mark.no_database
@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("cron", ["*/10 * * * *", "30 2 * * *", "0 * * * *"])
def test_two_schedulers_make_one_run_for_each_due_time_in_each_night(
    acting: Acting, night: str, cron: str, length: Length
) -> None:
    store(acting.step("one"))
    zone, begin = NIGHTS[night]
    begin -= timedelta(hours=2)
    schedule(cron, begin, zone.key, overlap="queue")
    # A thousand ticks over sixteen hours and forty minutes: each scheduler looks every two minutes, out of step. In the
    # short form they look four times as seldom, and still before a due time would be taken for missed.
    looks = length(125, 500)
    for number in range(looks):
        for late in (0, 500 // looks):
            tick(begin + (1000 // looks * number + late) * MINUTE + 17 * SECOND)

    due = list(walked(read_cron(cron), zone, begin, begin + 999 * MINUTE + 17 * SECOND))

    assert due_times() == due
    assert len(due) >= {"*": 99, "3": 1, "0": 16}[cron[0]]


def test_over_a_restart_and_a_clock_that_goes_back_no_due_time_makes_two_runs(acting: Acting) -> None:
    store(acting.step("one"))
    schedule(overlap="queue")

    for minutes in (1, 2, 3, 1, 2, 3, 4, 2, 5):
        tick(NOON + minutes * MINUTE)

    assert due_times() == [NOON + minutes * MINUTE for minutes in range(1, 6)]


def test_a_run_that_was_made_and_not_noted_is_found_by_its_key(acting: Acting, sent: list[int]) -> None:
    store(acting.step("one"))
    made = schedule()
    before = made.next_due
    (run,) = tick(NOON + MINUTE)

    # As a backup of the table that is put back.
    Schedule.objects.update(next_due=before)
    assert tick(NOON + MINUTE) == [run]

    assert Run.objects.count() == 1
    assert sent == [run.pk]


def test_of_those_who_saw_the_same_due_time_the_first_turns_to_the_next(acting: Acting) -> None:
    schedule()
    first, second, renamed = (Schedule.objects.get() for _ in range(3))

    assert first.go_on(NOON + 2 * MINUTE, last_due=1) is True
    assert second.go_on(NOON + 3 * MINUTE, last_due=2) is False
    Schedule.objects.rename("act", "other")
    renamed.next_due = first.next_due
    assert renamed.go_on(NOON + 4 * MINUTE) is False

    assert Schedule.objects.get().next_due_at == NOON + 2 * MINUTE


@pytest.mark.parametrize("overlap", ["queue", "refuse"])
def test_after_an_outage_missed_due_times_are_let_go_but_the_last_minutes(acting: Acting, overlap: str) -> None:
    store(acting.step("one"))
    made = schedule(overlap=overlap)
    back = NOON + timedelta(hours=9)

    tick(back)

    in_time = [back - minutes * MINUTE for minutes in range(round(ON_TIME / MINUTE) - 1, -1, -1)]
    assert due_times() == (in_time if overlap == "queue" else in_time[:1])
    made.refresh_from_db()
    assert made.next_due_at == back + MINUTE


def test_a_missed_due_time_is_noted(acting: Acting, caplog: pytest.LogCaptureFixture) -> None:
    store(acting.step("one"))
    made = schedule("0 13 * * *")

    assert tick(NOON + timedelta(hours=50)) == []

    made.refresh_from_db()
    assert made.last_due_at == NOON + timedelta(hours=49)
    assert made.next_due_at == NOON + timedelta(hours=73)
    assert made.trouble == "it was missed, because no scheduler was running"
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{made}: the due time 2026-11-30 21:00:00 makes no run: it was missed, because no scheduler was running"
    ]


def test_a_schedule_that_runs_late_makes_one_run_for_the_newest_due_time_it_missed(acting: Acting) -> None:
    store(acting.step("one"))
    schedule("0 * * * *", when_missed="once", overlap="queue")

    tick(NOON + timedelta(days=30, minutes=20))

    assert due_times() == [NOON + timedelta(days=30)]
    tick(NOON + timedelta(days=30, minutes=60))
    assert len(due_times()) == 2


def test_while_a_run_is_active_a_due_time_is_skipped_and_that_is_seen(acting: Acting) -> None:
    store(acting.step("one"))
    FlowSettings.objects.create(flow_name="act", when_active="queue")
    made = schedule()
    (run,) = tick(NOON + MINUTE)

    assert tick(NOON + 2 * MINUTE) == []

    made.refresh_from_db()
    assert made.last_due_at == NOON + 2 * MINUTE
    assert made.last_run is None
    assert f"{run} is queued since" in made.trouble
    end_all()
    tick(NOON + 3 * MINUTE)
    made.refresh_from_db()
    assert made.trouble == ""
    assert due_times() == [NOON + MINUTE, NOON + 3 * MINUTE]


def test_a_due_time_does_not_overtake_a_run_that_waits(acting: Acting) -> None:
    store(acting.step("one"))
    FlowSettings.objects.create(flow_name="act", when_active="queue")
    create()
    schedule()

    assert tick(NOON + MINUTE) == []


def test_a_flow_with_room_for_three_is_not_skipped_before_the_fourth(acting: Acting) -> None:
    store(acting.step("one"))
    FlowSettings.objects.create(flow_name="act", max_active=3)
    schedule()

    assert [len(tick(NOON + number * MINUTE)) for number in range(1, 6)] == [1, 1, 1, 0, 0]


def test_where_the_schedule_says_so_the_run_waits_though_its_flow_would_refuse(acting: Acting) -> None:
    store(acting.step("one"))
    FlowSettings.objects.create(flow_name="act", when_active="refuse")
    schedule(overlap="queue")

    made = [tick(NOON + number * MINUTE)[0] for number in (1, 2)]

    assert {run.status for run in made} == {Status.QUEUED}
    assert tasks.deliver(made[0].pk) is True
    assert tasks.deliver(made[1].pk) is True
    assert acting.called == ["one", "one"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda: _flow(enabled=False), "is disabled"),
        (lambda: _flow(deleted=True), "is deleted"),
        (lambda: _flow(flow_json='{"steps": 1}'), "is invalid"),
        (lambda: _flow(flow_name="other"), 'no flow is named "act"'),
        (lambda: Schedule.objects.update(inputs='{"x": 1}'), 'the flow has no input "x"'),
        (lambda: Schedule.objects.update(inputs="[]"), "no JSON object"),
        (lambda: Schedule.objects.update(inputs="{"), "no JSON object"),
    ],
)
def test_a_due_time_that_can_make_no_run_says_why_once_and_the_others_go_on(
    acting: Acting, caplog: pytest.LogCaptureFixture, spoil: Callable[[], object], told: str
) -> None:
    store(acting.step("one"))
    store(acting.step("one"), name="well")
    bad = schedule()
    spoil()
    good = schedule(flow_name="well")
    caplog.clear()

    made = [run for _ in range(3) for run in tick(NOON + MINUTE)]

    assert [run.flow_name for run in made] == ["well"]
    bad.refresh_from_db()
    assert told in bad.trouble
    assert bad.next_due_at == NOON + 2 * MINUTE
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [getattr(record, "flow", "") for record in warnings] == ["act"]
    good.refresh_from_db()
    assert good.trouble == ""


def _flow(**values: Any) -> None:
    Flow.objects.filter(flow_name="act").update(**values)


@pytest.mark.parametrize(("column", "value"), [("cron", "61"), ("zone", "Nowhere/Atlantis"), ("zone", "../x")])
def test_a_schedule_that_somebody_spoiled_is_due_no_more_and_says_why(acting: Acting, column: str, value: str) -> None:
    store(acting.step("one"))
    made = schedule()
    Schedule.objects.update(**{column: value})

    assert tick(NOON + MINUTE) == tick(NOON + 2 * MINUTE) == []

    made.refresh_from_db()
    assert made.next_due is None
    assert made.trouble


def test_what_one_schedule_cannot_do_keeps_no_other_from_its_run(
    acting: Acting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("bad", "good"):
        store(acting.step("one"), name=name)
        schedule(flow_name=name)
    create_run = runs.create_run

    def fail(flow: Any, *others: Any) -> Any:
        if flow.flow.flow_name == "bad":
            raise ZeroDivisionError("no way")
        return create_run(flow, *others)

    monkeypatch.setattr(runs, "create_run", fail)
    assert [run.flow_name for run in tick(NOON + MINUTE)] == ["good"]
    assert "is looked at again: ZeroDivisionError: no way" in caplog.text
    assert look(NOON + MINUTE) == NOON + MINUTE
    monkeypatch.setattr(runs, "create_run", create_run)

    assert look(NOON + MINUTE) == NOON + 2 * MINUTE
    assert list(Run.objects.order_by("id").values_list("flow_name", flat=True)) == ["good", "bad"]


def test_with_another_zone_the_next_due_time_is_by_the_clocks_of_that_zone(acting: Acting) -> None:
    store(acting.step("one"))
    made = schedule("30 2 * * *", NOON, "Europe/Berlin", overlap="queue")
    tick(NOON + timedelta(hours=13, minutes=30))
    made.refresh_from_db()
    after = NOON + timedelta(hours=13, minutes=31)

    made.zone = "America/New_York"
    plan(made, after)
    made.save()
    for minutes in range(24 * 60):
        tick(after + minutes * MINUTE)

    assert [due.astimezone(ZoneInfo("America/New_York")).isoformat()[11:16] for due in due_times()[1:]] == ["02:30"]
    assert due_times()[0].astimezone(BERLIN).isoformat()[11:16] == "02:30"


def test_whoever_looks_is_told_when_the_next_run_is_due(acting: Acting) -> None:
    store(acting.step("one"))
    assert look(NOON) is None
    schedule("5 * * * *", enabled=False)
    schedule("30 * * * *")

    assert look(NOON) == NOON + 30 * MINUTE
    assert look(NOON + 30 * MINUTE) == NOON + 90 * MINUTE
    assert due_times() == [NOON + 30 * MINUTE]


def test_a_schedule_that_is_off_is_never_due(acting: Acting) -> None:
    store(acting.step("one"))
    made = schedule(enabled=False)

    assert made.next_due is None
    assert tick(NOON + timedelta(days=1)) == []


def test_schedules_follow_the_name_of_their_flow(acting: Acting) -> None:
    store(acting.step("one"), name="new")
    kept, gone = schedule(flow_name="old"), schedule(flow_name="new")

    Schedule.objects.rename("old", "new")

    assert list(Schedule.objects.values_list("pk", "flow_name")) == [(kept.pk, "new")]
    assert [run.flow_name for run in tick(NOON + MINUTE)] == ["new"]
    assert not Schedule.objects.filter(pk=gone.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_however_many_look_at_once_a_due_time_makes_one_run(acting: Acting, sent: list[int]) -> None:
    store(acting.step("one"))
    for _ in range(5):
        schedule(overlap="queue")
    together = threading.Barrier(6)

    def look() -> None:
        try:
            for number in range(1, 9):
                together.wait()
                tick(NOON + number * MINUTE)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tick(NOON + 8 * MINUTE)

    made = sorted(Run.objects.values_list("key", flat=True))
    wanted = [
        f"schedule:{pk}:{(NOON + number * MINUTE).isoformat()}"
        for pk in Schedule.objects.values_list("pk", flat=True)
        for number in range(1, 9)
    ]
    assert made == sorted(wanted)
    assert sorted(sent) == sorted(Run.objects.values_list("pk", flat=True))
