"""The versions of a flow in a real browser: reason, list, comparison and restore, at any width and without scripts."""

import json

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from flows import versions
from flows.models import Flow
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEP = {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}}
LONG = "x" * 120


def document(*steps: object) -> str:
    return json.dumps({"procedures": steps}, indent=2)


@pytest.fixture
def flow(transactional_db: None) -> Flow:
    made = Flow(flow_name=LONG, flow_json=document(STEP), enabled=True)
    with versions.keeping(made, author=LONG, why="מדוע " * 20):
        made.save()
    return made


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_a_change_with_its_reason_is_compared_and_restored(open_page: OpenPage, admin: User, flow: Flow) -> None:
    page = open_page(admin)
    page.goto(f"/admin/flows/flow/{flow.pk}/change/")
    page.wait_for_selector(".flow-editor .ace_content")
    text = document(STEP, {**STEP, "name": "b"})
    page.locator(".flow-editor").evaluate("(holder, text) => holder.flowEditor.aceEditor.setValue(text, -1)", text)
    page.get_by_label("Why this change").fill("greet twice")
    page.locator("input[name=_continue]").click()
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Compare the two").click()
    expect(page.locator(".flow-kind-added")).to_have_text("added")
    expect(page.locator(".flow-new")).to_contain_text(["greet twice"])
    page.get_by_role("link", name="Version 1").click()
    page.get_by_role("button", name="Restore this version").click()
    expect(page.locator(".success")).to_contain_text("this is version 3")
    flow.refresh_from_db()
    assert json.loads(flow.flow_json) == {"procedures": [STEP]}


@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_has_to_be_scrolled_sideways(open_page: OpenPage, admin: User, flow: Flow, width: int) -> None:
    hostile = {**STEP, "name": LONG, "params": {LONG: LONG * 5}}
    with versions.keeping(flow, author=LONG, why=LONG):
        flow.flow_json = document(hostile)
        flow.save_fields(["flow_json"])
    page = open_page(admin, width=width, scripts=False)
    for path in ("", "2/", "compare/?old=1&new=2"):
        page.goto(f"/admin/flows/flow/{flow.pk}/versions/{path}")
        assert not scrolls_sideways(page)
