"""The picture of a flow in a real browser: redrawn while the document is edited, walked by keyboard."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Page, expect

from flows.models import Flow
from tests.browser.conftest import OpenPage
from tests.browser.test_logs import fits
from tests.browser.test_workflow import TWO_STEPS, address, choose_mode, editor, make_flow, type_document

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def boxes(page: Page) -> Any:
    return page.locator(".flow-picture .flow-box")


def names(page: Page) -> Any:
    return page.locator(".flow-picture .flow-row-name text")


def state(page: Page) -> Any:
    return page.locator(".flow-picture-state")


def remember_gotos(page: Page) -> None:
    page.evaluate("window.gotos = []")
    page.locator(".flow-document").evaluate(
        "box => box.addEventListener('flow-goto', event => window.gotos.push(event.detail.pointer))"
    )


def test_the_picture_follows_the_document_while_it_is_edited(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    expect(names(page)).to_have_text(["a", "b"])
    type_document(page, TWO_STEPS.replace('"b"', '"other"').replace("@a.msg", "@x.msg"))
    expect(names(page)).to_have_text(["a", "other"])
    expect(state(page)).to_have_text("2 steps, 1 finding")
    expect(page.locator(".flow-picture .flow-wrong")).to_have_attribute("data-pointer", "/procedures/1")
    assert Flow.objects.get().flow_json == TWO_STEPS


def test_the_last_picture_stays_while_the_text_is_half_written(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    type_document(page, TWO_STEPS[:-3])
    expect(page.locator(".flow-picture-message")).to_contain_text("a { or [ is not closed")
    expect(page.locator(".flow-picture-old .flow-box")).to_have_count(2)
    type_document(page, TWO_STEPS)
    expect(page.locator(".flow-picture-message")).to_have_count(0)
    expect(page.locator(".flow-picture-old")).to_have_count(0)
    expect(boxes(page)).to_have_count(2)


def test_the_picture_follows_an_edit_in_the_tree(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    editor(page)
    choose_mode(page, "Tree")
    page.locator(".jsoneditor-expand-all").click()
    page.locator(".jsoneditor-value", has_text="@a.msg").fill("plain")
    expect(page.locator(".flow-picture .flow-arrow")).to_have_count(0)


def test_fast_typing_is_asked_about_once_and_the_last_text_wins(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    editor(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/picture/") else None)
    for number in range(20):
        text = TWO_STEPS.replace('"b"', f'"b{number}"')
        page.locator(".flow-document").evaluate(
            "(box, text) => box.dispatchEvent(new CustomEvent('flow-document-changed', {detail: {text}}))", text
        )
    expect(names(page)).to_have_text(["a", "b19"])
    assert len(asked) <= 2


def test_the_picture_says_when_it_cannot_be_redrawn(open_page: OpenPage, admin: User, settings: Any) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    editor(page)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    type_document(page, TWO_STEPS + "\n")
    expect(state(page)).to_contain_text("no longer logged in")
    expect(boxes(page)).to_have_count(2)


def test_the_keyboard_walks_the_steps_lights_their_arrows_and_leads_to_the_document(
    open_page: OpenPage, admin: User
) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    editor(page)
    remember_gotos(page)
    page.get_by_role("link", name="Download the stored flow").focus()
    page.keyboard.press("Tab")
    # Chromium stops at what scrolls only where nothing in it can be focused.
    first = page.get_by_role("button", name="Step 1, a. Calls common.Kt.prt. Read by Step 2, b.")
    expect(first).to_be_focused()
    expect(page.locator(".flow-lit")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(boxes(page).nth(1)).to_be_focused()
    expect(page.locator(".flow-lit")).to_have_count(0)
    page.keyboard.press("Enter")
    boxes(page).first.click()
    assert page.evaluate("window.gotos") == ["/procedures/1", "/procedures/0"]
    boxes(page).nth(1).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.flow-picture')") is None


def test_the_focus_stays_at_its_step_when_the_picture_is_redrawn(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow()))
    editor(page)
    boxes(page).nth(1).focus()
    text = TWO_STEPS.replace('"b"', '"c"')
    page.locator(".flow-document").evaluate(
        "(box, text) => box.dispatchEvent(new CustomEvent('flow-document-changed', {detail: {text}}))", text
    )
    expect(names(page)).to_have_text(["a", "c"])
    expect(boxes(page).nth(1)).to_be_focused()


def test_the_picture_needs_no_style_and_no_script_within_the_page(open_page: OpenPage, admin: User) -> None:
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_flow"))
    flow = make_flow()
    page = open_page(viewer)
    page.goto(address(flow))
    expect(boxes(page)).to_have_count(2)
    fill = boxes(page).first.locator(".flow-frame").evaluate("frame => getComputedStyle(frame).fill")
    assert fill not in {"rgb(0, 0, 0)", "none"}
    boxes(page).first.hover()
    expect(page.locator(".flow-lit")).to_have_count(1)
    boxes(page).nth(1).hover()
    expect(page.locator(".flow-lit")).to_have_count(0)
    width = page.locator(".flow-picture .flow-line").evaluate("line => getComputedStyle(line).strokeWidth")
    assert width == "3.5px"


@pytest.mark.parametrize("width", [390, 1440])
def test_a_wide_picture_scrolls_within_its_frame(open_page: OpenPage, admin: User, width: int) -> None:
    names = [f"s{place}" for place in range(30)]
    steps = [{"name": name, "mod": "common.Kt", "method": "prt", "params": {"msg": 1}} for name in names]
    everything = {"name": "all", "mod": "common.Kt", "method": "prt", "params": {"msg": [f"@{name}" for name in names]}}
    page = open_page(admin, width=width)
    page.goto(address(make_flow(json.dumps({"procedures": [*steps, everything]}))))
    expect(boxes(page)).to_have_count(31)
    assert fits(page)


def test_the_step_that_the_keyboard_reaches_is_in_sight(open_page: OpenPage, admin: User) -> None:
    steps = [
        {"name": f"s{place}", "mod": "common.Kt", "method": "prt", "params": {"msg": "@s0.msg" if place else 1}}
        for place in range(40)
    ]
    page = open_page(admin)
    page.goto(address(make_flow(json.dumps({"procedures": steps}))))
    boxes(page).first.focus()
    page.keyboard.press("End")
    expect(boxes(page).last).to_be_focused()
    expect(boxes(page).last.locator(".flow-frame")).to_be_in_viewport(ratio=1)


def test_without_scripts_the_picture_is_there(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin, scripts=False)
    page.goto(address(make_flow()))
    expect(boxes(page)).to_have_count(2)
    expect(page.locator(".flow-picture .flow-arrow")).to_have_count(1)


def long_document(steps: int = 100) -> str:
    made = [
        {"name": f"s{n}", "mod": "common.Kt", "method": "prt", "params": {"msg": f"@s{n - 1}.msg" if n else 1}}
        for n in range(steps)
    ]
    return json.dumps({"procedures": made})


def test_a_long_picture_is_turned_part_by_part_as_the_text_stands(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(address(make_flow(long_document())))
    editor(page)
    expect(boxes(page)).to_have_count(40)
    page.locator(".flow-document").evaluate(
        "(box, text) => box.dispatchEvent(new CustomEvent('flow-document-changed', {detail: {text}}))",
        long_document().replace('"s99"', '"last"'),
    )
    parts = page.get_by_role("navigation", name="Parts of the picture")
    parts.get_by_role("link").last.focus()
    page.keyboard.press("Enter")
    expect(names(page).last).to_have_text("last")
    expect(boxes(page)).to_have_count(20)
    expect(parts.locator("[aria-current]")).to_be_focused()
    assert "picture=" not in page.url


def test_without_scripts_a_long_picture_has_links_to_its_parts(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin, scripts=False)
    page.goto(address(make_flow(long_document())))
    expect(boxes(page)).to_have_count(40)
    page.get_by_role("navigation", name="Parts of the picture").get_by_role("link").last.click()
    expect(boxes(page)).to_have_count(20)
    expect(names(page).last).to_have_text("s99")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_of_a_long_flow_fits(open_page: OpenPage, admin: User, width: int) -> None:
    page = open_page(admin, width=width)
    page.goto(address(make_flow(long_document(500))))
    expect(page.locator(".flow-picture-parts a")).to_have_count(13)
    assert fits(page)
