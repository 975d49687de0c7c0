"""The way of a new user through all pages, from the login to the old version of a flow, in a real browser."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from flows.models import Flow, Run
from tests.browser.conftest import OpenPage
from tests.browser.test_editor import options, put_cursor, summary
from tests.browser.test_runs import statuses
from tests.browser.test_workflow import editor, text_in
from tests.waiting import wait_for_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

INPUTS = '"inputs": {"copies": {"type": "integer", "minimum": 1, "maximum": 9}},\n  '
REFERENCE = '"@_input.copies"'
CALL = '"common.Kt",\n      "method": "prt",\n      "params": {"msg": "@sleep.seconds"}'


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test(transactional_db: None) -> Iterator[None]:
    yield
    wait_for_runs()


@pytest.fixture
def page(open_page: OpenPage, admin: User, database_logging: None) -> Page:
    return open_page(width=1440)


def test_a_new_user_goes_from_the_login_to_a_restored_version(page: Page) -> None:
    log_in(page)
    add_a_flow(page)
    first = flow().flow_json
    see_it_fail(page)
    mend_the_flow(page)
    resume(page)
    compare(page)
    restore(page)
    assert flow().flow_json == first


def flow() -> Flow:
    return Flow.objects.get()


def log_in(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill("admin")
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.locator("#content")).to_contain_text("No run is queued or running.")
    expect(page.locator("#content")).to_contain_text("No flows yet")


def add_a_flow(page: Page) -> None:
    page.get_by_role("link", name="Add a flow").click()
    page.locator("#id_flow_name").fill("report")
    page.locator("#id_enabled").check()
    editor(page)
    insert(page, "sleep")
    insert(page, "fail")
    expect(page.locator(".flow-picture-drawing")).to_contain_text("sleep")
    write_before(page, "0\n", "2.5")
    write_before(page, '"procedures"', INPUTS)
    complete_a_reference(page)
    be_refused(page)
    mend_the_reference(page)
    save(page)


def insert(page: Page, method: str) -> None:
    page.get_by_label("Search").fill(method)
    page.get_by_role("button", name=f"Insert a step that calls common.Demo.{method}").click()
    expect(page.locator(".flow-step-name")).to_contain_text(f"Step {method}")


def write_before(page: Page, place: str, text: str) -> None:
    put_cursor(page, place)
    page.keyboard.insert_text(text)


def complete_a_reference(page: Page) -> None:
    put_cursor(page, 'hello"')
    for _ in "hello":
        page.keyboard.press("Delete")
    page.keyboard.press("Control+Space")
    expect(options(page).filter(has_text="@_input.copies")).to_have_count(1)
    page.keyboard.type("@_input.c")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(options(page)).to_have_count(0)
    assert REFERENCE in text_in(page)
    expect(summary(page)).to_contain_text("Passes the check. 3 steps, 1 reference")


def be_refused(page: Page) -> None:
    put_cursor(page, '.copies"')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    expect(summary(page)).to_contain_text("Does not pass the check. 1 finding")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".field-flow_json .errorlist")).to_contain_text("/procedures/0/params/msg")
    assert not Flow.objects.exists()


def mend_the_reference(page: Page) -> None:
    editor(page)
    page.get_by_role("button", name=f"Write {REFERENCE}").click()
    expect(summary(page)).to_contain_text("Passes the check")
    assert REFERENCE in text_in(page)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()


def see_it_fail(page: Page) -> None:
    page.get_by_role("button", name="Run").click()
    page.get_by_label("copies").fill("99")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".form-row .errorlist")).to_contain_text("99")
    assert not Run.objects.exists()
    page.get_by_label("copies").fill("3")
    page.get_by_role("button", name="Run").click()
    expect(page.locator(".flow-summary.flow-running")).to_be_visible()
    expect(page.locator(".flow-summary.flow-failed")).to_contain_text("At step fail")
    assert statuses(page) == ["succeeded", "succeeded", "failed"]
    expect(page.locator(".run-error")).to_contain_text("failed on purpose")


def mend_the_flow(page: Page) -> None:
    page.get_by_role("link", name="report").click()
    editor(page)
    put_cursor(page, '"common.Demo",\n      "method": "fail"')
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(CALL)
    expect(summary(page)).to_contain_text("Passes the check. 3 steps, 2 references")
    expect(page.locator(".flow-picture-drawing")).to_contain_text("common.Kt.prt")
    page.get_by_label("Why this change").fill("tell it instead of failing")
    save(page)


def resume(page: Page) -> None:
    page.get_by_role("link", name="Runs", exact=True).locator("visible=true").last.click()
    # The newest run is the only one.
    page.locator("#result_list tbody th a").click()
    page.get_by_role("link", name="Resume").click()
    expect(page.locator(".flow-banner")).to_contain_text("has changed")
    page.get_by_role("button", name="Resume with the flow as it is stored now").click()
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible()
    assert statuses(page) == ["reused", "reused", "succeeded"]


def compare(page: Page) -> None:
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#first-divergence h3")).to_contain_text("fail")


def restore(page: Page) -> None:
    page.get_by_role("link", name=re.compile("^Run [0-9]+$")).last.click()
    page.get_by_role("link", name="report").click()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".flow-why").first).to_have_text("tell it instead of failing")
    page.get_by_role("link", name="1", exact=True).click()
    page.get_by_role("button", name="Restore this version").click()
    expect(page.locator(".messagelist .success")).to_contain_text("this is version 3")
