"""Editing a flow with all that stands around the text, in a real browser under a strict Content-Security-Policy."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from flows.models import Flow
from tests.browser.conftest import OpenPage
from tests.browser.test_workflow import address, choose_mode, editor, make_flow, note, save, text_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

COMPARE = {"name": "large", "mod": "common.Demo", "method": "compare", "params": {"value": 3, "at_least": 2}}
TELL = {"name": "tell", "mod": "common.Kt", "method": "prt", "params": {"msg": "@large.holds"}}
TEXT = json.dumps({"procedures": [COMPARE, TELL]}, indent=2) + "\n"


def open_editor(open_page: OpenPage, user: User, text: str = TEXT, **options: Any) -> tuple[Page, Flow]:
    """Open the page of a flow."""
    flow = make_flow(text)
    page = open_page(user, **options)
    page.goto(address(flow))
    editor(page)
    return page, flow


def put_cursor(page: Page, before: str) -> None:
    """Put the cursor before a piece of the text, as a click does."""
    editor(page).evaluate(
        """(holder, before) => {
            const { aceEditor } = holder.flowEditor;
            const { doc } = aceEditor.session;
            aceEditor.moveCursorToPosition(doc.indexToPosition(holder.flowEditor.getText().indexOf(before)));
            aceEditor.clearSelection();
            aceEditor.focus();
        }""",
        before,
    )


def selected(page: Page) -> str:
    text: str = editor(page).evaluate("holder => holder.flowEditor.aceEditor.getSelectedText()")
    return text


def summary(page: Page) -> Any:
    return page.locator(".flow-check-summary")


def options(page: Page) -> Any:
    return page.locator(".flow-completion:visible [role=option]")


def test_the_way_of_an_author_from_a_wrong_reference_to_a_saved_flow(open_page: OpenPage, admin: User) -> None:
    page, flow = open_editor(open_page, admin)
    expect(summary(page)).to_contain_text("Passes the check. 2 steps, 1 reference: 1 proved, 0 assumed")

    # A wrong reference is found while it is typed; the finding leads there, and mends it.
    put_cursor(page, "holds")
    page.keyboard.press("Delete")
    expect(summary(page)).to_contain_text("Does not pass the check. 1 finding")
    page.keyboard.press("Escape")
    put_cursor(page, "{")
    page.locator(".flow-findings a").click()
    assert selected(page) == "@large.olds"
    page.get_by_role("button", name='Write "@large.holds"').click()
    expect(summary(page)).to_contain_text("Passes the check")
    assert text_in(page) == TEXT

    # A reference is completed by keys alone.
    put_cursor(page, '@large.holds"')
    for _ in "@large.holds":
        page.keyboard.press("Delete")
    page.keyboard.type("@l")
    expect(options(page)).to_have_count(2)
    expect(page.locator(".flow-completion [aria-selected=true]")).to_contain_text("@large")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(options(page)).to_have_count(0)
    assert text_in(page) == TEXT
    put_cursor(page, '"common.Demo"')
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Control+Space")
    expect(options(page).filter(has_text="table.Csv")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(options(page)).to_have_count(0)

    # A procedure is found and inserted behind the step of the cursor.
    page.get_by_label("Search").fill("wait seconds")
    page.get_by_role("button", name="Insert a step that calls common.Demo.sleep").click()
    expect(page.locator(".flow-step-name")).to_have_text("Step sleep (2 of 3)")
    assert selected(page) == "sleep"
    expect(summary(page)).to_contain_text("Passes the check. 3 steps")

    # A step is renamed with its references, and one undo takes all of it back.
    put_cursor(page, "at_least")
    expect(page.locator(".flow-step-name")).to_have_text("Step large (1 of 3)")
    before = text_in(page)
    page.get_by_role("button", name="Rename…").click()
    expect(page.get_by_label("New name")).to_have_value("large")
    page.get_by_label("New name").fill("is_large")
    page.keyboard.press("Enter")
    expect(page.get_by_label("New name")).to_be_hidden()
    renamed = before.replace('"large"', '"is_large"').replace("@large", "@is_large")
    assert text_in(page) == renamed
    page.keyboard.press("Control+Z")
    assert text_in(page) == before
    page.keyboard.press("Control+Shift+Z")
    assert text_in(page) == renamed

    page.locator("input[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert flow.flow_json == renamed


def test_a_move_that_would_break_the_flow_is_refused_with_the_reason(open_page: OpenPage, admin: User) -> None:
    page, _ = open_editor(open_page, admin)
    put_cursor(page, "at_least")
    page.get_by_role("button", name="Move down").click()
    expect(note(page)).to_contain_text('would no longer pass the check: /procedures/0/params/msg: "@large.holds"')
    assert text_in(page) == TEXT
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator(".flow-step-name")).to_have_text("Step large2 (2 of 3)")
    expect(note(page)).to_be_hidden()
    page.get_by_role("button", name="Move up").click()
    expect(page.locator(".flow-step-name")).to_have_text("Step large2 (1 of 3)")


def test_late_answers_are_dropped_and_one_question_is_asked_at_a_time(open_page: OpenPage, admin: User) -> None:
    page, _ = open_editor(open_page, admin)
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route("**/flow/check/", hold)
    put_cursor(page, "holds")
    page.keyboard.press("Delete")
    page.wait_for_timeout(600)
    page.keyboard.press("Control+Z")
    page.wait_for_timeout(600)
    assert len(waiting) == 1
    waiting.pop().continue_()
    page.wait_for_timeout(900)
    # The answer about the text before was not shown; the next question is about the text as it is.
    expect(summary(page)).to_contain_text("Passes the check")
    assert len(waiting) == 1
    expect(page.locator(".flow-check-panel")).to_have_class("flow-check-panel flow-stale")
    waiting.pop().continue_()
    expect(page.locator(".flow-check-panel")).to_have_class("flow-check-panel")


def test_an_editor_whose_session_has_ended_is_told_and_keeps_the_text(open_page: OpenPage, admin: User) -> None:
    page, _ = open_editor(open_page, admin)
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    put_cursor(page, "holds")
    page.keyboard.type("x")
    expect(page.locator(".flow-check-said")).to_contain_text("You are no longer signed in")
    page.get_by_role("button", name="Duplicate").click()
    expect(note(page)).to_contain_text("You are no longer signed in")
    assert "@large.xholds" in text_in(page)


def test_each_edit_in_either_mode_is_told_to_the_page_and_the_page_can_send_the_cursor(
    open_page: OpenPage, admin: User
) -> None:
    page, _ = open_editor(open_page, admin)
    page.evaluate(
        """() => {
            window.told = [];
            document.addEventListener("flow-document-changed", (event) => window.told.push(event.detail.text));
        }"""
    )
    put_cursor(page, "holds")
    page.keyboard.type("x")
    assert page.evaluate("window.told.at(-1)") == text_in(page) == TEXT.replace("@large.", "@large.x")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Z")
    choose_mode(page, "Tree")
    page.locator(".jsoneditor-expand-all").click()
    page.locator("div.jsoneditor-value.jsoneditor-string", has_text="tell").first.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("told")
    # The tree tells of a change a moment late.
    page.wait_for_timeout(500)
    assert page.evaluate("window.told.at(-1)") == TEXT.replace('"tell"', '"told"')

    page.locator(".flow-document").evaluate(
        "box => box.dispatchEvent(new CustomEvent('flow-goto', { detail: { pointer: '/procedures/1/name' } }))"
    )
    expect(page.locator(".flow-step-name")).to_have_text("Step told (2 of 2)")
    assert selected(page) == "told"


def test_all_of_it_is_reached_by_keys(open_page: OpenPage, admin: User) -> None:
    page, _ = open_editor(open_page, admin, TEXT.replace("holds", "hols"))
    page.locator("#id_enabled").focus()
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.ace_editor') !== null"):
            page.keyboard.press("Escape")
        reached.append(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.type"))
    for name in ("/procedures/1/params/msg", 'Write "@large.holds"', "search", "Insert"):
        assert name in reached
    page.locator(".flow-findings a").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(summary(page)).to_contain_text("Passes the check")


def test_without_scripts_the_check_and_the_procedures_stand_beside_the_field(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(TEXT.replace("holds", "hols"))
    page = open_page(admin, scripts=False)
    page.goto(address(flow))
    expect(summary(page)).to_contain_text("Does not pass the check. 1 finding")
    expect(page.locator(".flow-catalogue summary").first).to_be_visible()
    expect(page.locator(".flow-document button:visible")).to_have_count(0)
    expect(page.locator("#id_flow_json")).to_be_visible()
    page.locator(".flow-catalogue summary", has_text="common.Kt.prt").click()
    page.get_by_role("link", name="Where used").locator("visible=true").click()
    expect(page.locator("#content-main tbody td.flow-note")).to_have_text("tell")


def test_a_long_document_is_checked_while_it_is_typed(open_page: OpenPage, admin: User) -> None:
    steps = [{**COMPARE, "name": f"s{number}"} for number in range(499)]
    text = json.dumps({"procedures": [*steps, {**TELL, "params": {"msg": "@s7.holds"}}]}, indent=2) + "\n"
    page, flow = open_editor(open_page, admin, text)
    put_cursor(page, '"tell"')
    page.keyboard.press("ArrowRight")
    for character in "quickly":
        page.keyboard.type(character)
    expect(page.locator(".flow-step-name")).to_have_text("Step quicklytell (500 of 500)")
    put_cursor(page, "@s7")
    page.keyboard.press("Control+Space")
    expect(options(page)).to_have_count(100)
    page.keyboard.press("Escape")
    save(page)
    flow.refresh_from_db()
    assert flow.flow_json == text.replace("tell", "quicklytell")
