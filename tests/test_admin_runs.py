"""The runs in the admin, asked from outside: list, page, form, ways on, and who may do what."""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from flows import runs, services, versions
from flows.models import Flow, Run, Status, StepRun, StepStatus, SysLog, Trigger
from flows.run_pages import listing
from tests.users import client_with
from tests.waiting import ended

LIST = "/admin/flows/run/"
STEP = {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}
HELLO = {"procedures": [STEP, {**STEP, "name": "b", "params": {"msg": "@a.msg"}}]}
FAIL = {"name": "bad", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
FAILS = {"procedures": [STEP, FAIL, {**STEP, "name": "c"}]}
ASKS = {
    "inputs": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How often"},
        "who": {"type": "string"},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "dry": {"type": "boolean", "default": False},
        "more": {"type": "object", "default": {}},
    },
    "procedures": [{**STEP, "params": {"msg": "@_input.who"}}],
}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"

pytestmark = pytest.mark.django_db


def make_flow(name: str = "hello", document: Any = HELLO, **fields: Any) -> Flow:
    return Flow.objects.create(**{"flow_name": name, "flow_json": json.dumps(document), "enabled": True, **fields})


def make_run(name: str = "hello", document: Any = HELLO, status: str = Status.SUCCEEDED, **fields: Any) -> Run:
    now = timezone.now()
    values = {"definition": json.dumps(document), "definition_hash": "", "created_at": now, "started_at": now}
    values |= {"flow_name": name, "status": status, "trigger": Trigger.COMMAND, "steps_total": 2, "asked_by": "anna"}
    return Run.objects.create(**values | fields)


def add_step(run: Run, path: str, status: str = StepStatus.SUCCEEDED, **fields: Any) -> StepRun:
    values = {"attempt": 1, "procedure": "common.Kt.prt", "params": '{"msg": "hi"}', "result": '{"msg": "hi"}'}
    return StepRun.objects.create(run=run, path=path, status=status, **values | fields)


def recorded(name: str, document: Any, **inputs: Any) -> Run:
    """Run a new flow to its end, as the command does, and return its run."""
    make_flow(name, document)
    outcome = runs.run_now(services.runnable(name), inputs, runs.Asked(Trigger.COMMAND, "anna"))
    assert outcome.run_id
    return Run.objects.get(pk=outcome.run_id)


def page(run: Run, name: str = "change") -> str:
    return reverse(f"admin:flows_run_{name}", args=[run.pk])


def run_page(flow: Flow) -> str:
    return reverse("admin:flows_flow_run", args=[flow.pk])


@pytest.fixture
def admin(admin_client: Client) -> Client:
    return admin_client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def ids_of(response: Any) -> list[int]:
    return [row.id for row in response.context["rows"]]


def assert_harmless(text: str) -> None:
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b" in text


# The list


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


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


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


# The page of a run


def test_the_page_shows_steps_parameters_results_error_and_log_of_a_failed_run(admin: Client) -> None:
    run = recorded("fails", FAILS)
    SysLog.objects.create(
        created_at=timezone.now(), level="ERROR", logger_name="x", message=f"[flow=fails run={run.pk} step=bad] toner"
    )
    SysLog.objects.create(
        created_at=timezone.now(), level="ERROR", logger_name="x", message=f"[flow=fails run={run.pk}1] not mine"
    )
    text = text_of(admin.get(page(run)))
    for shown in ("At step bad", "RuntimeError: out of paper", "Traceback", "not reached", "toner", "command, anna"):
        assert shown in text
    assert "not mine" not in text
    assert "&quot;msg&quot;: &quot;hi&quot;" in text
    assert [step.status for step in admin.get(page(run)).context["shown"]["steps"]] == [
        "succeeded",
        "failed",
        "not reached",
    ]


def test_entries_and_steps_of_sub_flows_stand_below_their_step(admin: Client) -> None:
    make_flow("child", HELLO)
    each = {**STEP, "name": "each", "foreach": [1, 2, 3], "params": {"msg": "@_item"}}
    run = recorded("parent", {"procedures": [each, {"name": "sub", "flow": "child", "inputs": {}}]})
    first, second = admin.get(page(run)).context["shown"]["steps"]
    assert [below.label for below in first.below] == ["[0]", "[1]", "[2]"]
    assert [below.label for below in second.below] == ["a", "b"]
    assert first.counted_below == "3 entries"
    assert first.is_open


