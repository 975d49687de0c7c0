"""The page of a run in the admin: what it shows, of long runs too, and where its parameters came from."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from flows import runs, versions
from flows.models import Run, Status, StepRun, StepStatus, SysLog, Trigger
from tests.run_rows import (
    FAIL,
    FAILS,
    HELLO,
    HOSTILE,
    LIST,
    STEP,
    add_step,
    assert_harmless,
    make_flow,
    make_run,
    page,
    queries_of,
    recorded,
    run_page,
    text_of,
)
from tests.users import client_with

pytestmark = pytest.mark.django_db


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


def test_steps_that_were_not_called_are_spoken_of_only_where_there_are_any(admin: Client) -> None:
    said = "later steps were not called"
    assert said in text_of(admin.get(page(recorded("stops", {"procedures": [FAIL, STEP]}))))
    assert said not in text_of(admin.get(page(recorded("ends", {"procedures": [STEP, FAIL]}))))


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


def test_the_duration_of_a_running_run_goes_on(admin: Client) -> None:
    started = timezone.now() - timedelta(seconds=90)
    run = make_run(status=Status.RUNNING, lease_until=2**40, started_at=started)
    assert "1 min 3" in text_of(admin.get(page(run)))
