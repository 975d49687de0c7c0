"""The runs in the admin: the list, its filters and pages, and a site without a history."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from flows.models import Run, Status, StepRun, Trigger
from flows.run_pages import listing
from tests.run_rows import LIST, ids_of, make_flow, make_run, page, queries_of, run_page, text_of
from tests.users import client_with

pytestmark = pytest.mark.django_db


def test_the_list_shows_the_newest_first_with_status_flow_time_duration_trigger_and_who(admin: Client) -> None:
    old = make_run(seconds=2.5)
    new = make_run("other", status=Status.FAILED, trigger=Trigger.SCHEDULE)
    response = admin.get(LIST)
    assert ids_of(response) == [new.pk, old.pk]
    text = text_of(response)
    for shown in ("hello", "other", "succeeded", "failed", "2.50 s", "schedule", "anna", old.began):
        assert shown in text


def test_an_empty_list_says_how_to_begin(admin: Client) -> None:
    assert "No runs yet" in text_of(admin.get(LIST))
    assert "No runs yet" not in text_of(admin.get(LIST + "?flow=x"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?flow=hello", "done lost going"),
        ("?flow=hell", ""),
        ("?status=running", "going"),
        ("?status=lost", "lost"),
        ("?status=failed", "bad"),
        ("?status=failed&flow=other", "bad"),
        ("?status=failed&flow=hello", ""),
        ("?trigger=api", "bad"),
        ("?trigger=api&flow=other&status=failed", "bad"),
        ("?since=2020-01-01", "done lost going bad"),
        ("?until=2020-01-01", ""),
        ("?time=1h&flow=other", "bad"),
        ("?status=nonsense", "done lost going bad"),
        ("?trigger=nonsense&since=nonsense&before=nonsense", "done lost going bad"),
    ],
)
def test_the_list_is_narrowed_by_flow_status_trigger_and_time(admin: Client, query: str, found: str) -> None:
    made = {
        "done": make_run(),
        "lost": make_run(status=Status.RUNNING, lease_until=1),
        "going": make_run(status=Status.RUNNING, lease_until=2**40),
        "bad": make_run("other", status=Status.FAILED, trigger=Trigger.API),
    }
    assert sorted(ids_of(admin.get(LIST + query))) == sorted(made[name].pk for name in found.split())


def test_a_filter_that_means_nothing_is_ignored_and_said(admin: Client) -> None:
    text = text_of(admin.get(LIST + "?status=gone"))
    assert "is no status and was ignored" in text


def links_of(response: Any) -> dict[str, str]:
    links: dict[str, str] = response.context["links"]
    return links


def test_the_pages_go_on_without_gaps_in_both_directions(admin: Client) -> None:
    made = [make_run().pk for _ in range(2 * listing.PAGE + 1)][::-1]
    first = admin.get(LIST)
    second = admin.get(links_of(first)["older"])
    third = admin.get(links_of(second)["older"])
    assert ids_of(first) + ids_of(second) + ids_of(third) == made
    assert links_of(third)["older"] == ""
    assert ids_of(admin.get(links_of(third)["newer"])) == ids_of(second)
    assert ids_of(admin.get(links_of(first)["oldest"])) == made[-listing.PAGE :]


def test_a_filter_without_an_index_examines_a_window_and_says_so(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought = make_run(trigger=Trigger.API)
    for _ in range(12):
        make_run()
    monkeypatch.setattr(listing, "WINDOW", 10)
    response = admin.get(LIST + "?trigger=api")
    assert ids_of(response) == []
    assert "Nothing found so far" in text_of(response)
    assert ids_of(admin.get(response.context["searched"]["url"])) == [sought.pk]


@pytest.mark.no_database
def test_the_list_takes_the_same_few_queries_for_ten_runs_and_ten_thousand(admin: Client) -> None:
    selections = ("", "?flow=hello", "?status=failed&flow=hello", "?trigger=api", "?since=2020-01-01")
    first = make_run()
    Run.objects.bulk_create([_copy(first) for _ in range(9)])
    few = {query: queries_of(admin, LIST + query) for query in selections}
    Run.objects.bulk_create([_copy(first) for _ in range(9_990)], batch_size=500)
    assert {query: queries_of(admin, LIST + query) for query in selections} == few
    # Two of them are the session and its user.
    assert max(few.values()) <= 5


def _copy(run: Run) -> Run:
    values = {field.attname: getattr(run, field.attname) for field in Run._meta.concrete_fields}
    return Run(**values | {"id": None})


# Without a history


@pytest.fixture
def without_tables(transactional_db: None) -> Iterator[None]:
    names = {Run._meta.db_table: "wf_run_away", StepRun._meta.db_table: "wf_step_run_away"}
    with connection.cursor() as cursor:
        for name, away in names.items():
            cursor.execute(f"ALTER TABLE {name} RENAME TO {away}")
    yield
    with connection.cursor() as cursor:
        for name, away in names.items():
            cursor.execute(f"ALTER TABLE {away} RENAME TO {name}")


def pages_of_a_run() -> list[str]:
    return [LIST, *(reverse(f"admin:flows_run_{name}", args=[1]) for name in ("change", "live", "resume"))]


@pytest.mark.django_db(transaction=True)
def test_missing_tables_are_said_on_every_page_and_a_run_holds_its_request(without_tables: None, admin: Client) -> None:
    for url in pages_of_a_run():
        assert "manage.py migrate" in text_of(admin.get(url)), url
    assert "manage.py migrate" in text_of(admin.post(reverse("admin:flows_run_cancel", args=[1])))
    flow = make_flow()
    assert "hello" in text_of(admin.get("/admin/flows/flow/"))
    assert text_of(admin.get(reverse("admin:flows_flow_change", args=[flow.pk])))
    assert "hello succeeded: 2 steps" in text_of(admin.post(run_page(flow), follow=True))


def test_a_history_that_is_off_is_said_with_the_name_of_its_setting(admin: Client, settings: Any) -> None:
    settings.FLOWS_HISTORY = False
    make_run()
    for url in pages_of_a_run():
        assert "FLOWS_HISTORY" in text_of(admin.get(url)), url
    make_flow()
    assert "last run" not in text_of(admin.get("/admin/flows/flow/")).lower()


def test_a_missing_log_table_is_no_missing_history(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM wf_other")

    monkeypatch.setattr("flows.run_pages.detail.newest_rows", missing)
    with pytest.raises(Exception, match="wf_other"):
        admin.get(page(make_run()))


# The last run in the list of flows


def test_the_list_of_flows_shows_the_last_run_of_each_by_one_more_query(admin: Client, settings: Any) -> None:
    for name in ("one", "two", "never"):
        make_flow(name)
    make_run("one")
    last = make_run("one", status=Status.FAILED)
    other = make_run("two")
    text = text_of(admin.get("/admin/flows/flow/"))
    assert f'<a href="{page(last)}"><span class="flow-status flow-failed">failed</span>' in text
    assert f'<a href="{page(other)}"><span class="flow-status flow-succeeded">' in text
    with_history = queries_of(admin, "/admin/flows/flow/")
    settings.FLOWS_HISTORY = False
    assert with_history == queries_of(admin, "/admin/flows/flow/") + 1


def test_who_may_not_see_runs_has_no_column_of_them() -> None:
    make_flow()
    run = make_run()
    text = text_of(client_with("view_flow").get("/admin/flows/flow/"))
    assert page(run) not in text
    assert "last run" not in text.lower()
