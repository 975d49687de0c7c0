"""Make a small and a large site in one process, and ask each page of both in turn."""
# ruff: noqa: PLC0415  (models can be imported when Django is loaded)

import json
import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

from bench.chain import document, last_step
from bench.ours.site import open_site

_ROWS_A_STATEMENT = 1_000
_STATEMENTS_A_TRANSACTION = 50
_STATUSES = ("succeeded",) * 17 + ("failed", "failed", "cancelled")
_FLOWS = 50
_LEFT_ACTIVE = 8
_FOUND = "result-of-a-step "
_FLOW, _LIST = "/admin/flows/flow/", "/admin/flows/run/"

# What a browser asks again and again while a run is watched or a document typed is marked so.
PAGES = {
    "start page": "/admin/",
    "flows": _FLOW,
    "editor": _FLOW + "{flow}/change/",
    "editor: check, typed": "POST " + _FLOW + "check/",
    "editor: picture, typed": "POST " + _FLOW + "picture/",
    "editor: completion, typed": "POST " + _FLOW + "complete/",
    "picture as a file": _FLOW + "{flow}/picture.svg",
    "versions": _FLOW + "{flow}/versions/",
    "one version": _FLOW + "{flow}/versions/1/",
    "two versions compared": _FLOW + "{flow}/versions/compare/?old=1&new=2",
    "run form": _FLOW + "{flow}/run/",
    "procedure, where used": _FLOW + "procedures/Chain/echo/",
    "workers": _FLOW + "workers/",
    "runs": _LIST,
    "runs: second page": _LIST + "?before={page}",
    "runs: in the middle": _LIST + "?before={middle}",
    "runs: of a flow": _LIST + "?flow=flow1",
    "runs: failed": _LIST + "?status=failed",
    "runs: running": _LIST + "?status=running",
    "runs: lost": _LIST + "?status=lost",
    "runs: interrupted (none)": _LIST + "?status=interrupted",
    "runs: failed, of a flow": _LIST + "?status=failed&flow=flow1",
    "runs: of a flow that has none": _LIST + "?flow=absent",
    "runs: by trigger (none) *": _LIST + "?trigger=api",
    "runs: last 24 hours": _LIST + "?time=24h",
    "runs: failed, 24 hours *": _LIST + "?time=24h&status=failed",
    "run": _LIST + "{run}/change/",
    "run: the middle of its steps": _LIST + "{run}/change/?from={middle_step}",
    "run: polled, nothing new": _LIST + "{run}/live/?{seen}",
    "run: polled, all is new": _LIST + "{run}/live/",
    "where parameters come from": _LIST + "{run}/origin/{last_step}/",
    "resume": _LIST + "{run}/resume/",
    "two runs compared": _LIST + "diff/?a={run}&b={other}",
    "log": "/admin/flows/syslog/",
    "log of a run": "{log}",
}


