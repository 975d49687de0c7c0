"""queue: how many runs a second do workers execute, beside tasks of Celery that do nothing?"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import redis
from celery import Celery

from bench import draw
from bench.environments import ROOT, quiet_environment
from bench.log_sites import Site, mariadb
from bench.outcome import Outcome, duration, times
from bench.rounds import Effort, Samples
from tests import needs
from tests.environment import site_environment
from tests.servers import Redis

PROCESSES = (1, 2, 4)
NOOP, RUN = "a task that does nothing", "a run of one step"
DOES = {NOOP: "Celery alone: takes, calls, acknowledges", RUN: "takes the row, checks, executes, records"}
_READY_SECONDS = 60


def queue(effort: Effort) -> Outcome:
    """How many runs a second do workers execute?"""
    if missing := needs.missing_for_celery():
        raise SystemExit(missing)
    number = 600 if effort.rounds > 5 else 120
    samples = Samples()
    with tempfile.TemporaryDirectory(prefix="bench") as name, mariadb(Path(name)) as site, Redis() as broker:
        environment = _environment(Path(name), site, broker)
        for command in (["migrate", "-v", "0"], ["createtables"]):
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
            )
        for _ in range(min(effort.rounds, 3)):
            for processes in PROCESSES:
                for label in DOES:
                    seconds = _seconds(broker, label, processes, number, environment)
                    print(f"  {label}, {processes}: {number / seconds:,.0f} a second", file=sys.stderr, flush=True)
                    samples.seconds.setdefault(label, {}).setdefault(processes, []).append(seconds / number)
    return Outcome(
        "queue",
        "How many runs a second do workers execute?",
        f"{number} messages, sent before the worker begins; Redis, MariaDB and the worker share the cores of one "
        "machine, so that more processes than cores gain nothing.",
        [("what", "processes", "a second", "each takes of a process", "of a no-op task", "what it does"),
         *(_row(label, processes, samples) for label in DOES for processes in PROCESSES)],
        [],
        samples,
        draw.bars("Executed by one worker", "a second",
                  [_bar(label, processes, samples) for label in DOES for processes in PROCESSES]),
    )  # fmt: skip


def _environment(folder: Path, site: Site, broker: Redis) -> dict[str, str]:
    return (
        quiet_environment(folder)
        | site_environment(folder)
        | {
            "DATABASE_URL": site.url,
            "FLOWS_DISPATCH": "celery",
            "FLOWS_PROCEDURE_PACKAGES": "bench.procedures",
            "CELERY_BROKER_URL": broker.url,
            "LOG_LEVEL": "WARNING",
        }
    )


def _seconds(broker: Redis, label: str, processes: int, number: int, environment: dict[str, str]) -> float:
    """Fill the queue while the worker listens elsewhere, then have it listen here; return how long it takes."""
    broker.flush()
    kind = "noop" if label == NOOP else "run"
    with _worker(processes, environment) as control:
        command = [sys.executable, "-m", "bench.queue_filling", kind, str(number)]
        subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
        client = redis.Redis(unix_socket_path=str(broker.socket))
        lists = [f"flows{end}" for end in ("", *(f"\x06\x16{step}" for step in (3, 6, 9)))]
        began = perf_counter()
        control.add_consumer("flows")
        while any(map(client.llen, lists)) or client.hlen("unacked"):
            time.sleep(0.005)
        return perf_counter() - began


@contextmanager
def _worker(processes: int, environment: dict[str, str]) -> Iterator[Any]:
    options = [
        "-c",
        str(processes),
        "-Q",
        "idle",
        "-I",
        "bench.queue_noop",
        "--without-gossip",
        "--without-mingle",
    ]
    command = [sys.executable, "-m", "celery", "-A", "wfsite", "worker", *options]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    app = Celery("bench", broker=environment["CELERY_BROKER_URL"])
    try:
        give_up = perf_counter() + _READY_SECONDS
        while not app.control.ping(timeout=0.5):
            if perf_counter() > give_up or process.poll() is not None:
                process.kill()
                raise SystemExit(
                    f"the worker of the benchmark did not start:\n{process.communicate()[1].decode()[-2000:]}"
                )
        yield app.control
    finally:
        process.terminate()
        process.communicate()
        app.close()


def _row(label: str, processes: int, samples: Samples) -> tuple[str, ...]:
    each = samples.of(label, processes).median
    ratio = times(samples.ratio(label, NOOP, processes))
    return (label, str(processes), f"{1 / each:,.0f}", duration(each * processes), ratio, DOES[label])


def _bar(label: str, processes: int, samples: Samples) -> draw.Bar:
    middle, least, most = samples.of(label, processes)
    kind = "ours" if label == RUN else "limit"
    return draw.Bar(f"{label}, {processes}", 1 / middle, 1 / most, 1 / least, f"{1 / middle:,.0f}", kind)