def test_more_than_fifty_entries_are_folded_and_more_than_can_be_shown_are_left_out_with_a_word(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(document={"procedures": [{**STEP, "foreach": []}]})
    StepRun.objects.bulk_create(
        [StepRun(run=run, path=f"a[{n}]", attempt=1, status=StepStatus.SUCCEEDED) for n in range(600)]
    )
    add_step(run, "a")
    response = admin.get(page(run))
    (step,) = response.context["shown"]["steps"]
    assert len(step.below) == 100
    assert not step.is_open
    assert step.status == "succeeded"
    assert "older ones are recorded all the same" in text_of(response)


def test_attempts_are_shown_with_their_errors_and_waits(admin: Client) -> None:
    retried = {**FAIL, "retry": {"max_attempts": 2, "delay": 0.01}}
    run = recorded("again", {"procedures": [retried]})
    (step,) = admin.get(page(run)).context["shown"]["steps"]
    assert [(one.number, one.status, one.wait) for one in step.attempts] == [
        (1, "failed", "10.00 ms"),
        (2, "failed", ""),
    ]
    assert step.note == "2 attempts"


def test_a_run_that_goes_on_links_to_where_it_comes_from_and_back(admin: Client) -> None:
    first = recorded("fails", FAILS)
    second = runs.resume_run(first.pk, runs.Asked(Trigger.COMMAND))
    assert f'<a href="{page(second)}">run {second.pk}</a>' in text_of(admin.get(page(first)))
    text = text_of(admin.get(page(second)))
    assert "Goes on from" in text
    assert f'Taken over from <a href="{page(first)}">run {first.pk}</a>' in text
    assert admin.get(page(second)).context["shown"]["steps"][0].status == "reused"


@pytest.mark.parametrize(
    ("status", "fields", "shown"),
    [
        (Status.QUEUED, {}, "It waits to be executed"),
        (Status.RUNNING, {"lease_until": 2**40, "step": "b", "step_attempt": 1}, "0 of 2 steps"),
        (Status.RUNNING, {"lease_until": 1, "step": "b"}, "Step b is in doubt"),
        (Status.INTERRUPTED, {"step": "b"}, "Step b is in doubt"),
        (Status.INTERRUPTED, {}, "and can go on"),
        (Status.FAILED, {"failed_step": "b", "error_message": "broken"}, "At step b"),
        (Status.CANCELLED, {"cancel_asked_by": "bob"}, "Cancelled by"),
        (Status.SUCCEEDED, {"outputs": '{"said": "yes"}', "warnings": '["mind this"]'}, "mind this"),
    ],
)
def test_each_status_has_a_page_that_says_what_it_means(
    admin: Client, status: str, fields: dict[str, Any], shown: str
) -> None:
    run = make_run(status=status, **fields)
    assert shown in text_of(admin.get(page(run)))
    fragment = text_of(admin.get(page(run, "live")))
    assert shown in fragment
    assert "<html" not in fragment
    is_active = status == Status.QUEUED or fields.get("lease_until") == 2**40
    assert ("data-may-change" in fragment) is is_active


def test_only_interrupted_and_lost_runs_have_a_step_in_doubt(admin: Client) -> None:
    assert "in doubt" not in text_of(admin.get(page(make_run(status=Status.RUNNING, lease_until=2**40, step="b"))))


def test_the_page_takes_five_queries_of_its_own_whatever_the_size(admin: Client) -> None:
    run = make_run(document={"procedures": [{**STEP, "name": f"s{n}"} for n in range(100)]})
    few = queries_of(admin, page(run))
    for number in range(100):
        add_step(run, f"s{number}")
    StepRun.objects.bulk_create(
        [StepRun(run=run, path=f"s0[{n}]", attempt=1, status=StepStatus.SUCCEEDED) for n in range(2_000)]
    )
    assert queries_of(admin, page(run)) == few
    # Two of them are the session and its user.
    assert few <= 7


def test_a_large_text_is_cut_with_a_way_to_all_of_it(admin: Client) -> None:
    run = make_run()
    large = json.dumps({"msg": "x" * 5_000})
    row = add_step(run, "a", params=large)
    url = reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "params"])
    text = text_of(admin.get(page(run)))
    assert "5,011 characters" in text
    assert f'href="{url}" download' in text
    assert "x" * 4_000 not in text
    answer = admin.get(url)
    assert answer.content.decode() == large
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert json.loads(admin.get(reverse("admin:flows_run_text", args=[run.pk, "definition"])).content) == HELLO


def test_the_page_leads_to_the_version_of_the_flow_that_the_run_executes(admin: Client) -> None:
    flow = make_flow()
    with versions.keeping(flow, author="mira", why=""):
        flow.flow_json = json.dumps({"procedures": [{**HELLO["procedures"][0], "params": {"msg": "ho"}}]})
        flow.save_fields(["flow_json"])
    runs.run_flow("hello")
    run = Run.objects.get()
    newest = versions.version_of(flow.pk, run.definition_hash)
    assert newest is not None
    shown = admin.get(page(run)).content.decode()
    assert (
        f'<a href="/admin/flows/flow/{flow.pk}/versions/{newest.number}/">Version {newest.number} of the flow</a>'
        in shown
    )


