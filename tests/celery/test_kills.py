"""Runs whose workers are killed and whose broker forgets: all come to their end, and each outcome is recorded once."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import DatabaseError, InterfaceError, connection

from flows import sweeping, tasks
from flows.dispatch import broker
from flows.models import FlowSettings, Priority, Run, Status
from tests.celery.site import (
    Site,
    Worker,
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
from tests.conftest import SERVER
from tests.faults.conftest import length
from tests.faults.harness import Length
from tests.servers import Redis

__all__ = ["length", "site"]

pytestmark = pytest.mark.celery

FLOWS = ("short", "middle", "long")


def store_flows(seconds: float) -> None:
    for steps, name in enumerate(FLOWS, 2):
        store(name, *(step(f"s{number}", seconds=seconds) for number in range(steps)))
        FlowSettings.objects.create(flow_name=name, max_active=4, when_active="queue", resume_lost=True)


def ended() -> int:
    return sum(statuses()[status] for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED))


def swept_until_all_ended(of: int, seconds: float) -> Iterator[int]:
    """Sweep twice a second until all runs have ended, and yield how many have; wait out trouble with the database."""
    give_up = time.monotonic() + seconds
    done = 0
    while done < of:
        assert time.monotonic() < give_up, f"{done} of {of} runs ended in {seconds:g} s: {statuses()}"
        time.sleep(0.5)
        try:
            sweeping.sweep(older_than=1)
            done = ended()
        except (DatabaseError, InterfaceError):
            connection.close()
            continue
        yield done


def assert_all_is_true(site: Site, made: list[Run], killed_processes: int) -> None:
    assert statuses() == {Status.SUCCEEDED: len(made)}
    assert executions_recorded_twice() == []
    assert runs_without_all_steps() == []
    times = Counter(site.executed)
    steps = sum(one.steps_total for one in made)
    assert len(times) == steps
    # Only the step in flight may be executed again: one a process that was killed.
    assert times.total() - steps <= killed_processes


def test_all_runs_end_though_workers_die_and_the_broker_forgets(site: Site, redis_server: Redis) -> None:
    store_flows(0.02)
    made = [run for number in range(50) for run in enqueue(FLOWS[number % 3])]
    workers = [site.start("-c", "2", "-O", "fair")]
    processes, killed = 2, 0
    chance = random.Random(7)

    for done in swept_until_all_ended(len(made), 60):
        if killed < 3 and done >= 12 * killed:
            if killed == 1:
                redis_server.flush()
            if killed == 2:
                worker = chance.choice(workers)
                worker.kill9_child(chance.choice(worker.children))
            else:
                workers.pop().kill9()
                workers.append(site.start("-c", "2"))
            killed += 1

    assert killed == 3
    assert_all_is_true(site, made, killed * processes)


def test_a_step_that_kills_its_process_is_executed_three_times_and_fails(site: Site) -> None:
    store("poison", step("one"), step("dies", "die"), step("after"))
    FlowSettings.objects.create(flow_name="poison", resume_lost=True)
    run = enqueue("poison")[0]
    worker = site.start("-c", "1")

    for _ in swept_until_all_ended(1, 60):
        pass

    run.refresh_from_db()
    assert (run.status, run.failed_step, run.error_type) == (Status.FAILED, "dies", "StepInterrupted")
    assert site.executed == [(run.pk, "one"), *[(run.pk, "dies")] * 3]
    assert worker.process.poll() is None


def test_a_step_that_kills_its_process_stops_the_run_where_nothing_else_is_allowed(site: Site) -> None:
    store("poison", step("dies", "die"))
    run = enqueue("poison")[0]
    site.start("-c", "1")
    wait_until(lambda: statuses() == {Status.INTERRUPTED: 1}, "the run is interrupted")
    time.sleep(3)

    sweeping.sweep(older_than=0)

    run.refresh_from_db()
    assert (run.status, run.step) == (Status.INTERRUPTED, "dies")
    assert site.executed == [(run.pk, "dies")]


def test_who_waits_for_another_run_begins_when_that_ends(site: Site) -> None:
    store("chain", step("one", seconds=0.2))
    made = enqueue("chain", 5)
    site.start("-c", "2")

    wait_until(lambda: statuses() == {Status.SUCCEEDED: 5}, "all runs have succeeded", 20)

    assert sorted(pk for pk, _ in site.executed) == [run.pk for run in made]


@pytest.mark.faults
def test_a_thousand_runs_end_though_all_fails_that_can(
    site: Site, redis_server: Redis, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    store_flows(0.02)
    made = [create(FLOWS[number % 3]) for number in range(1000)]
    for run in made:
        tasks.enqueue(run)
    workers = [site.start("-c", "2"), site.start("-c", "2")]
    chance = random.Random(8)
    kills = 0
    next_kill = time.monotonic() + 3

    def kill_a_child(worker: Worker) -> None:
        nonlocal kills
        worker.kill9_child(chance.choice(worker.children or [0x7FFFFFFF]))
        kills += 1

    def kill_a_worker(worker: Worker) -> None:
        nonlocal kills
        workers.remove(worker)
        worker.kill9()
        workers.append(site.start("-c", "2"))
        kills += 2

    def restart_the_broker(_worker: Worker) -> None:
        site.broker.kill9()
        time.sleep(1)
        site.broker.start()

    def flush_the_broker(_worker: Worker) -> None:
        redis_server.flush()

    def restart_the_database(_worker: Worker) -> None:
        if (server := request.config.stash.get(SERVER, None)) is not None:
            server.stop()
            time.sleep(1)
            server.start()

    acts: list[Callable[[Worker], None]] = [
        kill_a_child,
        kill_a_child,
        kill_a_worker,
        restart_the_broker,
        flush_the_broker,
        restart_the_database,
    ]
    done: Counter[str] = Counter()
    for _ in swept_until_all_ended(len(made), 1800):
        if time.monotonic() > next_kill:
            act = chance.choice(acts)
            act(chance.choice(workers))
            done[act.__name__] += 1
            next_kill = time.monotonic() + 3

    assert kills > 3
    assert_all_is_true(site, made, kills)
    again = len(site.executed) - sum(run.steps_total for run in made)
    with capsys.disabled():
        print(f"\n1,000 runs, {kills} processes killed, {dict(done)}: all ended, {again} steps executed again")


@pytest.mark.faults
def test_a_step_that_never_ends_keeps_no_worker_from_stopping(site: Site) -> None:
    store("endless", step("one", seconds=600))
    run = enqueue("endless")[0]
    worker = site.start("-c", "2")
    wait_until(lambda: site.executed == [(run.pk, "one")], "the step is executed")
    began = time.monotonic()

    worker.stop()
    worker.process.wait(60)

    assert time.monotonic() - began < 38
    run.refresh_from_db()
    assert (run.status, run.step) == (Status.INTERRUPTED, "one")


def test_each_message_may_come_a_hundred_times(site: Site, length: Length) -> None:
    number = length(1, 1000)
    store_flows(0)
    worker = site.start("-c", "4")
    made = [create(FLOWS[count % 3]) for count in range(number)]
    for run in made:
        # One after the other, so that all processes have messages of the same run at the same time.
        for _ in range(100):
            broker.send(run.pk, "flows", Priority.NORMAL)

    for _ in swept_until_all_ended(number, 3600):
        pass
    wait_until(lambda: broker.messages_in("flows") == 0, "all messages are taken", 3600)
    wait_until(lambda: worker.log.count(" succeeded in ") >= 100 * number, "all messages are dealt with")

    assert_all_is_true(site, made, 0)
    length.tell(f"{number} runs, each sent 100 times: {100 * number} messages, no step executed twice")
