"""A site with workers: a private broker, processes that really run, and what they left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from flows import runs, services, tasks
from flows.models import Flow, Run, Trigger
from tests import commands
from tests.conftest import ROOT
from tests.environment import site_environment
from tests.servers import RabbitMQ, Redis

PATIENCE_SECONDS = 60.0
PACKAGE = "tests.celery.steps"


def step(name: str, method: str = "do", **params: Any) -> dict[str, Any]:
    return {"name": name, "mod": "Work", "method": method, "params": {"name": name, **params}}


def store(name: str, *steps: dict[str, Any]) -> Flow:
    text = json.dumps({"procedures": list(steps)})
    return Flow.objects.create(flow_name=name, flow_json=text, enabled=True)


def create(name: str, key: str = "") -> Run:
    created = runs.create_run(services.runnable(name), {}, runs.Asked(Trigger.API, key=key))
    assert created is not None
    return created[0]


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, f"waited {seconds:g} s until {what}"
        time.sleep(0.05)


def statuses() -> Counter[str]:
    return Counter(Run.objects.values_list("status", flat=True))


def executions_recorded_twice() -> list[tuple[Any, ...]]:
    """Return each step of a run with more than one successful outcome, by plain SQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT run_id, path, COUNT(*) FROM wf_step_run WHERE status = 'succeeded' "
            "GROUP BY run_id, path HAVING COUNT(*) > 1"
        )
        return list(cursor.fetchall())


def runs_without_all_steps() -> list[tuple[Any, ...]]:
    """Return each succeeded run that lacks the outcome of a step, by plain SQL."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.steps_total, (SELECT COUNT(DISTINCT s.path) FROM wf_step_run s WHERE s.run_id = r.id AND "
            "s.status = 'succeeded') AS done FROM wf_run r WHERE r.status = 'succeeded'"
        )
        return [row for row in cursor.fetchall() if row[1] != row[2]]


class Worker:
    """One worker of Celery with its pool, in a process group of its own."""

    def __init__(self, site: "Site", *options: str) -> None:
        self._log = site.folder / f"worker-{len(site.workers)}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "wfsite", "worker", "--without-gossip", "--without-mingle",
                 "-n", f"w{len(site.workers)}@test", "-l", "info", *options],
                cwd=ROOT, env=site.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_until_ready(self) -> None:
        wait_until(lambda: " ready." in self.log, f"the worker is ready:\n{self.log[-3000:]}")

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def children(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill9(self) -> None:
        """End the worker and its pool as a machine that loses its power does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill9_child(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        self.process.terminate()


class Site:
    """The test database, a broker, and any number of workers."""

    def __init__(self, folder: Path, broker: Redis | RabbitMQ) -> None:
        self.folder = folder
        self.broker = broker
        self.file = folder / "executed"
        self.workers: list[Worker] = []
        self.environment = {
            **os.environ,
            **site_environment(folder),
            "DATABASE_URL": _url_of_the_test_database(),
            "FLOWS_DISPATCH": "celery",
            "FLOWS_WHEN_ACTIVE": django_settings.FLOWS_WHEN_ACTIVE,
            "CELERY_BROKER_URL": broker.url,
            "FLOWS_PROCEDURE_PACKAGES": PACKAGE,
            "WORK_FILE": str(self.file),
        }

    def start(self, *options: str, **environment: str) -> Worker:
        self.environment |= environment
        worker = Worker(self, *options)
        self.workers.append(worker)
        worker.wait_until_ready()
        return worker

    def close(self) -> None:
        for worker in self.workers:
            worker.kill9()

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.run(*arguments, environment=self.environment)

    @property
    def executed(self) -> list[tuple[int, str]]:
        """Return what was executed, in order: run and step."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [(int(line.split()[0]), line.split()[1]) for line in lines]


def enqueue(name: str, times: int = 1) -> list[Run]:
    made = [create(name) for _ in range(times)]
    for run in made:
        tasks.enqueue(run)
    return made


def _url_of_the_test_database() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    server, _, socket = os.environ["DATABASE_URL"].rpartition("/wf?")
    return f"{server}/{name}?{socket}"


@pytest.fixture
def site(redis_server: Redis, transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[Site]:
    """A site whose runs wait for workers, and for each other."""
    settings.FLOWS_DISPATCH = "celery"
    settings.FLOWS_WHEN_ACTIVE = "queue"
    settings.FLOWS_PROCEDURE_PACKAGES = [PACKAGE]
    redis_server.flush()
    made = Site(tmp_path, redis_server)
    yield made
    made.close()
    _let_go_of_the_broker()


def _let_go_of_the_broker() -> None:
    """Close what this process holds open: in a process that is forked from it, the library would wait for an answer."""
    import_string("kombu.pools.reset")()
    # The application would go on with the pool that it knows.
    import_string(django_settings.FLOWS_CELERY_APP)._after_fork()