def test_texts_that_do_not_exist_are_not_found(admin: Client) -> None:
    run, other = make_run(), make_run()
    row = add_step(run, "a")
    for url in (
        reverse("admin:flows_run_text", args=[run.pk, "owner"]),
        reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "owner"]),
        reverse("admin:flows_run_step_text", args=[other.pk, row.pk, "params"]),
        reverse("admin:flows_run_step_text", args=[run.pk, 10**30, "params"]),
        reverse("admin:flows_run_live", args=[10**30]),
        reverse("admin:flows_run_change", args=["x"]),
        reverse("admin:flows_run_change", args=["9" * 30]),
        reverse("admin:flows_run_change", args=[999_999]),
        reverse("admin:flows_run_resume", args=[999_999]),
        reverse("admin:flows_run_history", args=[run.pk]),
    ):
        assert admin.get(url).status_code == 404, url


def test_hostile_text_is_harmless_on_every_page(admin: Client) -> None:
    document = {"procedures": [STEP], "description": HOSTILE}
    texts = {"asked_by": HOSTILE, "key": HOSTILE, "failed_step": HOSTILE, "error_message": HOSTILE, "inputs": HOSTILE}
    run = make_run(HOSTILE, document, Status.FAILED, warnings=json.dumps([HOSTILE]), outputs=HOSTILE, **texts)
    add_step(
        run,
        HOSTILE,
        StepStatus.FAILED,
        params=HOSTILE,
        result=HOSTILE,
        error_message=HOSTILE,
        traceback=HOSTILE,
        not_storable=HOSTILE,
        procedure=HOSTILE,
    )
    SysLog.objects.create(created_at=timezone.now(), level="INFO", logger_name="x", message=HOSTILE)
    for url in (LIST, page(run), page(run, "live"), page(run, "resume")):
        assert_harmless(text_of(admin.get(url)))
    flow = make_flow(HOSTILE)
    Run.objects.update(flow_id=flow.pk)
    assert_harmless(text_of(admin.get(run_page(flow))))


@pytest.mark.parametrize("definition", ["", "[]", '{"procedures": 1}', '{"procedures": [1]}', "{" * 9])
def test_a_definition_that_nobody_can_read_does_not_spoil_the_page(admin: Client, definition: str) -> None:
    run = make_run(definition=definition)
    add_step(run, "a")
    assert [step.label for step in admin.get(page(run)).context["shown"]["steps"]] == ["a"]


# The page of a run with many steps


def make_long_run(done: int = 60, steps: int = 60, **fields: Any) -> Run:
    """Make a run of many steps, so many of which are recorded; the last of these has failed."""
    document = {"procedures": [{**STEP, "name": f"s{n}"} for n in range(1, steps + 1)]}
    run = make_run(document=document, **fields)
    rows = [
        StepRun(run=run, path=f"s{n}", attempt=1, status="failed" if n == done else "succeeded", procedure="x.Y.z")
        for n in range(1, done + 1)
    ]
    StepRun.objects.bulk_create(rows)
    return run


def names_of(response: Any) -> list[str]:
    return [step.label for step in response.context["shown"]["steps"]]


def test_of_many_steps_those_around_the_failed_one_are_shown_with_ways_to_the_others(admin: Client) -> None:
    run = make_long_run(done=30, status=Status.FAILED, failed_step="s30")
    response = admin.get(page(run))
    assert names_of(response) == [f"s{n}" for n in range(26, 51)]
    parts = [(part.text, part.note, part.is_shown) for part in response.context["shown"]["parts"]]
    assert parts == [("1\u201325", "", False), ("26\u201350", "1 failed", True), ("51\u201360", "", False)]
    other = admin.get(response.context["shown"]["after"].url)
    assert names_of(other) == [f"s{n}" for n in range(51, 61)]
    assert {step.status for step in other.context["shown"]["steps"]} == {"not reached"}
    assert f"{page(run, 'live')}?from=51" in text_of(other)


def test_a_failure_that_was_tried_again_is_no_mark_of_its_part(admin: Client) -> None:
    run = make_long_run(done=0)
    add_step(run, "s1", StepStatus.FAILED, retry_in=0.1)
    add_step(run, "s1", attempt=2)
    add_step(run, "s26", StepStatus.FAILED)
    notes = [part.note for part in admin.get(page(run)).context["shown"]["parts"]]
    assert notes == ["", "1 failed", ""]


def test_a_run_that_goes_on_is_shown_where_it_is(admin: Client) -> None:
    run = make_long_run(done=30, status=Status.RUNNING, lease_until=2**40, step="s55[3]", step_attempt=1)
    response = admin.get(page(run))
    assert names_of(response)[0] == "s51"
    assert [part.note for part in response.context["shown"]["parts"]] == ["", "1 failed", "running"]
    assert names_of(admin.get(page(run) + "?from=7"))[0] == "s1"


