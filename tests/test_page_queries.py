"""Each page of the admin asks the database no more often of a large site than of a small one."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from flows import versions
from flows.models import Flow, Run, Schedule, Status, StepRun, SysLog, Trigger

pytestmark = pytest.mark.django_db

FEW, MANY = 3, 60
LISTS = "/admin/flows/run/"
PAGES = {
    "overview": "/admin/",
    "flows": "/admin/flows/flow/",
    "schedules": "/admin/flows/flow/{flow}/schedules/",
    "editor": "/admin/flows/flow/{flow}/change/",
    "versions": "/admin/flows/flow/{flow}/versions/",
    "comparison of versions": "/admin/flows/flow/{flow}/versions/compare/?old=1&new=2",
    "runs": LISTS,
    "runs by flow": LISTS + "?flow=flow0",
    "runs by status": LISTS + "?status=failed",
    "running runs": LISTS + "?status=running",
    "lost runs": LISTS + "?status=lost",
    "runs by trigger": LISTS + "?trigger=command",
    "runs by time": LISTS + "?time=24h",
    "run": LISTS + "{run}/change/",
    "live fragment": LISTS + "{run}/live/",
    "resume": LISTS + "{run}/resume/",
    "diff": LISTS + "diff/?a={run}&b={other}",
    "log": "/admin/flows/syslog/",
}


@pytest.mark.parametrize("page", PAGES)
def test_the_number_of_queries_does_not_grow(admin_client: Client, page: str) -> None:
    fill(FEW)
    few = queries(admin_client, page)
    fill(MANY)
    assert queries(admin_client, page) <= few


def test_the_due_times_of_all_flows_are_one_query(admin_client: Client, settings: Settings) -> None:
    fill(FEW)
    before = queries(admin_client, "flows")
    settings.FLOWS_DISPATCH = "celery"

    assert queries(admin_client, "flows") == before + 1
    fill(MANY)
    assert queries(admin_client, "flows") <= before + 1


@pytest.mark.parametrize("address", ["picture/", "check/"])
def test_the_answers_to_an_editor_ask_for_each_thing_once(admin_client: Client, address: str) -> None:
    def asked(steps: int) -> int:
        text = document(steps)
        data = {"document": text, "flow_json": text}
        return counted(lambda: admin_client.post(f"/admin/flows/flow/{address}", data).status_code)

    assert asked(MANY) == asked(FEW)


def queries(client: Client, page: str) -> int:
    """Return how many queries the page of the newest flow, the newest run and the one before makes."""
    other, run = sorted(Run.objects.order_by("-id").values_list("pk", flat=True)[:2])
    address = PAGES[page].format(flow=Flow.objects.order_by("-id")[0].pk, run=run, other=other)
    client.get(address)
    return counted(lambda: client.get(address).status_code)


def counted(ask: Callable[[], int]) -> int:
    with CaptureQueriesContext(connection) as made:
        assert ask() == 200
    return len(made)


def document(steps: int) -> str:
    return json.dumps(
        {
            "procedures": [
                {
                    "name": f"s{number}",
                    "mod": "common.Kt",
                    "method": "prt",
                    "params": {"msg": f"@s{number - 1}.msg" if number else "hi"},
                }
                for number in range(steps)
            ]
        }
    )


def fill(count: int) -> None:
    """Add so many of all: flows, versions of the last of them, runs, steps of the last two of them, log rows."""
    begin = Flow.objects.count()
    for number in range(begin, begin + count):
        flow = Flow.objects.create(flow_name=f"flow{number}", flow_json=document(2), enabled=True)
    for number in range(count):
        with versions.keeping(flow, author="amal", why=f"change {number}"):
            flow.flow_json = document(1 + number % 3)
            flow.save_fields(["flow_json"])
    Schedule.objects.bulk_create(
        Schedule(flow_name=name, cron="30 2 * * *", zone="Europe/Berlin", next_due=2**31 + number, last_due=number)
        for number in range(begin, begin + count)
        for name in (f"flow{number}", flow.flow_name)
    )
    now = timezone.now()
    Run.objects.bulk_create(run_of(number, count) for number in range(count))
    last = Run.objects.order_by("-id")[:2]
    Run.objects.filter(pk__in=[run.pk for run in last]).update(flow_name=flow.flow_name, status=Status.FAILED)
    StepRun.objects.bulk_create(
        StepRun(run=run, path=path, attempt=1, status="succeeded", params="{}", result='{"msg": "hi"}', started_at=now)
        for run in last
        for number in range(count)
        for path in (f"s{number}", f"each[{number}]")
    )
    SysLog.objects.bulk_create(
        SysLog(created_at=now, level="INFO", logger_name="bench", message=f"row {number}") for number in range(count)
    )


def run_of(number: int, count: int) -> Run:
    status = (Status.FAILED, Status.SUCCEEDED, Status.RUNNING)[number % 3]
    moment = timezone.now() - timedelta(minutes=count - number)
    return Run(
        flow_name=f"flow{number % 2}",
        status=status,
        trigger=Trigger.COMMAND,
        definition=document(count),
        created_at=moment,
        started_at=moment,
        ended_at=None if status == Status.RUNNING else moment,
        lease_until=(1, 2**40)[number % 2],
    )
