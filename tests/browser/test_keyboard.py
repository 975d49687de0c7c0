"""The way of a person without a mouse: log in, edit, insert, look at the picture, save, run, cancel, resume."""

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from flows.models import Flow, Run, Status
from tests.browser.conftest import OpenPage
from tests.browser.test_workflow import editor
from tests.waiting import wait_for_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STEP = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}
NAP = {"name": "nap", "mod": "common.Demo", "method": "sleep", "params": {"seconds": 6}}
DOCUMENT = json.dumps({"procedures": [STEP, NAP, {**STEP, "name": "last"}]}, indent=2) + "\n"
STOPS = 150

# An outline, a shadow, or what the picture and the editor draw instead.
IS_SEEN = """element => {
    const drawn = (one) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one);
        return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    };
    const frame = element.querySelector(".flow-frame");
    return drawn(element) || (frame !== null && parseFloat(getComputedStyle(frame).strokeWidth) >= 2);
}"""


@pytest.fixture(autouse=True)
def _no_run_outlives_its_test(transactional_db: None) -> Iterator[None]:
    yield
    wait_for_runs()


def go_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until the element has the focus, and see that it shows it."""
    expect(wanted).to_be_visible()
    for _ in range(STOPS):
        page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            assert wanted.evaluate(IS_SEEN), f"the focus is not seen on {wanted}"
            return
    raise AssertionError(f"{wanted} is not reached by {key}")


def press(page: Page, wanted: Locator, key: str = "Enter", by: str = "Tab") -> None:
    go_to(page, wanted, by)
    page.keyboard.press(key)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def link(page: Page, name: str) -> Locator:
    return page.locator("#content").get_by_role("link", name=name, exact=True)


def test_all_of_it_is_done_by_keyboard(open_page: OpenPage, admin: User) -> None:
    flow = Flow.objects.create(flow_name="report", flow_json=DOCUMENT, enabled=True)
    page = open_page(width=1440)
    page.goto("/admin/")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type("admin")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Overview")

    press(page, page.locator("#content a[href='/admin/flows/flow/']").first)
    press(page, link(page, "report"))

    # The text is a stop of its own: Enter goes in, Escape comes out.
    editor(page)
    press(page, page.locator(".ace_scroller"))
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".flow-step-name")).to_have_text("Step load (1 of 3)")
    page.keyboard.press("Escape")
    press(page, button(page, "Duplicate"), "Space", by="Shift+Tab")
    expect(page.locator(".flow-step-name")).to_have_text("Step load2 (2 of 4)")

    # What changes the text leaves the cursor in it.
    page.keyboard.press("Escape")
    go_to(page, page.get_by_label("Search"))
    page.keyboard.type("wait seconds")
    entries = page.locator(".flow-catalogue li:visible")
    press(page, entries.first.get_by_role("button"))
    expect(page.locator(".flow-check-summary")).to_contain_text("5 steps")
    page.keyboard.press("Escape")

    # The picture is one stop; the arrow keys go from step to step.
    boxes = page.locator(".flow-picture .flow-box")
    expect(boxes).to_have_count(5)
    go_to(page, boxes.first)
    page.keyboard.press("End")
    expect(boxes.last).to_be_focused()
    assert boxes.last.evaluate(IS_SEEN)
    page.keyboard.press("Enter")
    expect(page.locator(".flow-step-name")).to_have_text("Step last (5 of 5)")
    page.keyboard.press("Escape")

    press(page, page.locator("input[name=_continue]"))
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert len(json.loads(flow.flow_json)["procedures"]) == 5

    press(page, button(page, "Run"), "Space")
    expect(page.locator(".flow-summary.flow-running")).to_be_visible()
    press(page, button(page, "Cancel"), "Space")
    expect(page.locator(".flow-summary.flow-cancelled")).to_be_visible(timeout=20_000)
    press(page, link(page, "Resume"))
    press(page, button(page, "Resume with the run's own definition"))
    expect(page.locator(".flow-summary.flow-succeeded")).to_be_visible()
    assert Run.objects.filter(status=Status.SUCCEEDED).count() == 1