@pytest.mark.parametrize("number", ["0", "-1", "x", "٣", "9" * 30, ""])
def test_a_number_of_a_step_that_means_nothing_does_no_harm(admin: Client, number: str) -> None:
    run = make_long_run(status=Status.FAILED, failed_step="s60")
    assert len(names_of(admin.get(page(run), {"from": number}))) in {10, 25}


def test_a_run_of_few_steps_has_no_parts(admin: Client) -> None:
    response = admin.get(page(make_long_run(done=25, steps=25)))
    assert len(names_of(response)) == 25
    assert "Parts of the" not in text_of(response)


def test_entries_of_a_step_in_another_part_are_not_read(admin: Client) -> None:
    steps = [{**STEP, "name": f"s{n}", "foreach": [1]} for n in range(1, 31)]
    run = make_run(document={"procedures": steps})
    for path in ("s1[0]", "s30[0]", "s3[0]", "s30"):
        add_step(run, path)
    shown = admin.get(page(run)).context["shown"]["steps"]
    assert [(step.label, len(step.below)) for step in shown if step.below] == [("s1", 1), ("s3", 1)]
    assert [len(step.below) for step in admin.get(page(run) + "?from=30").context["shown"]["steps"]] == [0, 0, 0, 0, 1]


def seen_on(response: Any) -> dict[str, str]:
    """Return the versions of the parts, as the page sends them when it asks again."""
    return dict(re.findall(r'data-part="(\w+)" data-version="(\w+)"', text_of(response)))


def parts_in(response: Any) -> list[str]:
    return re.findall(r'data-part="(\w+)"', text_of(response))


def test_a_page_that_asks_again_is_sent_what_is_new(admin: Client) -> None:
    run = make_long_run(done=30, status=Status.RUNNING, lease_until=2**40, step="s31", step_attempt=1)
    log = {"created_at": timezone.now(), "level": "INFO", "logger_name": "x"}
    SysLog.objects.create(message=f"[flow=hello run={run.pk} step=s1] one", **log)
    seen = seen_on(admin.get(page(run)))
    assert parts_in(admin.get(page(run, "live"), seen)) == ["head"]
    SysLog.objects.create(message="[flow=other run=1 step=s1] no row of this run", **log)
    assert parts_in(admin.get(page(run, "live"), seen)) == ["head"]
    SysLog.objects.create(message=f"[flow=hello run={run.pk} step=s1] two", **log)
    assert parts_in(admin.get(page(run, "live"), seen)) == ["head", "log"]
    add_step(run, "s31")
    Run.objects.update(step="s32", steps_done=31)
    answer = admin.get(page(run, "live"), seen)
    assert parts_in(answer) == ["head", "steps", "log"]
    assert parts_in(admin.get(page(run, "live"), seen_on(answer) | {"texts": seen["texts"]})) == ["head"]
    Run.objects.update(status=Status.SUCCEEDED, outputs='{"a": 1}')
    assert parts_in(admin.get(page(run, "live"), seen_on(answer))) == ["head", "steps", "texts"]


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 30, "٣"])
def test_a_version_that_means_nothing_counts_as_none(admin: Client, seen: str) -> None:
    run = make_run()
    asked = admin.get(page(run, "live"), dict.fromkeys(("steps", "texts", "log"), seen))
    assert parts_in(asked) == ["head", "steps", "texts", "log"]


def test_more_of_a_text_can_be_read_than_stands_on_the_page(admin: Client) -> None:
    run = make_run(outputs=json.dumps({"rows": ["x" * 900]}))
    row = add_step(run, "a", result=json.dumps({"msg": "y" * 900}), traceback="z" * 30_000 + "the end")
    more = re.findall(r'data-more="([^"]+)"', text_of(admin.get(page(run))))
    assert len(more) == 3
    assert "y" * 401 not in text_of(admin.get(page(run)))
    texts = [text_of(admin.get(url)) for url in more]
    assert any("y" * 900 in text and "Download" not in text for text in texts)
    assert any("x" * 900 in text for text in texts)
    (end,) = [text for text in texts if "the end" in text]
    assert "z" * 19_900 in end
    assert "z" * 20_000 not in end
    assert reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "traceback"]) in end
    assert all("<html" not in text for text in texts)


def test_a_part_of_a_text_needs_the_permission_and_is_escaped(admin: Client) -> None:
    run = make_run()
    row = add_step(run, "a", result=HOSTILE * 20)
    url = reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "result"]) + "?part"
    assert_harmless(text_of(admin.get(url)))
    assert client_with("view_flow").get(url).status_code == 403
    for what in ("owner", "params"):
        missing = reverse("admin:flows_run_step_text", args=[run.pk, row.pk + 1, what]) + "?part"
        assert admin.get(missing).status_code == 404


# Where a parameter comes from