class Measured:
    """One site with its rows and a user; `turn` makes it the one that this process talks to."""

    def __init__(self, label: str, runs: int, steps: int, characters: int, days: int) -> None:
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.db import connection
        from django.test import Client

        from flows.tables import create_missing_tables

        self._connection = connection
        self._name = label if connection.vendor == "mysql" else str(_folder() / f"{label}.sqlite3")
        self.turn()
        call_command("migrate", verbosity=0)
        create_missing_tables(connection)
        self._text = document(steps)
        self._asked = 0
        began = perf_counter()
        self._places = _fill(self._text, runs, steps, characters, days)
        print(f"  {label}: {runs:,} runs in {perf_counter() - began:.0f} s", file=sys.stderr)
        _let_the_planner_look()
        self._client = Client()
        self._client.force_login(User.objects.create_superuser("bench"))
        self._look_at_the_run()

    def turn(self) -> None:
        if self._connection.settings_dict["NAME"] != self._name:
            self._connection.close()
            self._connection.settings_dict["NAME"] = self._name

    def seconds(self, page: str) -> float:
        """Ask for a page, and return how long the answer took."""
        self._type_before(page)
        began = perf_counter()
        self._ask(page)
        return perf_counter() - began

    def size(self, page: str) -> tuple[int, int]:
        """Ask for a page, and return how many queries it made and how many bytes it sent."""
        from django.test.utils import CaptureQueriesContext

        self._type_before(page)
        with CaptureQueriesContext(self._connection) as made:
            content = self._ask(page)
        return len(made), len(content)

    def _type_before(self, page: str) -> None:
        """Let the text be another one, as while one types; before it draws a text, the page has it checked."""
        self._asked += 1
        if page == "editor: picture, typed":
            self._ask("editor: check, typed")

    def _ask(self, page: str) -> bytes:
        method, _, address = PAGES[page].rpartition(" ")
        address = address.format(**self._places)
        response = self._client.post(address, self._typed()) if method else self._client.get(address)
        if response.status_code != 200:
            raise RuntimeError(f"{page}: {address} answered {response.status_code}")
        return response.content

    def _typed(self) -> dict[str, Any]:
        """Return what the editor sends."""
        text = self._text + " " * (self._asked % 1_000 + 1)
        return {"flow_json": text, "document": text, "flow_name": "flow0", "cursor": text.rindex("@") + 1}

    def _look_at_the_run(self) -> None:
        """Take from the page of the run what it polls with, the versions of its parts, and the way to its log."""
        page = self._ask("run").decode()
        self._places["seen"] = urlencode(re.findall(r'data-part="(\w+)" data-version="(\w+)"', page))
        self._places["log"] = unescape(re.findall(r'href="(/admin/flows/syslog/\?[^"]*until=[^"]*)"', page)[0])


def _folder() -> Path:
    return Path(os.environ["DATABASE_URL"].removeprefix("sqlite:///")).parent


def _let_the_planner_look() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        tables = "wf_run, wf_step_run, wf_syslog"
        cursor.execute(f"ANALYZE TABLE {tables}" if connection.vendor == "mysql" else "ANALYZE")
        cursor.fetchall()


def _fill(text: str, runs: int, steps: int, characters: int, days: int) -> dict[str, Any]:
    from django.db import connection

    from bench import log_rows
    from flows.models import Run

    now = _now()
    flow = _write_flows(text)
    _write_runs(text if len(text) < 1_000 else '{"procedures": []}', runs, steps, timedelta(days=days))
    log_rows.fill(connection, runs, now, days)
    ended = Run.objects.filter(status="failed").order_by("-id").values_list("pk", "ended_at")[:2]
    for one, moment in ended:
        assert moment is not None
        Run.objects.filter(pk=one).update(
            flow_name="flow0", flow_id=flow, definition=text, failed_step=last_step(steps), steps_done=steps - 1
        )
        _write_steps(one, steps, characters)
        assert moment is not None
        time = str(moment.astimezone(connection.timezone).replace(tzinfo=None))
        begin = f"[flow=flow0 run={one} step="
        rows = [(time, "INFO", "procedures.Chain", f"{begin}step{number}] handed on") for number in range(60)]
        with connection.cursor() as cursor:
            log_rows.insert(cursor, rows)
    (run, _), (other, _) = ended
    last = Run.objects.order_by("-id").values_list("pk", flat=True)[0]
    return {
        "flow": flow, "run": run, "other": other, "last_step": last_step(steps), "middle_step": steps // 2,
        "page": last - 50, "middle": last - runs // 2,
    }  # fmt: skip


def _write_flows(text: str) -> int:
    """Store flows, the first with two versions; return its id."""
    from flows import versions
    from flows.models import Flow

    flows = [Flow(flow_name=f"flow{number}", flow_json=text, enabled=True) for number in range(_FLOWS)]
    for flow in flows:
        with versions.keeping(flow, author="bench", why="made"):
            flow.save()
    with versions.keeping(flows[0], author="bench", why="changed"):
        flows[0].flow_json = text.replace('"hello"', '"changed"')
        flows[0].save_fields(["flow_json"])
    return flows[0].pk


