"""Make a small and a large site in one process after the other, and ask each page of both in turn."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from bench.chain import document
from bench.ours.site import open_site

_PART = 5_000
_STATUSES = ("succeeded",) * 17 + ("failed", "failed", "cancelled")
_FLOWS = 2
_FOUND = "result-of-a-step "

PAGES = {
    "overview": "/admin/",
    "flows": "/admin/flows/flow/",
    "editor": "/admin/flows/flow/{flow}/change/",
    "picture": "POST /admin/flows/flow/picture/",
    "check": "POST /admin/flows/flow/check/",
    "versions": "/admin/flows/flow/{flow}/versions/",
    "runs": "/admin/flows/run/",
    "runs of a flow": "/admin/flows/run/?flow=flow1",
    "runs: failed": "/admin/flows/run/?status=failed",
    "runs: running": "/admin/flows/run/?status=running",
    "runs: lost": "/admin/flows/run/?status=lost",
    "runs: interrupted (none)": "/admin/flows/run/?status=interrupted",
    "runs: failed, of a flow": "/admin/flows/run/?status=failed&flow=flow1",
    "runs: by trigger (none)": "/admin/flows/run/?trigger=api",
    "runs: last 24 hours": "/admin/flows/run/?time=24h",
    "runs: failed, 24 hours": "/admin/flows/run/?time=24h&status=failed",
    "runs: a flow that has none": "/admin/flows/run/?flow=absent",
    "run": "/admin/flows/run/{run}/change/",
    "run, live": "/admin/flows/run/{run}/live/",
    "resume": "/admin/flows/run/{run}/resume/",
    "diff": "/admin/flows/run/diff/?a={run}&b={other}",
    "log": "/admin/flows/syslog/",
}


class Measured:
    """One site with its rows and a user; `turn` makes it the one that this process talks to."""

    def __init__(self, folder: Path, label: str, runs: int, steps: int, characters: int) -> None:
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.db import connection
        from django.test import Client

        from flows.tables import create_missing_tables

        self._connection = connection
        self._name = str(folder / f"{label}.sqlite3")
        self.turn()
        call_command("migrate", verbosity=0)
        create_missing_tables(connection)
        self._text = document(steps)
        self._places = self._fill(runs, steps, characters)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self._client = Client()
        self._client.force_login(User.objects.create_superuser("bench"))

    def turn(self) -> None:
        if self._connection.settings_dict["NAME"] != self._name:
            self._connection.close()
            self._connection.settings_dict["NAME"] = self._name

    def seconds(self, page: str) -> float:
        """Ask for a page, and return how long the answer took."""
        method, _, address = PAGES[page].rpartition(" ")
        address = address.format(**self._places)
        began = perf_counter()
        if method:
            response = self._client.post(address, {"flow_json": self._text, "document": self._text})
        else:
            response = self._client.get(address)
        took = perf_counter() - began
        if response.status_code != 200:
            raise RuntimeError(f"{page}: {address} answered {response.status_code}")
        return took

    def _fill(self, runs: int, steps: int, characters: int) -> dict[str, int]:
        from flows import versions
        from flows.models import Flow, Run

        flows = [Flow(flow_name=f"flow{number}", flow_json=self._text, enabled=True) for number in range(_FLOWS)]
        for flow in flows:
            with versions.keeping(flow, author="bench", why="made"):
                flow.save()
        made = _runs(runs, self._text, steps)
        while part := list(islice(made, _PART)):
            Run.objects.bulk_create(part)
        first, second = Run.objects.filter(status="failed").order_by("-id").values_list("pk", flat=True)[:2]
        for run in (first, second):
            Run.objects.filter(pk=run).update(flow_name="flow0", flow_id=flows[0].pk, definition=self._text)
            _write_steps(run, steps, characters)
        return {"flow": flows[0].pk, "run": first, "other": second}


def _runs(count: int, text: str, steps: int) -> Iterator[Any]:
    """Yield runs over the last 200 days, the last of them running, lost and queued."""
    from django.utils import timezone

    from flows.models import Run

    now = timezone.now()
    chance = Random(count)
    short = text if len(text) < 1_000 else '{"procedures": []}'
    for number in range(count):
        moment = now - timedelta(days=200) * ((count - number) / count)
        left = count - number
        status = "running" if left <= 8 else chance.choice(_STATUSES)
        yield Run(
            flow_id=1, flow_name=f"flow{number % _FLOWS}", status=status, trigger="command", asked_by="cron",
            definition=short, definition_hash="0" * 64, created_at=moment, started_at=moment,
            ended_at=None if left <= 8 else moment, seconds=1.5, steps_total=steps, steps_done=steps,
            lease_until=(1 if left <= 4 else 2**40) if left <= 8 else None,
        )  # fmt: skip


def _write_steps(run: int, steps: int, characters: int) -> None:
    from django.utils import timezone

    from flows.models import StepRun

    now = timezone.now()
    result = json.dumps({"msg": (_FOUND * (characters // len(_FOUND) + 1))[: characters // steps]})
    StepRun.objects.bulk_create(
        StepRun(run_id=run, path=name, attempt=1, status="succeeded", procedure="common.Kt.prt", params="{}",
                result=result, started_at=now, ended_at=now, seconds=0.01)
        for name in _names(steps)
    )  # fmt: skip


def _names(steps: int) -> list[str]:
    return [step["name"] for step in json.loads(document(steps))["procedures"]]


def main() -> None:
    sizes, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    open_site()
    folder = Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///")).parent
    sites = {label: Measured(folder, label, *size) for label, size in sizes.items()}
    found: dict[str, dict[str, list[float]]] = {page: {label: [] for label in sites} for page in PAGES}
    for number in range(rounds + 1):
        for label, site in sites.items():
            site.turn()
            for page in PAGES:
                took = site.seconds(page)
                if number:
                    found[page][label].append(took)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