def test_a_parameter_is_followed_back_to_the_input_step_by_step(admin: Client) -> None:
    document = {
        "inputs": {"who": {"type": "string"}, "all": {"type": "array"}},
        "procedures": [
            {**STEP, "name": "a", "params": {"msg": "@_input.who", "n": 1}},
            {**STEP, "name": "b", "params": {"msg": "@a.msg", "deep": [{"x": "@a.msg"}]}},
            {**STEP, "name": "c", "foreach": "@_input.all", "params": {"msg": "@_item", "text": "@@no"}},
            {**STEP, "name": "d"},
        ],
    }
    run = recorded("way", document, who="<b>me", all=[1])
    text = text_of(admin.get(page(run)))
    addresses = {name: reverse("admin:flows_run_origin", args=[run.pk, name]) for name in "abcd"}
    assert [name for name, url in addresses.items() if url in text] == ["a", "b", "c"]
    answer = admin.get(addresses["b"])
    first, second = answer.context["origin"].below
    assert (first.label, first.text, first.value) == ("msg", "@a.msg", '"<b>me"')
    assert (second.label, second.text) == ("deep.0.x", "@a.msg")
    (step,) = first.below
    assert (step.label, step.url) == ("a", addresses["a"])
    assert [(one.text, one.note) for one in step.below] == [("@_input.who", "an input of the run")]
    assert [one.note for one in second.below] == ["as above"]
    assert "&lt;b&gt;me" in text_of(answer)
    item = admin.get(addresses["c"]).context["origin"].below[0]
    assert (item.text, item.note, item.below[0].text) == ("@_item", "an entry of foreach", "@_input.all")
    assert admin.get(addresses["d"]).context["origin"].note == "its parameters are constants"
    assert admin.get(reverse("admin:flows_run_origin", args=[run.pk, "nobody"])).status_code == 404


def test_a_long_way_back_is_shown_in_parts(admin: Client) -> None:
    steps = [{**STEP, "name": f"s{n}", "params": {"msg": f"@s{n - 1}.msg"} if n else {"msg": 1}} for n in range(500)]
    run = make_run(document={"procedures": steps})
    text = text_of(admin.get(reverse("admin:flows_run_origin", args=[run.pk, "s499"])))
    assert "and further back" in text
    assert reverse("admin:flows_run_origin", args=[run.pk, "s478"]) in text


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


# The form


def filled(form: Any, **texts: str) -> dict[str, str]:
    data = {field.html_name: field.value() or "" for field in form}
    return data | {"filled": "yes"} | {f"input_{name}": text for name, text in texts.items()}


def form_of(client: Client, flow: Flow, query: str = "") -> Any:
    return client.get(run_page(flow) + query).context["form"]


def test_the_form_has_a_field_for_each_input_with_default_and_help(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    text = text_of(admin.get(run_page(flow)))
    assert "How often (integer, at least 1, at most 9)." in text
    assert 'name="input_count" value="3"' in text
    assert '<option value="&quot;slow&quot;">slow</option>' in text
    assert [field.field.widget.is_required for field in form_of(admin, flow).input_fields] == [
        *(False, True, False, False, False)
    ]


def test_the_button_of_a_flow_that_asks_for_something_leads_to_the_form(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    response = admin.post(run_page(flow), {"nonce": "n1"})
    assert response.headers["Location"] == run_page(flow)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("count", "99", "more than the maximum 9"),
        ("count", "many", '"many" is not an integer'),
        ("count", "[" * 100_000, "is not an integer"),
        ("who", "", "the input is missing"),
        ("mode", "sideways", "is none of"),
        ("dry", "perhaps", "is not true or false"),
        ("more", "[1]", "is not a JSON object"),
        ("more", '{"a": NaN}', "which JSON does not have"),
    ],
)
def test_wrong_input_is_refused_at_its_field_and_nothing_is_run(
    admin: Client, name: str, text: str, error: str
) -> None:
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), who="me") | {f"input_{name}": text}
    response = admin.post(run_page(flow), data)
    errors = response.context["form"].errors
    assert list(errors) == [f"input_{name}"]
    assert error in errors[f"input_{name}"][0]
    assert not Run.objects.exists()


def test_what_was_typed_becomes_the_inputs_by_type_and_empty_fields_the_defaults(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), count="", who="a\r\nb", mode='"slow"', dry="true", more='{"x": [1, 2.5, null]}')
    response = admin.post(run_page(flow), data)
    run = Run.objects.get()
    assert response.headers["Location"] == page(run)
    assert json.loads(run.inputs) == {
        "count": 3,
        "who": "a\nb",
        "mode": "slow",
        "dry": True,
        "more": {"x": [1, 2.5, None]},
    }
    assert (run.trigger, run.asked_by, run.status) == (Trigger.ADMIN, "admin", Status.QUEUED)
    assert LogEntry.objects.get().get_change_message() == f"Run {run.pk} started."


