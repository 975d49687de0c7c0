"""Runs in a real browser: started, watched, failed, resumed; on a phone, without scripts, while the server is away."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from flows.models import Flow, Run, Status, StepRun
from tests.browser.conftest import OpenPage
from tests.browser.test_logs import fits
from tests.waiting import wait_for_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEP = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": "@_input.who"}}
NAP = {"name": "nap", "mod": "common.Demo", "method": "sleep", "params": {"seconds": 2.5}}
FAIL = {"name": "print", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
INPUTS = {"who": {"type": "string"}, "copies": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2}}


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test(transactional_db: None) -> Iterator[None]:
    yield
    wait_for_runs()


def make_flow(*steps: Mapping[str, object]) -> Flow:
    document = {"inputs": INPUTS, "procedures": list(steps)}
    return Flow.objects.create(flow_name="report", flow_json=json.dumps(document), enabled=True)


def statuses(page: Page) -> list[str]:
    return page.locator(".run-steps > .run-step > .run-line > .flow-status").all_inner_texts()


def start(page: Page, flow: Flow) -> None:
    page.goto(f"/admin/flows/flow/{flow.pk}/run/")
    page.fill("#id_input_who", "me")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("h1")).to_contain_text("of report")


def test_a_run_is_started_watched_seen_to_fail_and_resumed_with_the_flow_mended(
    open_page: OpenPage, admin: User, database_logging: None
) -> None:
    flow = make_flow(STEP, NAP, FAIL)
    page = open_page(admin)
    page.goto(f"/admin/flows/flow/{flow.pk}/run/")
    page.fill("#id_input_copies", "99")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".errorlist")).to_have_count(2)
    expect(page.locator("#id_input_copies")).to_have_value("99")
    page.fill("#id_input_copies", "3")
    page.fill("#id_input_who", "me")
    page.get_by_role("button", name="Run").dblclick()
    expect(page.locator(".flow-summary.flow-running")).to_be_visible()
    page.locator("details[data-key=inputs] > summary").click()
    expect(page.locator(".flow-summary.flow-failed")).to_contain_text("At step print")
    expect(page.locator("details[open] pre")).to_contain_text('"copies": 3')
    assert statuses(page) == ["succeeded", "succeeded", "failed"]
    expect(page.locator(".run-part[data-part=log]")).to_contain_text("out of paper")
    assert Run.objects.count() == 1

    flow.flow_json = json.dumps({"inputs": INPUTS, "procedures": [STEP, NAP, {**STEP, "name": "print"}]})
    flow.save_fields(["flow_json"])
    page.get_by_role("link", name="Resume").click()
    expect(page.locator(".flow-banner")).to_contain_text("has changed; the run keeps its own definition")
    page.get_by_role("button", name="the flow as it is stored now").click()
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible()
    assert statuses(page) == ["reused", "reused", "succeeded"]
    assert StepRun.objects.filter(status="reused").count() == 2


def test_the_page_stops_asking_when_the_run_has_ended(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(STEP)
    page = open_page(admin)
    start(page, flow)
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible()
    # The last log rows come a moment later, so it goes on for a few seconds.
    expect(page.locator("[data-may-change]")).to_have_count(0, timeout=15_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2500)
    assert asked == []


def test_the_page_says_when_the_server_is_away_and_goes_on_when_it_is_back(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(STEP, NAP)
    page = open_page(admin)
    away = True

    def answer(route: Route) -> None:
        if away:
            # An aborted request would stand on the console as an error, and so would a status of 500.
            route.fulfill(status=200, body="<p>the proxy is up, and nothing is behind it</p>", content_type="text/html")
        else:
            route.continue_()

    page.route(re.compile("/live/"), answer)
    start(page, flow)
    expect(page.locator(".run-away")).to_contain_text("The server does not answer; trying again in")
    away = False
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible(timeout=15_000)
    expect(page.locator(".run-away")).to_be_hidden()


def test_the_focus_stays_on_its_button_when_the_page_is_renewed(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(NAP, {**NAP, "name": "again"})
    page = open_page(admin)
    start(page, flow)
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    page.locator(".run-part[data-part=head]").evaluate("part => part.setAttribute('data-seen', '')")
    expect(page.locator(".run-part[data-part=head]")).not_to_have_attribute("data-seen", "")
    expect(cancel).to_be_focused()


def test_without_scripts_the_page_shows_the_run_as_it_is(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(STEP, NAP)
    page = open_page(admin, scripts=False)
    start(page, flow)
    wait_for_runs()
    page.reload()
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible()


def long_run(status: Status = Status.FAILED, steps: int = 60, **fields: Any) -> Run:
    """Make a run of many steps that is or ended at step s30, the result of which is large."""
    document = {"procedures": [{**STEP, "name": f"s{n}", "params": {"msg": "hi"}} for n in range(1, steps + 1)]}
    began = timezone.now() - timedelta(seconds=30)
    run = Run.objects.create(
        flow_name="report", status=status, trigger="command", definition=json.dumps(document), definition_hash="",
        created_at=began, started_at=began, seconds=30, steps_total=steps, steps_done=29,
        ended_at=None if status == Status.RUNNING else began + timedelta(seconds=30), **fields,
    )  # fmt: skip
    StepRun.objects.bulk_create(
        StepRun(run=run, path=f"s{n}", attempt=1, status="failed" if n == 30 else "succeeded",
                procedure="common.Kt.prt", params='{"msg": "hi"}',
                result="" if n == 30 else json.dumps({"msg": "x" * 2_000 + "the end"}),
                error_message="out of paper" if n == 30 else "", seconds=1,
                started_at=began + timedelta(seconds=n - 1), ended_at=began + timedelta(seconds=n))
        for n in range(1, 31)
    )  # fmt: skip
    return run


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_long_run_is_looked_through_in_parts(open_page: OpenPage, admin: User, scripts: bool) -> None:
    run = long_run(failed_step="s30", error_message="out of paper")
    page = open_page(admin, scripts=scripts)
    page.goto(f"/admin/flows/run/{run.pk}/change/")
    expect(page.locator(".run-step")).to_have_count(25)
    assert statuses(page)[4] == "failed"
    parts = page.get_by_role("navigation", name="Parts of the 60 steps")
    expect(parts.locator("[aria-current]")).to_have_text(re.compile(r"26.50 1 failed"))
    parts.get_by_role("link").first.click()
    expect(parts.locator("[aria-current]")).to_have_text(re.compile(r"^1.25$"))
    assert set(statuses(page)) == {"succeeded"}
    page.locator(".run-beside a").last.click()
    expect(parts.locator("[aria-current]")).to_contain_text("1 failed")


def test_a_large_text_is_read_when_it_is_unfolded_and_stays_while_the_page_renews_itself(
    open_page: OpenPage, admin: User
) -> None:
    run = long_run(Status.RUNNING, lease_until=2**40, step="s31", step_attempt=1, step_started_at=timezone.now())
    page = open_page(admin)
    page.goto(f"/admin/flows/run/{run.pk}/change/")
    result = page.locator("details[data-key='s26#1 result']")
    expect(result.locator("pre")).not_to_contain_text("the end", use_inner_text=False)
    result.locator("summary").click()
    expect(result.locator("pre")).to_contain_text("the end")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "result" in request.url else None)
    StepRun.objects.create(run=run, path="s31", attempt=1, status="succeeded", params="{}", result="{}")
    Run.objects.update(step="s32", steps_done=31)
    expect(page.locator(".run-step").nth(6).locator(".flow-status")).to_have_text("running", timeout=15_000)
    expect(result.locator("pre")).to_contain_text("the end")
    assert asked == []
    Run.objects.update(status=Status.FAILED)


def test_a_watched_page_goes_on_to_the_part_that_the_run_is_at_unless_one_was_chosen(
    open_page: OpenPage, admin: User
) -> None:
    run = long_run(Status.RUNNING, lease_until=2**40, step="s50", step_attempt=1, step_started_at=timezone.now())
    watched, chosen = open_page(admin), open_page(admin)
    watched.goto(f"/admin/flows/run/{run.pk}/change/")
    chosen.goto(f"/admin/flows/run/{run.pk}/change/?from=1")
    Run.objects.update(step="s51", steps_done=50)
    for page, part in ((watched, "51.60 running"), (chosen, "1.25")):
        expect(page.locator(".run-stretches [aria-current]")).to_have_text(re.compile(part), timeout=15_000)
    expect(chosen.locator(".run-stretches a").last).to_contain_text("running", timeout=15_000)
    Run.objects.update(status=Status.FAILED)


def test_cancel_ends_a_running_run_after_its_step(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(NAP, STEP)
    page = open_page(admin)
    start(page, flow)
    expect(page.locator(".flow-summary.flow-running")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".flow-summary.flow-cancelled")).to_be_visible()
    assert statuses(page) == ["succeeded", "not reached"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit_a_narrow_screen(open_page: OpenPage, admin: User, dark: bool) -> None:
    flow = make_flow({**STEP, "params": {"msg": "x" * 3_000}}, FAIL)
    page = open_page(admin, dark=dark, width=390)
    start(page, flow)
    expect(page.locator(".flow-summary.flow-failed")).to_be_visible()
    assert fits(page)
    for path in ("/admin/flows/run/", f"/admin/flows/flow/{flow.pk}/run/", "/admin/flows/flow/"):
        page.goto(path)
        assert fits(page), path
    page.goto("/admin/flows/run/")
    page.locator("#result_list tbody th a").click()
    page.get_by_role("link", name="Resume").click()
    assert fits(page)
    page.goto(f"/admin/flows/run/{long_run(steps=500, failed_step='s30').pk}/change/")
    expect(page.locator(".run-stretches a")).to_have_count(20)
    assert fits(page)
