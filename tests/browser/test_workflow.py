"""A person's way through the admin, in a real browser."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Dialog, Page, expect

from flows.models import Flow
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADD = "/admin/flows/flow/add/"
STEP = {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}
TWO_STEPS = json.dumps({"procedures": [STEP, {**STEP, "name": "b", "params": {"msg": "@a.msg"}}]}, indent=2)


def make_flow(text: str = TWO_STEPS) -> Flow:
    return Flow.objects.create(flow_name="hello", flow_json=text, enabled=True)


def address(flow: Flow) -> str:
    return f"/admin/flows/flow/{flow.pk}/change/"


def editor(page: Page) -> Any:
    """Wait for the editor and return its handle."""
    expect(page.locator(".flow-editor .jsoneditor")).to_be_visible()
    return page.locator(".flow-editor")


def text_in(page: Page) -> str:
    text: str = editor(page).evaluate("holder => holder.flowEditor.getText()")
    return text


def type_document(page: Page, text: str) -> None:
    """Replace the document by hand: select all, then insert as a paste does."""
    editor(page).locator(".ace_content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    assert text_in(page) == text


def choose_mode(page: Page, mode: str) -> None:
    page.locator(".jsoneditor-modes > button").click()
    page.locator(".jsoneditor-contextmenu .jsoneditor-text", has_text=mode).click()


def note(page: Page) -> Any:
    return page.locator(".flow-editor-message")


def save(page: Page) -> None:
    page.locator("input[name=_save]").click()


def test_the_way_of_a_new_user_from_login_to_the_logs(open_page: OpenPage, admin: User, database_logging: None) -> None:
    page = open_page()
    page.goto("/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", "admin")
    page.click("input[type=submit]")
    expect(page.locator("h1")).to_have_text("Overview")

    page.click("a[href='/admin/flows/flow/']:visible >> nth=0")
    page.locator(".flow-empty a", has_text="Add a flow").click()
    page.fill("#id_flow_name", "first")
    wrong = TWO_STEPS.replace("@a.msg", "@c.msg")
    type_document(page, wrong)
    save(page)
    expect(page.locator(".errorlist code")).to_have_text("/procedures/1/params/msg")
    assert text_in(page) == wrong
    assert not Flow.objects.exists()

    type_document(page, TWO_STEPS)
    page.locator("input[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_contain_text("was added successfully")
    assert Flow.objects.get().flow_json == TWO_STEPS

    page.get_by_role("button", name="Run").click()
    expect(page.locator(".flow-summary")).to_contain_text("Succeeded. 2 of 2 steps")
    expect(page.locator(".flow-status.flow-succeeded")).to_have_count(2)
    page.get_by_role("link", name="All rows of this run in the log").click()
    page.wait_for_timeout(1500)
    page.reload()
    expect(page.locator("#result_list tbody tr").first).to_be_visible()
    page.locator("#result_list tbody a").first.click()
    expect(page.locator("pre.flow-text")).to_be_visible()


@pytest.mark.parametrize("text", ['{"procedures": [', "oops", '{"a": "\t"}', "  spaces kept  \n\n", "</textarea>"])
def test_invalid_text_is_never_lost(open_page: OpenPage, admin: User, text: str) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    type_document(page, text)
    for _ in range(2):
        save(page)
        expect(page.locator(".field-flow_json .errorlist")).to_contain_text("line")
        assert text_in(page) == text
    flow.refresh_from_db()
    assert flow.flow_json == TWO_STEPS


EXACT = """{
  "procedures": [],
  "_note": {"10": 1.0, "2": 12345678901234567, "e": 1e3, "é": "\\u00e9", "z": 1, "a": 2}
}
"""


def test_numbers_keys_and_layout_survive_an_edit_in_code_mode(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(EXACT)
    page = open_page(admin)
    page.goto(address(flow))
    edited = EXACT.replace('"z": 1', '"z": 7')
    type_document(page, edited)
    save(page)
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert flow.flow_json == edited


def test_a_page_that_is_saved_untouched_sends_the_text_as_it_was(open_page: OpenPage, admin: User) -> None:
    flow = make_flow(EXACT)
    page = open_page(admin)
    page.goto(address(flow))
    editor(page)
    page.locator("input[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert flow.flow_json == EXACT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 12345678901234567}', "it would turn 12345678901234567 into 12345678901234568"),
        ('{"a": 1.0}', "it would turn 1.0 into 1"),
        ('{"10": 1, "2": 1}', "not keep all keys and values in their order"),
        ('{"a": 1, "a": 2}', "not keep all keys and values in their order"),
        ('{"a": oops', "no valid JSON yet"),
    ],
)
def test_tree_mode_and_format_are_refused_where_they_would_change_the_document(
    open_page: OpenPage, admin: User, text: str, reason: str
) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    type_document(page, text)
    choose_mode(page, "Tree")
    expect(note(page)).to_contain_text(reason)
    assert text_in(page) == text
    page.locator(".jsoneditor-format").click()
    expect(note(page)).to_contain_text(reason)
    assert text_in(page) == text


def test_an_edit_in_tree_mode_is_saved_laid_out(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    editor(page)
    choose_mode(page, "Tree")
    page.locator(".jsoneditor-expand-all").click()
    value = page.locator("div.jsoneditor-value.jsoneditor-string", has_text="hi").first
    value.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("changed")
    save(page)
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert flow.flow_json == TWO_STEPS.replace('"hi"', '"changed"') + "\n"


def test_back_from_tree_mode_the_text_is_guarded_as_before(open_page: OpenPage, admin: User) -> None:
    text = json.dumps({"procedures": [STEP]}, indent=2) + "\n"
    page = open_page(admin)
    page.goto(address(make_flow(text)))
    editor(page)
    choose_mode(page, "Tree")
    choose_mode(page, "Code")
    assert text_in(page) == text
    type_document(page, text.replace('"hi"', "1.0"))
    choose_mode(page, "Tree")
    expect(note(page)).to_contain_text("it would turn 1.0 into 1")
    assert text_in(page) == text.replace('"hi"', "1.0")


def test_a_number_that_tree_mode_rounds_is_refused_before_it_is_sent(open_page: OpenPage, admin: User) -> None:
    text = TWO_STEPS.replace('"hi"', "5")
    flow = make_flow(text)
    page = open_page(admin)
    page.goto(address(flow))
    editor(page)
    choose_mode(page, "Tree")
    page.locator(".jsoneditor-expand-all").click()
    page.locator("div.jsoneditor-value.jsoneditor-number").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("12345678901234567890")
    save(page)
    expect(note(page)).to_contain_text("Tree mode cannot hold 12345678901234567000 exactly")
    flow.refresh_from_db()
    assert flow.flow_json == text


def test_text_that_is_too_large_is_refused_before_it_is_sent(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    large = TWO_STEPS.replace("hi", "é" * 600_000)
    editor(page).evaluate("(holder, text) => holder.flowEditor.aceEditor.setValue(text)", large)
    save(page)
    expect(note(page)).to_contain_text("at most 1,048,576 can be stored")
    assert len(text_in(page)) == len(large)
    assert page.url.endswith(address(flow))


def test_a_large_document_is_saved(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    large = TWO_STEPS.replace('"hi"', json.dumps(["x" * 990] * 1000, indent=2))
    editor(page).evaluate("(holder, text) => holder.flowEditor.aceEditor.setValue(text)", large)
    save(page)
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert flow.flow_json == large


def test_without_scripts_the_field_is_a_plain_text_field(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin, scripts=False)
    page.goto(address(flow))
    page.fill("#id_flow_json", '{"procedures": oops')
    save(page)
    expect(page.locator(".field-flow_json .errorlist")).to_contain_text("line 1, column 16")
    expect(page.locator("#id_flow_json")).to_have_value('{"procedures": oops')
    page.fill("#id_flow_json", TWO_STEPS.replace('"hi"', '"ho"'))
    save(page)
    flow.refresh_from_db()
    assert flow.flow_json == TWO_STEPS.replace('"hi"', '"ho"')


def test_the_editor_works_under_a_policy_without_scripts_from_elsewhere_eval_or_workers(
    open_page: OpenPage, admin: User
) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    type_document(page, TWO_STEPS.replace('"hi"', '"ho"'))
    page.locator("input[name=_continue]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    flow.refresh_from_db()
    assert '"ho"' in flow.flow_json


def test_a_run_with_unsaved_changes_asks_first(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto(address(flow))
    type_document(page, "{}")
    questions: list[str] = []

    def refuse(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    page.get_by_role("button", name="Run").click()
    assert "The run takes the stored one" in questions[0]
    assert page.url.endswith(address(flow))


def test_the_list_switches_runs_deletes_and_restores(open_page: OpenPage, admin: User) -> None:
    flow = make_flow()
    page = open_page(admin)
    page.goto("/admin/flows/flow/")
    page.locator("#id_form-0-enabled").uncheck()
    save(page)
    expect(page.locator(".messagelist .success")).to_have_text("1 flow was changed successfully.")
    flow.refresh_from_db()
    assert flow.enabled is False
    for action, message in [
        ("run_selected", "is disabled"),
        ("enable_selected", "1 flow enabled."),
        ("run_selected", "of hello is started"),
        ("delete_selected", "1 flow deleted"),
    ]:
        page.locator("input.action-select").check()
        page.select_option("select[name=action]", action)
        page.locator("button[name=index]").click()
        expect(page.locator(".messagelist")).to_contain_text(message)
    page.locator("#changelist-filter").get_by_role("link", name="Deleted", exact=True).click()
    page.get_by_role("link", name="hello").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.locator(".messagelist .success")).to_contain_text("is restored")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit_a_narrow_screen_and_the_editor_has_the_colours_of_the_theme(
    open_page: OpenPage, admin: User, dark: bool
) -> None:
    flow = make_flow()
    page = open_page(admin, dark=dark, width=390)
    for path in ("/admin/flows/flow/", ADD, address(flow), "/admin/flows/syslog/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.goto(address(flow))
    editor(page)
    colours = "element => { const s = getComputedStyle(element); return [s.backgroundColor, s.color] }"
    body = page.locator("body").evaluate(colours)
    assert page.locator(".ace_scroller").evaluate(colours)[0] == body[0]
    choose_mode(page, "Tree")
    for part in (".jsoneditor-tree", ".jsoneditor-frame", ".jsoneditor-search input"):
        assert page.locator(part).first.evaluate(colours)[0] == body[0], part
    assert body[0] == ("rgb(18, 18, 18)" if dark else "rgb(255, 255, 255)")