def test_run_again_fills_the_form_with_the_inputs_of_the_run(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    old = make_run("asks", ASKS, flow_id=flow.pk, inputs='{"count": 7, "who": "me", "mode": "slow", "gone": 1}')
    assert f'href="{run_page(flow)}?again={old.pk}"' in text_of(admin.get(page(old)))
    form = form_of(admin, flow, f"?again={old.pk}")
    assert form["input_count"].value() == "7"
    assert form["input_who"].value() == "me"
    assert form["input_mode"].value() == '"slow"'
    assert "input_gone" not in form.fields
    for nonsense in ("x", "9" * 30, "999999", ""):
        assert form_of(admin, flow, f"?again={nonsense}")["input_count"].value() == "3"


def test_run_again_tells_nothing_of_a_run_to_who_may_not_see_runs() -> None:
    flow = make_flow("asks", ASKS)
    old = make_run("asks", ASKS, inputs='{"count": 7, "who": "secret"}')
    assert "secret" not in text_of(client_with("run_flow").get(f"{run_page(flow)}?again={old.pk}"))


@pytest.mark.parametrize("name", ["hello", "asks"])
def test_a_double_click_makes_one_run(admin: Client, name: str) -> None:
    flow = make_flow(name, ASKS if name == "asks" else HELLO)
    data = filled(form_of(admin, flow), who="me")
    first = admin.post(run_page(flow), data)
    second = admin.post(run_page(flow), data, follow=True)
    run = Run.objects.get()
    assert first.headers["Location"] == page(run) == second.redirect_chain[-1][0]
    assert "has started run" in str(next(iter(second.context["messages"])))


def test_a_form_that_is_sent_again_with_other_inputs_is_refused_and_then_makes_another_run(
    admin: Client, settings: Any
) -> None:
    settings.FLOWS_WHEN_ACTIVE = "queue"
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), who="me")
    admin.post(run_page(flow), data)
    response = admin.post(run_page(flow), data | {"input_who": "you"})
    assert "has other inputs" in text_of(response)
    assert Run.objects.count() == 1
    fresh = {**data, "input_who": "you", "nonce": response.context["form"]["nonce"].value()}
    assert admin.post(run_page(flow), fresh).status_code == 302
    assert Run.objects.count() == 2


def test_a_second_run_of_an_active_flow_is_refused_with_the_one_that_is_active(admin: Client) -> None:
    flow = make_flow()
    admin.post(run_page(flow), {"nonce": "n1"})
    text = text_of(admin.post(run_page(flow), {"nonce": "n2"}))
    assert "one run of a flow is active at a time" in text
    assert "Nothing was executed." in text
    assert Run.objects.count() == 1


def test_the_page_of_a_flow_carries_a_fresh_nonce_each_time(admin: Client) -> None:
    flow = make_flow()
    url = reverse("admin:flows_flow_change", args=[flow.pk])
    nonces = {admin.get(url).context["nonce"] for _ in range(2)}
    assert len(nonces) == 2
    assert all(len(nonce) == 32 for nonce in nonces)


def test_who_may_run_but_not_see_runs_is_told_and_led_elsewhere() -> None:
    flow = make_flow()
    response = client_with("run_flow").post(run_page(flow), follow=True)
    assert response.redirect_chain[-1][0] == "/admin/"
    assert "You may not see runs" in str(next(iter(response.context["messages"])))


# In threads, for real


