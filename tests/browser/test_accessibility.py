"""No page has a serious fault of accessibility that axe finds, in light and in dark, on a desk and on a phone."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page

from flows.models import Flow
from tests.browser.conftest import OpenPage
from tests.browser.every_page import LOOKS, make_site, pages
from tests.browser.test_workflow import editor
from tests.waiting import wait_for_runs

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def flow(database_logging: None) -> Iterator[Flow]:
    yield make_site()
    wait_for_runs()


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
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                found.append(f"{name}, {width}: wider than the screen")
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
