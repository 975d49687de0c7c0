"""No page has a serious fault of accessibility that axe finds, in light and in dark, on a desk and on a phone."""

import json
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page

from flows import runs, versions
from flows.log_handler import flush_database_log
from flows.models import Flow, Run, Schedule, SysLog
from tests.browser.conftest import OpenPage
from tests.browser.test_workflow import editor
from tests.waiting import wait_for_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEP = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": "@_input.who"}}
EACH = {"name": "each", "mod": "common.Kt", "method": "prt", "foreach": ["north", "south"], "params": {"msg": "@_item"}}
FAIL = {"name": "print", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
INPUTS = {
    "who": {"type": "string", "default": "me", "description": "Who reads it"},
    "copies": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
    "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
    "dry": {"type": "boolean", "default": False},
}
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1440, "light"),
    (1440, "dark"),
    (390, "light"),
    (390, "dark"),
)
WRONG = {"name": "mail", "mod": "common.Kt", "method": "prt", "params": {"msg": "@laod.msg"}}


def document(*steps: object) -> str:
    return json.dumps({"inputs": INPUTS, "procedures": steps}, indent=2) + "\n"


@pytest.fixture
def flow(database_logging: None) -> Iterator[Flow]:
    """A flow with versions that ran twice, the second time with success."""
    flow = Flow(flow_name="report", flow_json=document(STEP, EACH, FAIL), enabled=True)
    with versions.keeping(flow, author="mira", why="Begun"):
        flow.save()
    runs.run_flow("report")
    with versions.keeping(flow, author="jonas", why="Mended"):
        flow.flow_json = document(STEP, EACH)
        flow.save_fields(["flow_json"])
    runs.run_flow("report", inputs={"who": "you"})
    Schedule.objects.create(flow_name="report", cron="30 2 * * *", zone="Europe/Berlin", last_due=1, trouble="no room")
    Flow.objects.create(flow_name="gone", flow_json=document(STEP), deleted=True)
    Flow.objects.create(flow_name="wrong", flow_json=document(STEP, WRONG), enabled=False)
    flush_database_log(5)
    yield flow
    wait_for_runs()


def pages(flow: Flow) -> dict[str, str]:
    failed, done = Run.objects.order_by("pk")
    here, run = f"/admin/flows/flow/{flow.pk}", f"/admin/flows/run/{failed.pk}"
    ids = {other.flow_name: other.pk for other in Flow.objects.all()}
    return {
        "start": "/admin/",
        "app": "/admin/flows/",
        "flows": "/admin/flows/flow/",
        "flows, none": "/admin/flows/flow/?q=nothing",
        "add": "/admin/flows/flow/add/",
        "change": f"{here}/change/",
        "change, wrong": f"/admin/flows/flow/{ids['wrong']}/change/",
        "change, deleted": f"/admin/flows/flow/{ids['gone']}/change/",
        "change, version": f"{here}/change/?version=1",
        "delete": f"{here}/delete/",
        "history": f"{here}/history/",
        "versions": f"{here}/versions/",
        "version": f"{here}/versions/1/",
        "compare": f"{here}/versions/compare/?old=1&new=2",
        "procedures": "/admin/flows/flow/procedures/",
        "procedure": "/admin/flows/flow/procedures/common.Kt/prt/",
        "run form": f"{here}/run/",
        "run form, refused": f"/admin/flows/flow/{ids['wrong']}/run/",
        "outcome": f"{here}/outcome/",
        "schedules": f"{here}/schedules/",
        "schedules, none": f"/admin/flows/flow/{ids['wrong']}/schedules/",
        "schedule": f"{here}/schedules/{Schedule.objects.get().pk}/",
        "schedule, new": f"{here}/schedules/add/",
        "runs": "/admin/flows/run/",
        "runs, none": "/admin/flows/run/?flow=nothing",
        "run, failed": f"{run}/change/",
        "run, succeeded": f"/admin/flows/run/{done.pk}/change/",
        "resume": f"{run}/resume/",
        "origin": f"{run}/origin/load/",
        "diff, choice": f"/admin/flows/run/diff/?a={failed.pk}",
        "diff": f"/admin/flows/run/diff/?a={failed.pk}&b={done.pk}",
        "log": "/admin/flows/syslog/",
        "log, found": "/admin/flows/syslog/?q=paper&level=ERROR",
        "log, none": "/admin/flows/syslog/?q=nothing",
        "log row": f"/admin/flows/syslog/{SysLog.objects.order_by('pk')[0].pk}/change/",
        "prune": "/admin/flows/syslog/prune/",
    }


OPTIONS: dict[str, object] = {"resultTypes": ["violations"], "preload": False}
# What is dark has other colours, and nothing else.
OF_COLOURS = {**OPTIONS, "runOnly": ["color-contrast", "link-in-text-block"]}
# The links of the admin change their colour within a moment.
SETTLED = """async () => {
    await new Promise(requestAnimationFrame);
    document.getAnimations().forEach((animation) => animation.finish());
}"""
SERIOUS = ("serious", "critical")


def faults(page: Page, options: dict[str, object] = OPTIONS) -> list[str]:
    """Return what axe finds on the page as it stands: the rule, the element, what is to be done."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    run = "async (options) => (await axe.run(options)).violations"
    found: list[dict[str, Any]] = page.evaluate(run, options)
    return [
        f"{one['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def open_all(page: Page) -> None:
    """Wait for the editor where there is one, and open what is folded."""
    if page.locator(".flow-document").count():
        editor(page)
        page.wait_for_selector(".flow-check-summary")
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")


def test_axe_finds_nothing_serious_on_any_page(open_page: OpenPage, admin: User, flow: Flow) -> None:
    page = open_page(admin)
    found: list[str] = []
    for name, address in pages(flow).items():
        page.goto(address)
        open_all(page)
        for width, look in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=look)
            page.evaluate(SETTLED)
            options = OPTIONS if look == "light" else OF_COLOURS
            found += [f"{name}, {width}, {look}: {fault}" for fault in faults(page, options)]
    assert found == []


def test_axe_finds_nothing_serious_at_the_login(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/admin/")
    assert page.locator("#id_username").is_visible()
    assert faults(page) == []


def test_axe_is_awake(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/admin/")
    page.locator("label[for=id_username]").evaluate("label => { label.style.color = '#888'; }")
    assert [fault for fault in faults(page, OF_COLOURS) if fault.startswith("color-contrast: ")]
    page.locator("label[for=id_username]").evaluate("label => label.remove()")
    assert [fault for fault in faults(page) if fault.startswith("label: ")]