@pytest.mark.django_db(transaction=True)
def test_a_run_is_executed_without_the_request_waiting_for_it(admin: Client) -> None:
    nap = {"name": "nap", "mod": "common.Demo", "method": "sleep", "params": {"seconds": 1.0}}
    flow = make_flow("slow", {"procedures": [nap]})
    began = time.monotonic()
    response = admin.post(run_page(flow))
    assert time.monotonic() - began < 1.0
    run = Run.objects.get()
    assert response.headers["Location"] == page(run)
    assert ended(run.pk).status == Status.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_the_action_starts_one_run_a_flow_with_a_link_to_each(admin: Client) -> None:
    flows = [make_flow(), make_flow("fails", FAILS), make_flow("asks", ASKS)]
    chosen = {"index": 0, "action": "run_selected", "_selected_action": [flow.pk for flow in flows]}
    response = admin.post("/admin/flows/flow/", chosen, follow=True)
    asks, fails, hello = map(str, response.context["messages"])
    assert "the input is missing" in asks
    assert run_page(flows[2]) in asks
    for name, message in (("fails", fails), ("hello", hello)):
        assert f'<a href="{page(Run.objects.get(flow_name=name))}">' in message
    assert ended(Run.objects.get(flow_name="hello").pk).status == Status.SUCCEEDED
    assert ended(Run.objects.get(flow_name="fails").pk).status == Status.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_is_resumed_with_its_own_definition_and_takes_over_what_finished(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    text = text_of(admin.get(page(failed, "resume")))
    assert "A failed run is final" in text
    response = admin.post(page(failed, "resume"), {"way": "own", "nonce": "n1"})
    again = Run.objects.get(continues=failed.pk)
    assert response.headers["Location"] == page(again)
    assert ended(again.pk).status == Status.FAILED
    assert [row.status for row in again.steps.all()] == ["reused", "failed"]


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_is_resumed_with_the_flow_as_it_was_mended(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    mended = {"procedures": [STEP, {**STEP, "name": "bad"}, {**STEP, "name": "c"}]}
    Flow.objects.update(flow_json=json.dumps(mended))
    assert "has changed; the run keeps its own definition" in text_of(admin.get(page(failed, "resume")))
    admin.post(page(failed, "resume"), {"way": "edited", "nonce": "n1"})
    again = ended(Run.objects.get(continues=failed.pk).pk)
    assert again.status == Status.SUCCEEDED
    assert again.asked_by == "admin"


def test_a_flow_whose_finished_steps_would_differ_is_refused_with_every_difference(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    other = {"procedures": [{**STEP, "params": {"msg": "<i>other"}}, {**STEP, "name": "c"}]}
    Flow.objects.update(flow_json=json.dumps(other))
    text = text_of(admin.post(page(failed, "resume"), {"way": "edited", "nonce": "n1"}))
    assert "parameters of step &quot;a&quot; would differ" in text
    assert "Nothing was executed." in text
    assert Run.objects.count() == 1


@pytest.mark.parametrize("when_active", ["refuse", "queue"])
def test_resuming_twice_by_a_double_click_makes_one_run(admin: Client, settings: Any, when_active: str) -> None:
    settings.FLOWS_WHEN_ACTIVE = when_active
    failed = recorded("fails", FAILS)
    first, second = (admin.post(page(failed, "resume"), {"way": "own", "nonce": "n1"}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] == page(Run.objects.get(continues=failed.pk))


@pytest.mark.django_db(transaction=True)
def test_a_lost_run_goes_on_as_itself_after_its_step_in_doubt_was_named(admin: Client) -> None:
    make_flow()
    run = make_run(status=Status.RUNNING, lease_until=1, step="b", step_attempt=1, owner="gone")
    add_step(run, "a")
    text = text_of(admin.get(page(run, "resume")))
    assert "Step b is in doubt" in text
    run.refresh_from_db()
    assert run.status == Status.RUNNING
    assert admin.post(page(run, "resume"), {"way": "own"}).headers["Location"] == page(run)
    assert ended(run.pk).status == Status.SUCCEEDED
    assert [(row.path, row.status) for row in run.steps.all()] == [
        ("a", "succeeded"),
        ("b", "interrupted"),
        ("b", "succeeded"),
    ]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.RUNNING])
def test_a_run_that_cannot_be_resumed_offers_nothing_and_refuses(admin: Client, status: str) -> None:
    run = make_run(status=status, lease_until=2**40)
    assert page(run, "resume") not in text_of(admin.get(page(run)))
    text = text_of(admin.get(page(run, "resume")))
    assert "there is nothing to resume" in text
    assert 'name="way"' not in text
    assert "only a run that did not come to its end" in text_of(admin.post(page(run, "resume"), {"way": "own"}))
    assert Run.objects.get().status == status


def test_a_run_whose_procedure_is_gone_says_so_before_it_is_resumed(admin: Client) -> None:
    gone = {"procedures": [{**STEP, "mod": "common.Gone"}]}
    run = make_run(document=gone, status=Status.INTERRUPTED)
    text = text_of(admin.get(page(run, "resume")))
    assert "cannot go on with the code of this site" in text
    assert 'name="way"' not in text


def test_cancelling_ends_a_waiting_run_at_once_and_a_running_one_after_its_step(admin: Client) -> None:
    waiting = make_run(status=Status.QUEUED)
    going = make_run(status=Status.RUNNING, lease_until=2**40)
    for run in (waiting, going):
        assert page(run, "cancel") in text_of(admin.get(page(run)))
        assert admin.post(page(run, "cancel")).headers["Location"] == page(run)
    waiting.refresh_from_db()
    going.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    assert (going.status, going.cancel_asked_by) == (Status.RUNNING, "admin")
    assert page(going, "cancel") not in text_of(admin.get(page(going)))
    assert "It ends after the step it is at" in text_of(admin.get(page(going)))
    assert LogEntry.objects.count() == 2


def test_cancelling_a_run_that_has_ended_is_refused_with_a_message(admin: Client) -> None:
    run = make_run()
    response = admin.post(page(run, "cancel"), follow=True)
    assert "is succeeded already" in str(next(iter(response.context["messages"])))


# Who may do what

NOBODY: tuple[str, ...] = ()
VIEW, RESUME, CANCEL, RUN, VIEW_FLOW = (
    (permission,) for permission in ("view_run", "resume_run", "cancel_run", "run_flow", "view_flow")
)
EVERYBODY = [NOBODY, VIEW, RESUME, CANCEL, RUN, VIEW_FLOW]
GETS: dict[str, dict[tuple[str, ...], int]] = {
    "list": {VIEW: 200},
    "change": {VIEW: 200},
    "live": {VIEW: 200},
    "text": {VIEW: 200},
    "step_text": {VIEW: 200},
    "origin": {VIEW: 200},
    "resume": {RESUME: 200},
    "flow_run": {RUN: 200},
    "cancel": dict.fromkeys(EVERYBODY, 405),
}
POSTS = {"resume": RESUME, "cancel": CANCEL, "flow_run": RUN}


@pytest.fixture
def scene() -> Callable[[str], str]:
    """A flow with an interrupted run; returns the address of each page by its name."""
    flow = make_flow()
    run = make_run(status=Status.INTERRUPTED, flow_id=flow.pk)
    row = add_step(run, "a")
    addresses = {
        "list": LIST,
        "flow_run": run_page(flow),
        "text": reverse("admin:flows_run_text", args=[run.pk, "inputs"]),
        "step_text": reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "params"]),
        "origin": reverse("admin:flows_run_origin", args=[run.pk, "b"]),
    }
    return lambda name: addresses.get(name) or page(run, name)


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
def test_each_page_is_open_to_those_with_its_permission_alone(
    scene: Callable[[str], str], who: tuple[str, ...]
) -> None:
    client = client_with(*who)
    answers = {name: client.get(scene(name)).status_code for name in GETS}
    assert answers == {name: allowed.get(who, 403) for name, allowed in GETS.items()}


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
@pytest.mark.parametrize("name", POSTS)
def test_each_post_acts_for_those_with_its_permission_alone(
    scene: Callable[[str], str], who: tuple[str, ...], name: str
) -> None:
    before = list(Run.objects.values())
    allowed = POSTS[name] == who
    assert client_with(*who).post(scene(name), {"way": "own"}).status_code == (302 if allowed else 403)
    assert (list(Run.objects.values()) != before) is allowed


