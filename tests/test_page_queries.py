"""Each page of the admin asks the database no more often of a large site than of a small one."""

import json
import re
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

FEW, MANY = 6, 60
LISTS = "/admin/flows/run/"
PAGES = {
    "overview": "/admin/",
    "flows": "/admin/flows/flow/",
    "schedules": "/admin/flows/flow/{flow}/schedules/",
    "editor": "/admin/flows/flow/{flow}/change/",
    "run form": "/admin/flows/flow/{flow}/run/",
    "where used": "/admin/flows/flow/procedures/common.Kt/prt/",
    "workers": "/admin/flows/flow/workers/",
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
    "run, its last steps": LISTS + "{run}/change/?from=60",
    "live fragment": LISTS + "{run}/live/",
    "origin": LISTS + "{run}/origin/s1/",
    "resume": LISTS + "{run}/resume/",
    "diff": LISTS + "diff/?a={run}&b={other}",
    "log": "/admin/flows/syslog/",
    "log of a run": "/admin/flows/syslog/?flow=flow1&run={run}",
}


@pytest.mark.no_database
def test_the_number_of_queries_does_not_grow(admin_client: Client) -> None:
    fill(FEW)
    few = {page: queries(admin_client, page) for page in PAGES}
    fill(MANY)
    many = {page: queries(admin_client, page) for page in PAGES}
    assert {page: number for page, number in many.items() if number > few[page]} == {}


@pytest.mark.no_database
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


STEPS, LARGE = 500, 1_000_000


@pytest.fixture
def long_run() -> Run:
    """A run of 500 steps with a megabyte of results."""
    result = json.dumps({"msg": "x" * (LARGE // STEPS)})
    run = Run.objects.create(**{**vars_of(run_of(0, STEPS)), "failed_step": "s499"})
    StepRun.objects.bulk_create(
        StepRun(run=run, path=f"s{number}", attempt=1, status="succeeded", params="{}", result=result)
        for number in range(STEPS)
    )
    return run


def vars_of(run: Run) -> dict[str, object]:
    return {field.attname: getattr(run, field.attname) for field in Run._meta.concrete_fields if field.name != "id"}


@pytest.mark.parametrize("part", ["change/", "live/", "change/?from=250"])
def test_the_page_of_a_long_run_sends_a_part_of_it_and_reads_the_beginning_of_results(
    admin_client: Client, long_run: Run, part: str
) -> None:
    with CaptureQueriesContext(connection) as made:
        content = admin_client.get(f"{LISTS}{long_run.pk}/{part}").content
    assert len(content) < 80_000
    assert content.count(b'class="run-step"') == 25
    asked = [query["sql"] for query in made if "wf_step_run" in query["sql"]]
    assert asked
    # Within a function, such as LEFT and LENGTH, it is not sent.
    whole = re.compile(r'(?<!\()["`]wf_step_run["`]\.["`](params|result|traceback)["`]')
    assert not [sql for sql in asked if whole.search(sql)]


def test_a_page_that_has_seen_all_is_sent_the_head_of_a_long_run(admin_client: Client, long_run: Run) -> None:
    text = admin_client.get(f"{LISTS}{long_run.pk}/change/").content.decode()
    seen = dict(re.findall(r'data-part="(\w+)" data-version="(\w+)"', text))
    with CaptureQueriesContext(connection) as made:
        content = admin_client.get(f"{LISTS}{long_run.pk}/live/", seen).content
    assert len(content) < 4_000
    assert not [query for query in made if "wf_step_run" in query["sql"]]


def test_of_a_long_flow_the_picture_draws_a_part_and_the_check_names_the_first_places(admin_client: Client) -> None:
    text = document(STEPS)
    data = {"document": text, "flow_json": text}
    assert len(admin_client.post("/admin/flows/flow/picture/", data).content) < 60_000
    assert len(admin_client.post("/admin/flows/flow/check/", data).content) < 30_000


def test_the_newest_run_of_each_flow_is_found_without_a_look_at_the_others(admin_client: Client) -> None:
    fill(FEW)
    with CaptureQueriesContext(connection) as made:
        admin_client.get(PAGES["flows"])
    (sql,) = [query["sql"] for query in made if "wf_run" in query["sql"]]
    assert "GROUP BY" not in sql
    assert sql.count("LIMIT 1") == Flow.objects.count()


def test_the_start_page_asks_for_one_status_at_a_time(admin_client: Client) -> None:
    fill(FEW)
    with CaptureQueriesContext(connection) as made:
        admin_client.get(PAGES["overview"])
    asked = [query["sql"] for query in made if "wf_run" in query["sql"]]
    assert asked
    assert not [sql for sql in asked if re.search(r'["`]status["`] IN', sql)]


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
