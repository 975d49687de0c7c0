"""Runs that workers execute: sent, sent twice, never sent; and workers that stop or die."""

import json
import re
import time

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from flows import sweeping, tasks
from flows.dispatch import broker
from flows.models import Flow, FlowSettings, Priority, Run, Status
from tests.celery.site import (
    Site,
    create,
    enqueue,
    executions_recorded_twice,
    runs_without_all_steps,
    site,
    statuses,
    step,
    store,
    wait_until,
)
from tests.servers import Redis

__all__ = ["site"]

pytestmark = pytest.mark.celery


def all_succeeded() -> bool:
    return set(statuses()) == {Status.SUCCEEDED}


def test_a_worker_executes_what_was_enqueued_each_run_once_and_in_order(site: Site) -> None:
    store("chain", step("one"), step("two"), step("three"))
    made = enqueue("chain", 3)
    for _ in range(20):
        broker.send(made[0].pk, "flows", Priority.NORMAL)

    worker = site.start("-c", "2")
    wait_until(all_succeeded, f"all runs have succeeded\n{worker.log}")

    assert sorted(site.executed) == sorted((run.pk, name) for run in made for name in ("one", "two", "three"))
    for run in made:
        assert [name for pk, name in site.executed if pk == run.pk] == ["one", "two", "three"]
    assert executions_recorded_twice() == runs_without_all_steps() == []


@pytest.mark.no_database
def test_runflow_hands_a_run_over_and_tells_its_number(site: Site) -> None:
    store("chain", step("one"))

    told = site.manage("runflow", "chain", "--enqueue", "--key", "monday")

    run = Run.objects.get()
    assert (told.returncode, told.stdout) == (0, f"run {run.pk} of chain is queued; python manage.py listruns chain\n")
    assert broker.messages_in("flows") == 1


def test_a_run_whose_message_is_gone_is_sent_again_once(site: Site, redis_server: Redis) -> None:
    store("chain", step("one"))
    run = enqueue("chain")[0]
    assert sweeping.sweep(older_than=0).sent == []

    redis_server.flush()

    assert sweeping.sweep(older_than=3600).sent == []
    assert sweeping.sweep(older_than=0).sent == [run]
    assert sweeping.sweep(older_than=0).sent == []
    assert broker.messages_in("flows") == 1


def test_of_the_runs_that_wait_for_each_other_the_oldest_is_sent(site: Site) -> None:
    store("chain", step("one"))
    store("other", step("one"))
    made = [create("chain"), create("chain"), create("other")]

    assert sweeping.sweep(older_than=0).sent == [made[0], made[2]]


def test_a_run_that_a_process_keeps_for_itself_is_sent_to_nobody(site: Site) -> None:
    store("chain", step("one"))
    create("chain").wait_here()

    assert sweeping.sweep(older_than=0).sent == []


@pytest.mark.no_database
def test_without_a_broker_the_run_waits_and_that_is_told_at_once(site: Site) -> None:
    store("chain", step("one"))
    site.broker.kill9()
    told: list[str] = []
    began = time.monotonic()
    try:
        tasks.enqueue(create("chain"), told.append)
        by_command = site.manage("runflow", "chain", "--enqueue")
    finally:
        site.broker.start()

    assert time.monotonic() - began < 30
    assert len(told) == 1
    assert "waits, and no worker knows of it yet: the broker is unavailable" in told[0]
    assert by_command.returncode == 0
    assert "the broker is unavailable" in by_command.stderr
    assert statuses() == {Status.QUEUED: 2}
    assert len(sweeping.sweep(older_than=0).sent) == 1


def test_a_worker_that_stops_lets_the_step_end_and_another_goes_on(site: Site) -> None:
    store("chain", step("one", seconds=1.5), step("two"), step("three"))
    run = enqueue("chain")[0]
    worker = site.start("-c", "1")
    wait_until(lambda: site.executed == [(run.pk, "one")], "the first step is executed")

    worker.stop()

    assert worker.process.wait(20) == 0
    run.refresh_from_db()
    assert (run.status, run.steps_done) == (Status.QUEUED, 1)
    site.start("-c", "1")
    wait_until(all_succeeded, "the run has succeeded")
    assert site.executed == [(run.pk, "one"), (run.pk, "two"), (run.pk, "three")]


def test_a_message_that_comes_again_during_a_step_changes_nothing(site: Site, settings: Settings) -> None:
    store("chain", step("one", seconds=4), step("two"))
    run = enqueue("chain")[0]

    worker = site.start("-c", "2", CELERY_VISIBILITY_SECONDS="1")
    wait_until(all_succeeded, f"the run has succeeded\n{worker.log}")

    assert site.executed == [(run.pk, "one"), (run.pk, "two")]


@pytest.mark.no_database
def test_workers_and_queues_are_shown_and_checked(site: Site, admin_client: Client) -> None:
    store("chain", step("one", seconds=5))
    store("heavy", step("one"))
    FlowSettings.objects.create(flow_name="heavy", queue="heavy")
    assert site.manage("checkworkers").returncode == 1

    site.start("-c", "1", "-n", "first@here")
    enqueue("chain")
    enqueue("heavy")
    wait_until(lambda: statuses()[Status.RUNNING] == 1, "a run is executed")
    text = admin_client.get("/admin/flows/flow/workers/").text
    checked = site.manage("checkworkers")

    assert "first@here" in text
    assert re.search(r"<th [^>]*>heavy</th><td [^>]*>1</td>\s*<td [^>]*>1</td>", text)
    assert (checked.returncode, checked.stderr) == (1, "CommandError: nobody takes from the queues heavy\n")
    assert site.manage("checkworkers", "--worker", "first@here").returncode == 0
    site.start("-c", "1", "-Q", "heavy")
    assert site.manage("checkworkers").returncode == 0
    site.broker.kill9()
    try:
        assert site.manage("checkworkers").returncode == 1
    finally:
        site.broker.start()


def test_each_line_of_a_file_is_handed_over_once(site: Site) -> None:
    text = json.dumps({"inputs": {"n": {"type": "integer"}}, "procedures": [step("one", n="@_input.n")]})
    Flow.objects.create(flow_name="many", flow_json=text, enabled=True)
    FlowSettings.objects.create(flow_name="many", max_active=4, when_active="queue")
    path = site.folder / "rows.jsonl"
    path.write_text("".join(f'{{"n": {n}}}\n' for n in (*range(20), 7)))
    first = site.manage("runflow", "many", "--each", str(path), "--enqueue")
    assert first.stdout.endswith(": 21 queued; 1 of them before\n"), first.stderr
    again = site.manage("runflow", "many", "--each", str(path), "--enqueue")
    assert again.stdout.endswith(": 21 queued; 21 of them before\n"), again.stderr
    site.start("-c", "2")
    wait_until(lambda: statuses() == {Status.SUCCEEDED: 20}, "all lines are done")
    last = site.manage("runflow", "many", "--each", str(path), "--enqueue")
    assert last.stdout.endswith(": 21 succeeded; 21 of them before\n"), last.stderr
    assert len(site.executed) == 20


@pytest.mark.no_database
def test_lines_are_handed_over_only_where_their_runs_may_wait(site: Site) -> None:
    text = json.dumps({"procedures": [step("one")]})
    Flow.objects.create(flow_name="many", flow_json=text, enabled=True)
    FlowSettings.objects.create(flow_name="many", when_active="refuse")
    path = site.folder / "rows.jsonl"
    path.write_text("{}\n")
    done = site.manage("runflow", "many", "--each", str(path), "--enqueue")
    assert done.returncode == 2
    assert "choose “let it wait” in its settings" in done.stderr