@pytest.mark.parametrize("name", GETS)
def test_without_a_login_every_page_and_post_leads_to_the_login(
    client: Client, scene: Callable[[str], str], name: str
) -> None:
    before = list(Run.objects.values())
    for answer in (client.get(scene(name)), client.post(scene(name), {"way": "own"})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert list(Run.objects.values()) == before


@pytest.mark.parametrize("name", [name for name in GETS if name != "cancel"])
def test_a_superuser_may_open_every_page_and_opening_changes_nothing(
    admin: Client, scene: Callable[[str], str], name: str
) -> None:
    make_run(status=Status.RUNNING, lease_until=1, step="b")
    before = list(Run.objects.order_by("id").values())
    assert admin.get(scene(name)).status_code == 200
    assert list(Run.objects.order_by("id").values()) == before


@pytest.mark.parametrize("name", POSTS)
def test_a_post_without_the_csrf_token_is_refused(admin_user: User, scene: Callable[[str], str], name: str) -> None:
    before = list(Run.objects.values())
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(scene(name), {"way": "own"}).status_code == 403
    assert list(Run.objects.values()) == before


@pytest.mark.parametrize("name", ["list", "change", "live", "text", "step_text", "origin"])
def test_what_reads_takes_no_post(admin: Client, scene: Callable[[str], str], name: str) -> None:
    assert admin.post(scene(name)).status_code == 405


@pytest.mark.parametrize("url", ["add/", "1/delete/"])
def test_nobody_adds_or_removes_a_run(admin: Client, url: str) -> None:
    assert admin.get(LIST + url).status_code in {403, 404, 302}
    run = make_run()
    admin.post(f"{LIST}{run.pk}/delete/", {"post": "yes"})
    assert Run.objects.filter(pk=run.pk).exists()


def test_a_reader_sees_no_button_and_no_link_that_would_be_refused(scene: Callable[[str], str]) -> None:
    text = text_of(client_with("view_run").get(scene("change")))
    for url in (scene("resume"), scene("cancel"), scene("flow_run"), "/admin/flows/flow/", "/admin/flows/syslog/"):
        assert f'"{url}' not in text
    able = text_of(client_with("view_run", "resume_run", "cancel_run", "run_flow").get(scene("change")))
    for url in (scene("resume"), scene("cancel"), scene("flow_run")):
        assert f'"{url}' in able


def test_the_duration_of_a_running_run_goes_on(admin: Client) -> None:
    started = timezone.now() - timedelta(seconds=90)
    run = make_run(status=Status.RUNNING, lease_until=2**40, started_at=started)
    assert "1 min 3" in text_of(admin.get(page(run)))
