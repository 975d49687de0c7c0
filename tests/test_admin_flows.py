"""The admin of the flows, asked from outside: pages, forms, actions, and who may do what."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from flows import runs, services
from flows.engine import FlowDefinition
from flows.forms import FlowForm, as_shown, fingerprint
from flows.models import Flow, Run
from flows.outcome import RunOutcome, StepOutcome
from tests.users import client_with
from tests.waiting import wait_for_runs

LIST = "/admin/flows/flow/"
ADD = "/admin/flows/flow/add/"
HELLO = {"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}]}
FAILS = {"procedures": [*HELLO["procedures"], {**HELLO["procedures"][0], "name": "b", "params": {"msg": "@a.nokey"}}]}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"

Factory = Callable[..., Flow]
pytestmark = pytest.mark.django_db


def make_flow(name: str = "hello", document: Any = HELLO, **fields: Any) -> Flow:
    text = document if isinstance(document, str) else json.dumps(document, indent=2)
    return Flow.objects.create(**{"flow_name": name, "flow_json": text, "enabled": True, **fields})


def page(flow: Flow, name: str = "change") -> str:
    return reverse(f"admin:flows_flow_{name}", args=[flow.pk])


def posted(flow: Flow | None = None, **changes: Any) -> dict[str, Any]:
    """Return what the form of a page sends when nothing but `changes` was typed."""
    form = FlowForm(instance=flow)
    data: dict[str, Any] = {}
    for field in form:
        value = field.value()
        if value not in {None, False}:
            data[field.html_name] = value
            if field.field.show_hidden_initial:
                data[field.html_initial_name] = value
    if flow:
        data["flow_json-opened"] = fingerprint(as_shown(flow.flow_json))
    data |= changes
    return {key: value for key, value in data.items() if value is not None}


def errors_of(response: Any, field: str = "flow_json") -> list[str]:
    errors: list[str] = response.context["adminform"].form.errors.get(field, [])
    return errors


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def rows_of(response: Any) -> list[Flow]:
    return list(response.context["cl"].result_list)


# The list


def test_rows_that_others_wrote_are_listed_with_null_flags_off_and_bad_documents_marked(admin: Client) -> None:
    make_flow("null flags", enabled=None, deleted=None)
    make_flow("not an object", "[1]")
    make_flow("nested", "[" * 19 + "]" * 19)
    make_flow("wrong list", '{"procedures": 1}')
    if connection.vendor == "sqlite":
        make_flow("no json", '{"procedures": [')
        make_flow("too deep", "[" * 100_000)
    response = admin.get(LIST)
    bad = Flow.objects.count() - 1
    assert response.content.decode().count('<span class="flow-bad">not readable</span>') == bad
    assert response.content.decode().count("checked") == bad


def test_the_list_takes_the_same_few_queries_for_one_flow_and_for_fifty(
    admin: Client, django_assert_num_queries: Any
) -> None:
    make_flow()
    with django_assert_num_queries(6):
        admin.get(LIST)
    for number in range(49):
        make_flow(f"flow {number}")
    with django_assert_num_queries(6):
        assert len(rows_of(admin.get(LIST))) == 50


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["off", "on", "unset"]),
        ("?enabled=yes", ["on"]),
        ("?enabled=no", ["off", "unset"]),
        ("?deleted=yes", ["gone"]),
        ("?deleted=all", ["gone", "off", "on", "unset"]),
        ("?q=n", ["on", "unset"]),
        ("?q=gone&deleted=yes", ["gone"]),
        ("?updated_at__gte=2000-01-01+00:00:00%2B00:00", ["off", "on", "unset"]),
        ("?updated_at__lt=2000-01-01+00:00:00%2B00:00", []),
    ],
)
def test_the_filters_take_null_for_off_and_hide_what_is_deleted(admin: Client, query: str, names: list[str]) -> None:
    make_flow("on")
    make_flow("off", enabled=False)
    make_flow("unset", enabled=None, deleted=None)
    make_flow("gone", deleted=True)
    assert [flow.flow_name for flow in rows_of(admin.get(LIST + query))] == names


def test_an_empty_list_says_how_to_begin(admin: Client) -> None:
    text = admin.get(LIST).content.decode()
    assert "No flows yet" in text
    assert "importflows samples" in text
    searched = admin.get(LIST + "?q=x").content.decode()
    assert "No flows yet" not in searched
    assert "No flow has “<bdi>x</bdi>” in its name." in searched
    assert "No flow passes the filter." in admin.get(LIST + "?deleted=yes").content.decode()


def inline(*rows: tuple[Flow, bool, bool]) -> dict[str, Any]:
    """Return what the list sends: for each flow, the switch as it was shown and as it was left."""
    data: dict[str, Any] = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save"}
    for number, (flow, shown, left) in enumerate(rows):
        data[f"form-{number}-id"] = flow.pk
        data[f"initial-form-{number}-enabled"] = str(shown)
        if left:
            data[f"form-{number}-enabled"] = "on"
    return data


def test_the_inline_switch_saves_only_the_flags_that_were_moved(admin: Client) -> None:
    moved, left, unset = make_flow("moved"), make_flow("left"), make_flow("unset", enabled=None)
    Flow.objects.update(updated_at="2020-01-01T00:00Z")
    response = admin.post(LIST, inline((moved, True, False), (left, True, True), (unset, False, False)), follow=True)
    assert messages_of(response) == ["1 flow was changed successfully."]
    for flow in (moved, left, unset):
        flow.refresh_from_db()
    assert (moved.enabled, left.enabled, unset.enabled) == (False, True, None)
    assert moved.updated_at.year > 2020
    assert left.updated_at.year == unset.updated_at.year == 2020


def test_the_inline_switch_leaves_what_somebody_else_changed_since_the_list_was_opened(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = make_flow("mine"), make_flow("theirs", enabled=False)
    Flow.objects.filter(pk=theirs.pk).update(enabled=True)
    save_fields = Flow.save_fields

    def after_their_edit(flow: Flow, fields: list[str]) -> None:
        Flow.objects.filter(pk=flow.pk).update(flow_json="{}")
        save_fields(flow, fields)

    monkeypatch.setattr(Flow, "save_fields", after_their_edit)
    admin.post(LIST, inline((mine, True, False), (theirs, False, False)))
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert (mine.enabled, mine.flow_json) == (False, "{}")
    assert theirs.enabled is True


def test_the_switch_of_a_deleted_flow_cannot_be_moved(admin: Client) -> None:
    gone = make_flow("gone", deleted=True)
    assert "disabled" in admin.get(LIST + "?deleted=yes").content.decode()
    admin.post(LIST + "?deleted=yes", inline((gone, True, False)))
    gone.refresh_from_db()
    assert gone.enabled is True


@pytest.mark.parametrize(
    "data",
    [
        {"_save": "Save"},
        {"_save": "Save", "form-TOTAL_FORMS": "x", "form-INITIAL_FORMS": "-1"},
        {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "none"},
        {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "999999"},
        {"index": "0", "action": "no_such_action", "_selected_action": "1"},
        {"index": "0", "action": "run_selected", "_selected_action": "x"},
        {"index": "0", "action": "run_selected", "_selected_action": "9" * 30},
        {"index": "x", "action": "run_selected", "_selected_action": "999"},
        {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1", "form-0-id": "9" * 30},
        {"index": "0", "action": "run_selected"},
    ],
)
def test_a_bad_post_to_the_list_changes_nothing_and_is_no_server_error(admin: Client, data: dict[str, str]) -> None:
    flow = make_flow()
    assert admin.post(LIST, data).status_code < 500
    flow.refresh_from_db()
    assert flow.enabled is True


# Adding


def test_the_form_of_a_new_flow_holds_a_first_one_that_is_valid(admin: Client) -> None:
    form = admin.get(ADD).context["adminform"].form
    assert services.check_document(form["flow_json"].value()).findings == ()


def test_a_flow_is_added_with_its_text_as_it_was_typed(admin: Client) -> None:
    text = '{"procedures":\r\n   [ {"method": "prt", "mod": "common.Kt", "name": "a", "params": {"msg": 1.0}} ] }'
    response = admin.post(ADD, posted(flow_name="new", flow_json=text, enabled="on"), follow=True)
    assert response.redirect_chain
    flow = Flow.objects.get(flow_name="new")
    assert json.loads(flow.flow_json) == json.loads(text)
    assert flow.enabled is True
    if connection.vendor == "sqlite" or _is_mariadb():
        assert flow.flow_json == text.replace("\r\n", "\n")


def _is_mariadb() -> bool:
    return bool(getattr(connection, "mysql_is_mariadb", False))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (" x", "begins or ends with a space"),
        ("x ", "begins or ends with a space"),
        ("a\x1b[31mb", "invisible character"),
        ("a\u202eb", "invisible character"),
        ("a\nb", "invisible character"),
        ("a\x00b", "Null characters"),
        ("x" * 129, "at most 128 characters"),
        ("", "This field is required."),
        ("   ", "begins or ends with a space"),
    ],
)
def test_a_name_that_nobody_could_type_or_see_is_refused(admin: Client, name: str, error: str) -> None:
    response = admin.post(ADD, posted(flow_name=name, flow_json=json.dumps(HELLO)))
    assert error in errors_of(response, "flow_name")[0]
    assert not Flow.objects.exists()


def test_a_name_that_is_taken_is_refused_with_a_link_to_who_holds_it(admin: Client) -> None:
    flow = make_flow("taken")
    response = admin.post(ADD, posted(flow_name="taken", flow_json=json.dumps(HELLO)))
    assert len(errors_of(response, "flow_name")) == 1
    assert f'<a href="{page(flow)}">taken</a>' in response.content.decode()


def test_a_name_that_a_deleted_flow_holds_is_refused_with_the_way_to_restore_it(admin: Client) -> None:
    gone = make_flow("<b>gone</b>", deleted=True)
    response = admin.post(ADD, posted(flow_name="<b>gone</b>", flow_json=json.dumps(HELLO)))
    text = response.content.decode()
    assert "The deleted flow “&lt;b&gt;gone&lt;/b&gt;” holds this name" in text
    assert f'<a href="{page(gone)}">open the deleted flow and restore it</a>' in text
    assert "<b>gone</b>" not in text


def test_names_that_the_database_takes_for_one_are_refused_as_taken(admin: Client) -> None:
    make_flow("Hello")
    response = admin.post(ADD, posted(flow_name="hello", flow_json=json.dumps(HELLO)))
    if connection.vendor == "mysql":
        assert "a flow of this name already" in errors_of(response, "flow_name")[0]
    else:
        assert Flow.objects.filter(flow_name="hello").exists()


@pytest.mark.django_db(transaction=True)
def test_a_name_that_is_taken_between_check_and_save_is_a_form_error(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_flow("raced")
    answers = iter([None])
    holder_of = type(Flow.objects.all()).holder_of
    monkeypatch.setattr(
        type(Flow.objects.all()), "holder_of", lambda rows, name, but: next(answers, holder_of(rows, name, but))
    )
    monkeypatch.setattr(FlowForm, "validate_unique", lambda form: None)
    response = admin.post(ADD, posted(flow_name="raced", flow_json=json.dumps(HELLO)))
    assert response.status_code == 200
    assert "a flow of this name already" in errors_of(response, "flow_name")[0]


# Editing


def test_every_finding_is_shown_at_the_field_with_its_pointer_and_the_text_stays_as_typed(admin: Client) -> None:
    flow = make_flow()
    step = HELLO["procedures"][0]
    wrong = {"procedures": [{**step, "params": {"msg": "@b.msg"}}, {**step, "name": "c", "method": "<i>prt"}]}
    text = json.dumps(wrong, indent=5).replace(":", "  :")
    response = admin.post(page(flow), posted(flow, flow_json=text))
    errors = errors_of(response)
    assert [error.split("</code>")[0] for error in errors] == [
        "<code>/procedures/0/params/msg",
        "<code>/procedures/1/method",
    ]
    assert "<i>prt" not in response.content.decode()
    assert response.context["adminform"].form["flow_json"].value() == text
    flow.refresh_from_db()
    assert json.loads(flow.flow_json) == HELLO


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"procedures": [}', "line 1, column 17"),
        ('{\r\n "procedures": oops', "line 2, column 16"),
        ("", "This field is required."),
        ("</textarea><script>alert(1)</script>", "line 1, column 1"),
        ("[" * 100_000, "nested deeper than 20"),
        ('{"a": 1e999}', "1e999"),
        ('{"procedures": [], "procedures": []}', "more than once"),
        ("{" + " " * 1_048_576, "larger than 1 MiB"),
        ('{"procedures": "\x00"}', "Null characters"),
        ('"\\ud800"', "surrogate"),
    ],
)
def test_text_that_is_no_document_comes_back_verbatim_with_the_place(admin: Client, text: str, error: str) -> None:
    response = admin.post(ADD, posted(flow_name="new", flow_json=text))
    assert response.status_code == 200
    assert error in errors_of(response)[0]
    assert response.context["adminform"].form["flow_json"].value() == text
    assert "<script>alert(1)" not in response.content.decode()
    assert not Flow.objects.exists()


def test_a_stored_line_is_shown_laid_out_and_saving_it_unchanged_leaves_it_as_it_was(admin: Client) -> None:
    line = '{"procedures": [{"method": "prt", "mod": "common.Kt", "name": "a", "params": {"msg": 12345678901234567}}]}'
    flow = make_flow(document=line)
    Flow.objects.update(updated_at="2020-01-01T00:00Z")
    shown = admin.get(page(flow)).context["adminform"].form["flow_json"].value()
    assert shown.startswith('{\n  "procedures": [\n    {\n      "name": "a",\n      "mod"')
    admin.post(page(flow), posted(flow, flow_json=shown.replace("\n", "\r\n")))
    flow.refresh_from_db()
    assert flow.updated_at.year == 2020
    assert json.loads(flow.flow_json) == json.loads(line)
    assert "\n" not in flow.flow_json
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


@pytest.mark.parametrize("stored", ['{"procedures": oops', '{"a":\n1}', '{"a": 1, "a": 2}', ""])
def test_a_stored_text_that_is_no_json_or_has_a_layout_is_shown_as_it_is(stored: str) -> None:
    assert as_shown(stored) == stored


def test_a_save_writes_only_what_was_changed_on_the_page(admin: Client) -> None:
    flow = make_flow()
    data = posted(flow, flow_name="renamed")
    other = json.dumps({"procedures": [{**HELLO["procedures"][0], "name": "theirs"}]})
    Flow.objects.update(flow_json=other, enabled=False)
    assert admin.post(page(flow), data).status_code == 302
    flow.refresh_from_db()
    assert (flow.flow_name, flow.enabled, json.loads(flow.flow_json)) == ("renamed", False, json.loads(other))
    assert LogEntry.objects.get().get_change_message() == "Changed Name."


def test_a_document_that_somebody_else_changed_meanwhile_is_not_overwritten_without_a_word(admin: Client) -> None:
    flow = make_flow()
    mine = json.dumps({"procedures": [{**HELLO["procedures"][0], "name": "mine"}]})
    data = posted(flow, flow_json=mine)
    Flow.objects.update(flow_json='{"procedures": []}')
    response = admin.post(page(flow), data)
    assert "Somebody else changed this document" in errors_of(response)[0]
    assert response.context["adminform"].form["flow_json"].value() == mine
    flow.refresh_from_db()
    assert json.loads(flow.flow_json) == {"procedures": []}
    opened = response.context["adminform"].form["flow_json"].field.widget.opened
    assert admin.post(page(flow), {**data, "flow_json-opened": opened}).status_code == 302
    flow.refresh_from_db()
    assert json.loads(flow.flow_json) == json.loads(mine)


def test_an_edit_keeps_the_conflict_in_sight_while_other_errors_are_mended(admin: Client) -> None:
    flow = make_flow()
    data = posted(flow, flow_name=" bad")
    Flow.objects.update(flow_json='{"procedures": []}')
    response = admin.post(page(flow), data)
    widget = response.context["adminform"].form["flow_json"].field.widget
    assert widget.opened == data["flow_json-opened"]


def test_the_name_of_a_flow_can_be_kept_and_changed(admin: Client) -> None:
    flow = make_flow()
    make_flow("other")
    assert admin.post(page(flow), posted(flow)).status_code == 302
    assert "already" in errors_of(admin.post(page(flow), posted(flow, flow_name="other")), "flow_name")[0]


# Deleting and restoring


def test_deleting_on_the_page_marks_the_row_and_says_so_in_the_history(admin: Client) -> None:
    flow = make_flow()
    question = admin.get(page(flow, "delete")).content.decode()
    assert "Nothing is removed from the database" in question
    assert "related items" not in question
    response = admin.post(page(flow, "delete"), {"post": "yes"}, follow=True)
    assert "it is kept" in messages_of(response)[0]
    flow.refresh_from_db()
    assert flow.deleted is True
    assert LogEntry.objects.get().action_flag == DELETION


def test_the_delete_action_marks_and_the_restore_action_takes_the_mark_away(admin: Client) -> None:
    flows = [make_flow("a"), make_flow("b", deleted=None)]
    chosen = {"index": 0, "_selected_action": [flow.pk for flow in flows]}
    admin.post(LIST, {**chosen, "action": "delete_selected"})
    assert Flow.objects.deleted().count() == 2
    response = admin.post(LIST + "?deleted=yes", {**chosen, "action": "restore_selected"}, follow=True)
    assert messages_of(response)[-1] == "2 flows restored."
    assert Flow.objects.not_deleted().count() == 2
    assert LogEntry.objects.count() == 4


def test_the_page_of_a_deleted_flow_is_for_reading_and_has_a_button_to_restore_it(admin: Client) -> None:
    flow = make_flow(deleted=True)
    text = admin.get(page(flow)).content.decode()
    assert page(flow, "restore") in text
    assert page(flow, "run") not in text
    assert "<textarea" not in text
    assert admin.post(page(flow), posted(flow)).status_code == 403
    assert admin.post(page(flow, "delete"), {"post": "yes"}).status_code == 403
    admin.post(page(flow, "restore"))
    flow.refresh_from_db()
    assert flow.deleted is False


def test_the_enable_and_disable_actions_change_only_the_flows_that_need_it(admin: Client) -> None:
    flows = [make_flow("on"), make_flow("off", enabled=False), make_flow("unset", enabled=None)]
    chosen = {"index": 0, "_selected_action": [flow.pk for flow in flows]}
    response = admin.post(LIST, {**chosen, "action": "enable_selected"}, follow=True)
    assert messages_of(response) == ["2 flows enabled."]
    response = admin.post(LIST, {**chosen, "action": "disable_selected"}, follow=True)
    assert messages_of(response) == ["3 flows disabled."]
    response = admin.post(LIST, {**chosen, "action": "disable_selected"}, follow=True)
    assert "Nothing to do" in messages_of(response)[0]


# Running without a history; with one, a run is a row, and tests/test_admin_run_form.py looks at it


@pytest.fixture
def without_history(settings: Any) -> None:
    settings.FLOWS_HISTORY = False


@pytest.mark.django_db(transaction=True)
def test_the_run_button_runs_once_and_its_page_shows_each_step(admin: Client, without_history: None) -> None:
    flow = make_flow()
    assert page(flow, "run") in admin.get(page(flow)).content.decode()
    response = admin.post(page(flow, "run"), follow=True)
    assert response.redirect_chain == [(page(flow, "outcome"), 302)]
    text = response.content.decode()
    assert "hello succeeded: 1 step in" in text
    assert '<th scope="row">a</th>' in text
    assert "flow-status flow-succeeded" in text
    assert LogEntry.objects.get().get_change_message().startswith("Run: hello succeeded")


@pytest.mark.django_db(transaction=True)
def test_the_page_of_a_failed_run_names_the_step_and_its_error(admin: Client, without_history: None) -> None:
    flow = make_flow("fails", FAILS)
    text = admin.post(page(flow, "run"), follow=True).content.decode()
    assert "fails failed at b" in text
    assert text.count("flow-status flow-succeeded") == 1
    assert text.count("flow-status flow-failed") == 1
    assert "nokey" in text
    assert "later steps were not called" in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"enabled": False}, "is disabled"),
        ({"enabled": None}, "is disabled"),
        ({"deleted": True}, "is deleted"),
        ({"document": {"procedures": [{"name": "a"}]}}, "is invalid"),
    ],
)
def test_a_flow_that_cannot_be_run_says_why_in_page_and_action(
    admin: Client, fields: dict[str, Any], reason: str
) -> None:
    flow = make_flow(**fields)
    response = admin.post(page(flow, "run"), follow=True)
    assert reason in response.content.decode()
    assert "Nothing was executed." in response.content.decode()
    chosen = {"index": 0, "action": "run_selected", "_selected_action": [flow.pk]}
    response = admin.post(LIST + "?deleted=all", chosen, follow=True)
    assert reason in messages_of(response)[0]


@pytest.mark.django_db(transaction=True)
def test_the_run_action_gives_one_message_a_flow_with_a_link(admin: Client, without_history: None) -> None:
    flows = [make_flow(), make_flow("fails", FAILS)]
    chosen = {"index": 0, "action": "run_selected", "_selected_action": [flow.pk for flow in flows]}
    response = admin.post(LIST, chosen, follow=True)
    assert response.redirect_chain == [(LIST, 302)]
    failed, succeeded = response.context["messages"]
    assert (failed.level_tag, succeeded.level_tag) == ("error", "success")
    assert "fails failed at b" in str(failed)
    assert '<a href="/admin/flows/syslog/?since=' in str(failed)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["button", "action"])
def test_no_transaction_is_open_while_a_flow_runs(
    admin: Client, without_history: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    flow = make_flow()
    open_transactions: list[bool] = []
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    run_unrecorded = runs.run_unrecorded

    def watched(name: str, definition: FlowDefinition, inputs: dict[str, Any]) -> RunOutcome:
        return run_unrecorded(
            name, definition, inputs, lambda event: open_transactions.append(connection.in_atomic_block)
        )

    monkeypatch.setattr(runs, "run_unrecorded", watched)
    if how == "button":
        admin.post(page(flow, "run"))
    else:
        admin.post(LIST, {"index": 0, "action": "run_selected", "_selected_action": [flow.pk]})
    assert set(open_transactions) == {False}


def test_the_outcome_page_of_another_flow_or_session_says_that_there_is_none(admin: Client) -> None:
    flow = make_flow()
    assert "There is no outcome to show" in admin.get(page(flow, "outcome")).content.decode()


def test_what_a_procedure_raised_is_shown_escaped(
    admin: Client, without_history: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = make_flow(HOSTILE)
    failed = StepOutcome(HOSTILE, "failed", 0.1, HOSTILE)
    outcome = RunOutcome(HOSTILE, (failed,), 0.1, {}, error=ValueError(HOSTILE), warnings=(HOSTILE,))
    monkeypatch.setattr(runs, "run_unrecorded", lambda *given: outcome)
    text = admin.post(page(flow, "run"), follow=True).content.decode()
    assert_harmless(text)
    chosen = {"index": 0, "action": "run_selected", "_selected_action": [flow.pk]}
    assert_harmless(admin.post(LIST, chosen, follow=True).content.decode())


def assert_harmless(text: str) -> None:
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b" in text
    assert r"\u202e" in text


@pytest.mark.parametrize("name", ["change", "delete", "history"])
def test_a_hostile_name_is_harmless_on_every_page(admin: Client, name: str) -> None:
    flow = make_flow(HOSTILE)
    text = admin.get(page(flow, name)).content.decode()
    # The field in which the name is mended holds it as it is.
    assert_harmless(text.replace('value="&lt;script&gt;alert(1)&lt;/script&gt;\x1b[31m\u202eevil"', ""))
    assert_harmless(admin.get(LIST).content.decode())


def test_a_reader_sees_the_document_escaped_and_laid_out() -> None:
    flow = make_flow(document=json.dumps({"procedures": [], "_note": "<script>alert(1)</script>\u202e"}))
    text = client_with("view_flow").get(page(flow)).content.decode()
    assert "&lt;script&gt;" in text
    assert "<textarea" not in text
    assert "<script>alert" not in text


# Who may do what: for each page and each POST, what a client with these permissions is answered.

NOBODY: tuple[str, ...] = ()
VIEW, CHANGE, RUN, ADD_ONLY, DELETE = (
    (permission,) for permission in ("view_flow", "change_flow", "run_flow", "add_flow", "delete_flow")
)
GETS: dict[str, dict[tuple[str, ...], int]] = {
    "list": {VIEW: 200, CHANGE: 200},
    "add": {ADD_ONLY: 200},
    "change": {VIEW: 200, CHANGE: 200},
    "delete": {DELETE: 200},
    "history": {VIEW: 200, CHANGE: 200},
    "outcome": {RUN: 200},
    "run": {RUN: 200},
}
POSTS = {
    "add": {ADD_ONLY: 302},
    "change": {CHANGE: 302},
    "delete": {DELETE: 302},
    "restore": {CHANGE: 302},
    "run": {RUN: 302},
}
EVERYBODY = [NOBODY, VIEW, CHANGE, RUN, ADD_ONLY, DELETE]


def url_of(name: str, flow: Flow) -> str:
    return {"list": LIST, "add": ADD}.get(name) or page(flow, name)


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
def test_each_page_is_open_to_those_with_its_permission_alone(who: tuple[str, ...]) -> None:
    flow = make_flow()
    client = client_with(*who)
    answers = {name: client.get(url_of(name, flow)).status_code for name in GETS}
    assert answers == {name: allowed.get(who, 403) for name, allowed in GETS.items()}


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
@pytest.mark.parametrize("name", POSTS)
@pytest.mark.django_db(transaction=True)
def test_each_post_acts_for_those_with_its_permission_alone(who: tuple[str, ...], name: str) -> None:
    flow = make_flow(deleted=name == "restore")
    before = Flow.objects.values().get()
    data = posted(flow, flow_name="renamed") if name == "change" else {"post": "yes"}
    data = posted(flow_name="second", flow_json=json.dumps(HELLO)) if name == "add" else data
    allowed = who in POSTS[name]
    assert client_with(*who).post(url_of(name, flow), data).status_code == (302 if allowed else 403)
    acted = list(Flow.objects.values()) != [before] or LogEntry.objects.exists()
    assert acted is allowed
    wait_for_runs()


@pytest.mark.parametrize("name", GETS)
def test_a_superuser_may_open_every_page(admin: Client, name: str) -> None:
    assert admin.get(url_of(name, make_flow())).status_code == 200


@pytest.mark.parametrize("name", [*GETS, "restore"])
def test_without_a_login_every_page_and_post_leads_to_the_login(client: Client, name: str) -> None:
    flow = make_flow()
    before = Flow.objects.values().get()
    for answer in (client.get(url_of(name, flow)), client.post(url_of(name, flow), {"post": "yes"})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert Flow.objects.values().get() == before


@pytest.mark.parametrize(("name", "status"), [("run", 200), ("restore", 405)])
def test_a_get_does_nothing(admin: Client, name: str, status: int) -> None:
    flow = make_flow(deleted=name == "restore")
    before = Flow.objects.values().get()
    assert admin.get(page(flow, name)).status_code == status
    assert not Run.objects.exists()
    assert Flow.objects.values().get() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ["run", "restore", "change", "delete"])
def test_a_post_without_the_csrf_token_is_refused(admin_user: User, name: str) -> None:
    flow = make_flow(deleted=name == "restore")
    before = Flow.objects.values().get()
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(page(flow, name), {"post": "yes"}).status_code == 403
    assert Flow.objects.values().get() == before


@pytest.mark.parametrize("name", ["run", "outcome", "restore", "change", "delete"])
@pytest.mark.parametrize("key", ["999999", "9" * 30, "x", "1_2F2", "' OR 1=1"])
def test_an_unknown_flow_is_answered_with_a_redirect_not_an_error(admin: Client, name: str, key: str) -> None:
    url = reverse(f"admin:flows_flow_{name}", args=[key])
    response = admin.get(url) if name == "outcome" else admin.post(url, {"post": "yes"})
    assert response.status_code == 302


def test_buttons_and_actions_are_offered_only_to_those_who_may_use_them() -> None:
    flow = make_flow()
    reader = client_with("view_flow")
    text = reader.get(page(flow)).content.decode() + reader.get(LIST).content.decode()
    for word in (page(flow, "run"), "run_selected", "enable_selected", "delete_selected", "restore_selected", "_save"):
        assert word not in text
    runner = client_with("view_flow", "run_flow")
    assert page(flow, "run") in runner.get(page(flow)).content.decode()
    assert "run_selected" in runner.get(LIST).content.decode()


def test_an_action_that_is_not_offered_cannot_be_posted_either() -> None:
    flow = make_flow()
    before = Flow.objects.values().get()
    reader = client_with("view_flow")
    for action in ("run_selected", "enable_selected", "disable_selected", "delete_selected", "restore_selected"):
        reader.post(LIST, {"index": 0, "action": action, "_selected_action": [flow.pk]})
    reader.post(LIST, inline((flow, True, False)))
    assert Flow.objects.values().get() == before
    assert not LogEntry.objects.exists()


def test_even_a_superuser_cannot_remove_a_row_in_the_admin(admin_user: User) -> None:
    flow = make_flow()
    flow_admin = site._registry[Flow]
    request: HttpRequest = RequestFactory().post("/")
    request.user = admin_user
    flow_admin.delete_model(request, flow)
    flow_admin.delete_queryset(request, Flow.objects.all())
    assert Flow.objects.get().deleted is True


def test_the_history_writes_times_as_every_other_page_does(admin: Client) -> None:
    flow = make_flow()
    admin.post(page(flow), posted(flow, flow_name="other"))
    made = timezone.localtime(LogEntry.objects.get().action_time)
    assert f"{made:%Y-%m-%d %H:%M:%S}" in admin.get(page(flow, "history")).content.decode()
