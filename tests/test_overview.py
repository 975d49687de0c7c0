"""The start page, as the person on duty sees it; and the groups that may see it."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from flows.models import Flow, Run, Status, SysLog, Trigger
from flows.overview import Slower, runs_by_hour, slower_flows
from tests.users import client_with

pytestmark = pytest.mark.django_db


def record(flow: str = "nightly", status: Status = Status.SUCCEEDED, **values: Any) -> Run:
    now = timezone.now()
    made = {"created_at": now, "started_at": now, "ended_at": now, "definition": "{}", "trigger": Trigger.COMMAND}
    return Run.objects.create(flow_name=flow, status=status, **{**made, **values})


def page(client: Client) -> str:
    return client.get("/admin/").content.decode()


def test_a_new_site_is_told_how_to_begin(admin_client: Client) -> None:
    text = page(admin_client)
    assert "No flows yet" in text
    assert "No run is queued or running." in text

    Flow.objects.create(flow_name="nightly", flow_json="{}")

    text = page(admin_client)
    assert "Nothing ran in the last 24 hours" in text
    assert "python manage.py runflow NAME" in text


def test_what_runs_what_failed_and_what_is_lost_is_linked(admin_client: Client) -> None:
    running = record(status=Status.RUNNING, lease_until=2**40, step="load", active_flow="nightly")
    lost = record("backup", Status.RUNNING, lease_until=1, active_flow="backup")
    failed = record("report", Status.FAILED, failed_step="write")
    text = page(admin_client)
    for run in (running, lost, failed):
        assert f'href="/admin/flows/run/{run.pk}/change/"' in text
    assert '<span class="flow-status flow-lost">lost</span>' in text
    assert "at step load" in text
    assert "at step write" in text
    for status in ("running", "queued", "lost", "failed", "interrupted"):
        assert f'<a href="/admin/flows/run/?status={status}">{status}</a>' in text


def test_hostile_names_are_inert(admin_client: Client) -> None:
    record("<script>alert(1)</script>\u202e", Status.FAILED, failed_step="<img src=x>")
    text = page(admin_client)
    assert "<script>alert" not in text
    assert "<img src=x>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e" in text


def test_a_right_to_left_name_does_not_turn_the_time_beside_it(admin_client: Client) -> None:
    record("تقرير", Status.FAILED)
    assert "<bdi>تقرير</bdi></a>" in page(admin_client)


def test_runs_are_counted_by_hour_and_status() -> None:
    now = timezone.localtime().replace(minute=30)
    for hours, status in ((0, Status.FAILED), (0, Status.SUCCEEDED), (3, Status.SUCCEEDED), (30, Status.FAILED)):
        record(status=status, created_at=now - timedelta(hours=hours))
    day = runs_by_hour(now)
    assert len(day) == 24
    assert day[-1].since == now.replace(minute=0, second=0, microsecond=0)
    assert dict(day[-1].runs) == {"failed": 1, "succeeded": 1}
    assert dict(day[-4].runs) == {"succeeded": 1}
    assert sum(hour.runs.total() for hour in day) == 3


def test_an_hour_with_more_runs_than_are_counted_says_so(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.overview.MOST_COUNTED", 2)
    for _ in range(3):
        record()
    assert "at least 2 runs in the last 24 hours" in page(admin_client)


def test_a_flow_that_became_slower_is_named_and_a_steady_one_is_not(admin_client: Client) -> None:
    for number in range(20):
        record("steady", seconds=1.0)
        record("slow", seconds=1.0 if number < 15 else 4.0)
        record("tiny", seconds=0.001 if number < 15 else 0.004)
    assert slower_flows() == [Slower("slow", 1.0, 4.0)]
    assert "4.00 s, was 1.00 s (4.0 times)" in page(admin_client)


def test_dropped_log_rows_are_told(admin_client: Client) -> None:
    text = "40 log records were dropped (40 INFO): the queue was full, or the table refused them"
    SysLog.objects.create(created_at=timezone.now(), level="WARNING", logger_name="flows.log_writer", message=text)
    assert "40 log records were dropped" in page(admin_client)


def test_dropped_log_rows_of_another_day_and_other_warnings_are_not_told(admin_client: Client) -> None:
    text = "40 log records were dropped (40 INFO)"
    moments = ((timedelta(hours=25), "flows.log_writer"), (timedelta(0), "shop"))
    for age, logger in moments:
        SysLog.objects.create(created_at=timezone.now() - age, level="WARNING", logger_name=logger, message=text)
    assert "were dropped" not in page(admin_client)


def test_each_part_needs_its_permission() -> None:
    record(status=Status.FAILED)
    text = page(client_with("view_flow"))
    assert "nightly" not in text
    assert "Nothing ran" not in text


def test_the_number_of_queries_does_not_grow(
    admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(300):
        record(f"flow{number % 7}", [Status.FAILED, Status.SUCCEEDED, Status.INTERRUPTED][number % 3])
    with django_assert_max_num_queries(16):
        page(admin_client)


def test_without_the_table_of_flows_the_page_stands(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Flow._meta, "db_table", "wf_flow_is_missing")
    assert "No flows yet" in page(admin_client)


def test_without_the_tables_the_page_says_what_to_do(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run._meta, "db_table", "wf_run_is_missing")
    assert "The tables of the history are missing" in page(admin_client)


def test_the_groups_are_created_once_and_completed() -> None:
    def creategroups() -> list[str]:
        out = StringIO()
        call_command("creategroups", stdout=out)
        return out.getvalue().splitlines()

    assert creategroups() == ["viewer: created", "editor: created", "operator: created"]
    assert creategroups() == ["viewer: complete", "editor: complete", "operator: complete"]
    Group.objects.get(name="operator").permissions.clear()
    assert creategroups()[2] == "operator: 8 permissions added"
    held = set(Group.objects.get(name="operator").permissions.values_list("codename", flat=True))
    assert "run_flow" in held
    assert "change_flow" not in held