def _write_runs(definition: str, count: int, steps: int, period: timedelta) -> None:
    """Write runs up to now by plain multi-row INSERTs; the last of them are running, half of those lost."""
    from django.db import connection

    from flows.models import Run

    same = Run(flow_id=1, trigger="command", asked_by="cron", definition=definition, definition_hash="0" * 64,
               seconds=1.5, steps_total=steps, steps_done=steps)  # fmt: skip
    fields = [field for field in Run._meta.concrete_fields if not field.primary_key]
    cells = ["%s" if f.attname in _VARYING else _literal(f.get_db_prep_save(getattr(same, f.attname), connection))
             for f in fields]  # fmt: skip
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = [_VARYING.index(field.attname) for field in fields if field.attname in _VARYING]
    made = ([row[place] for place in places] for row in _runs(count, period))
    while part := list(islice(made, _ROWS_A_STATEMENT * _STATEMENTS_A_TRANSACTION)):
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            for start in range(0, len(part), _ROWS_A_STATEMENT):
                rows = part[start : start + _ROWS_A_STATEMENT]
                values = ", ".join([f"({', '.join(cells)})"] * len(rows))
                cursor.execute(
                    f"INSERT INTO wf_run ({columns}) VALUES {values}", [value for row in rows for value in row]
                )
            cursor.execute("COMMIT")


_VARYING = ("flow_name", "status", "created_at", "started_at", "ended_at", "lease_until")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str) else str(int(value) if isinstance(value, bool) else value)


def _runs(count: int, period: timedelta) -> Iterator[tuple[Any, ...]]:
    """Yield the varying columns; every second run is of flow1."""
    begin = _now() - period
    chance = Random(count)
    for number in range(count):
        moment = str(begin + period * ((number + 1) / count))
        left = count - number
        is_active = left <= _LEFT_ACTIVE
        status = "running" if is_active else chance.choice(_STATUSES)
        flow = "flow1" if number % 2 else f"flow{chance.randrange(2, _FLOWS)}"
        lease = (1 if left <= _LEFT_ACTIVE // 2 else 2**40) if is_active else None
        yield flow, status, moment, moment, None if is_active else moment, lease


def _now() -> datetime:
    """Return the time as the columns of the database hold it."""
    from django.db import connection

    return datetime.now(connection.timezone).replace(tzinfo=None)


def _write_steps(run: int, steps: int, characters: int) -> None:
    from django.utils import timezone

    from flows.models import StepRun

    begin = timezone.now() - timedelta(seconds=1.5)
    result = json.dumps({"msg": (_FOUND * (characters // len(_FOUND) + 1))[: characters // steps]})
    StepRun.objects.bulk_create(
        StepRun(run_id=run, path=step["name"], attempt=1, status="succeeded" if number < steps - 1 else "failed",
                procedure="Chain.echo", params=json.dumps(step["params"]), result=result,
                started_at=begin + timedelta(seconds=1.5 * number / steps),
                ended_at=begin + timedelta(seconds=1.5 * (number + 1) / steps), seconds=1.5 / steps)
        for number, step in enumerate(json.loads(document(steps))["procedures"])
    )  # fmt: skip


def main() -> None:
    sizes, rounds = json.loads(sys.argv[1]), int(sys.argv[2])
    open_site()
    sites = {label: Measured(label, *size) for label, size in sizes.items()}
    found: dict[str, Any] = {page: {label: {"seconds": []} for label in sites} for page in PAGES}
    for number in range(rounds + 1):
        for page in PAGES:
            for label, site in sites.items():
                site.turn()
                site.seconds(page)
                if number:
                    found[page][label]["seconds"].append(site.seconds(page))
                else:
                    found[page][label]["queries"], found[page][label]["bytes"] = site.size(page)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
