"""The same runs over RabbitMQ: handed over, counted, executed once each though workers die and the broker restarts."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kombu import Connection  # type: ignore[attr-defined]
from pytest_django.fixtures import Settings

from flows.dispatch import broker
from flows.models import Priority
from tests import needs
from tests.celery.site import PACKAGE, Site, create, enqueue, statuses, step, store, wait_until
from tests.celery.test_kills import FLOWS, assert_all_is_true, store_flows, swept_until_all_ended
from tests.faults.conftest import length
from tests.faults.harness import Length
from tests.servers import RabbitMQ

__all__ = ["length"]

# Once is enough: what depends on the database is tested over Redis.
pytestmark = [pytest.mark.celery, pytest.mark.no_database]

APP = "tests.celery.rabbitmq_app"


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMQ]:
    if missing := needs.missing_for_rabbitmq():
        needs.skip(missing)
    with RabbitMQ() as server:
        yield server


@pytest.fixture
def site(
    rabbitmq: RabbitMQ, transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Site]:
    """A site whose runs wait for workers over RabbitMQ, and for each other."""
    settings.FLOWS_DISPATCH = "celery"
    settings.FLOWS_WHEN_ACTIVE = "queue"
    settings.FLOWS_PROCEDURE_PACKAGES = [PACKAGE]
    settings.CELERY_BROKER_URL = rabbitmq.url
    settings.FLOWS_CELERY_APP = f"{APP}.app"
    # Celery reads the environment itself, and keeps what it has read.
    monkeypatch.setenv("CELERY_BROKER_URL", rabbitmq.url)
    sys.modules.pop(APP, None)
    # Not deleted: who has declared the queue once does not declare it again.
    with Connection(rabbitmq.url) as connection, suppress(connection.channel_errors):  # type: ignore[no-untyped-call]
        connection.default_channel.queue_purge("flows")
    made = Site(tmp_path, rabbitmq)
    yield made
    made.close()


def test_all_runs_end_though_workers_die_and_the_broker_is_killed(site: Site, length: Length) -> None:
    number, kills = length(40, 300), length(2, 12)
    store_flows(0.05)
    made = [run for count in range(number) for run in enqueue(FLOWS[count % 3])]
    workers = [site.start("-c", "2", "-O", "fair")]
    assert "takes from flows" in site.manage("checkworkers").stdout
    killed = 0

    for done in swept_until_all_ended(len(made), 600):
        if killed < kills and done >= number * killed // (kills + 1):
            if killed % 4 == 1:
                site.broker.kill9()
                site.broker.start()
            workers.pop().kill9()
            workers.append(site.start("-c", "2"))
            killed += 1

    assert killed == kills
    assert_all_is_true(site, made, killed * 2)
    length.tell(f"{number} runs of three flows, {kills} workers killed, the broker too: all ended, no step twice")


def test_messages_are_counted_and_the_more_urgent_is_taken_first(site: Site) -> None:
    store("chain", step("one"))
    store("other", step("one"))
    low, high = create("chain"), create("other")
    assert broker.messages_in("flows") == 0
    broker.send(low.pk, "flows", Priority.LOW)
    broker.send(high.pk, "flows", Priority.HIGH)
    assert broker.messages_in("flows") == 2

    site.start("-c", "1")
    wait_until(lambda: len(site.executed) == 2, "both are executed")

    assert [run for run, _ in site.executed] == [high.pk, low.pk]
    wait_until(lambda: statuses() == {"succeeded": 2}, "both have succeeded")
