"""What the page of a flow asks while a document is typed, asked from outside: answers, permissions, bad questions."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from flows.models import Flow
from tests.test_admin_flows import HELLO, HOSTILE, make_flow, page
from tests.users import client_with

CHECK, COMPLETE, EDIT = (f"/admin/flows/flow/{name}/" for name in ("check", "complete", "edit"))
USED = "/admin/flows/flow/procedures/common.Kt/prt/"
STEP = HELLO["procedures"][0]
GOOD = json.dumps({"procedures": [STEP, {**STEP, "name": "b", "params": {"msg": "@a.msg"}}]}, indent=2)
WRONG = GOOD.replace("@a.msg", "@aa.msg")
QUESTIONS = {
    CHECK: {"document": GOOD},
    COMPLETE: {"document": GOOD, "cursor": "5"},
    EDIT: {"document": GOOD, "action": "rename", "cursor": str(GOOD.index('"a"')), "name": "c"},
}

BAD_PLACES = ("", "-1", "x", "1.5", "٣", "9" * 10)

pytestmark = pytest.mark.django_db


def ask(client: Client, address: str, **fields: Any) -> Any:
    return client.post(address, QUESTIONS[address] | fields)


def edited(client: Client, text: str, **fields: Any) -> str:
    """Return the text after an edit, done as the page does it."""
    answer = client.post(EDIT, {"document": text, **fields}).json()
    units = text.encode("utf-16-le")
    for start, end, new in sorted(answer["edits"], reverse=True):
        units = units[: 2 * start] + new.encode("utf-16-le") + units[2 * end :]
    return units.decode("utf-16-le")


# Who may ask


@pytest.mark.no_database
@pytest.mark.parametrize("address", QUESTIONS)
def test_who_may_neither_add_nor_change_flows_is_not_answered(address: str) -> None:
    assert ask(Client(), address).status_code == 302
    assert ask(client_with(), address).status_code == 403
    assert ask(client_with("view_flow", "run_flow", "delete_flow"), address).status_code == 403
    not_staff = Client()
    not_staff.force_login(User.objects.create_user("visitor"))
    assert ask(not_staff, address).status_code == 302


@pytest.mark.parametrize("address", QUESTIONS)
def test_who_may_add_or_change_flows_is_answered(address: str, admin: Client) -> None:
    for client in (client_with("add_flow"), client_with("view_flow", "change_flow"), admin):
        assert ask(client, address).status_code == 200


@pytest.mark.parametrize("address", QUESTIONS)
def test_nothing_is_answered_to_a_get_or_without_the_token(address: str, admin: Client) -> None:
    assert admin.get(address, QUESTIONS[address]).status_code == 405
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(username="admin"))
    assert ask(careful, address).status_code == 403


def test_where_a_procedure_is_used_is_shown_to_who_may_view_flows() -> None:
    assert Client().get(USED).status_code == 302
    author = client_with("add_flow")
    assert author.get(USED).status_code == 403
    assert USED not in author.get("/admin/flows/flow/add/").content.decode()
    viewer = client_with("view_flow")
    assert viewer.get(USED).status_code == 200
    assert viewer.post(USED).status_code == 405
    assert USED in client_with("add_flow", "view_flow").get("/admin/flows/flow/add/").content.decode()


@pytest.mark.parametrize("address", QUESTIONS)
def test_nothing_is_written(address: str, admin: Client) -> None:
    flow = make_flow(document=GOOD)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ask(admin, address)
    flow.refresh_from_db()
    assert flow.flow_json == GOOD
    assert not [
        one for one in queries.captured_queries if one["sql"].split()[0] not in {"SELECT", "SAVEPOINT", "RELEASE"}
    ]


# Bad questions


@pytest.mark.parametrize(
    ("address", "fields", "reason"),
    [
        (CHECK, {}, "The field “document” is missing."),
        (COMPLETE, {"document": "{}"}, "The field “cursor” is missing."),
        *((COMPLETE, {"document": "{}", "cursor": bad}, "a whole number from 0") for bad in BAD_PLACES),
        (EDIT, {"document": "{}"}, "The field “action” is missing."),
        (EDIT, {"document": "{}", "action": "drop", "cursor": "0"}, "is one of goto, repair,"),
        (EDIT, {"document": "{}", "action": "rename", "cursor": "0"}, "The field “name” is missing."),
        (EDIT, {"document": "{}", "action": "repair"}, "The field “pointer” is missing."),
        (EDIT, {"document": "{}", "action": "goto"}, "The field “pointer” is missing."),
        (EDIT, {"document": "{}", "action": "insert", "cursor": "0"}, "The field “mod” is missing."),
        (EDIT, {"document": "{}", "action": "insert", "cursor": "0", "mod": "os", "method": "x"}, "no such procedure"),
    ],
)  # fmt: skip
def test_a_bad_question_is_a_400_that_says_what_is_wrong(
    admin: Client, address: str, fields: dict[str, str], reason: str
) -> None:
    response = admin.post(address, fields)
    assert response.status_code == 400
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert reason in response.content.decode()


@pytest.mark.parametrize(
    "text", ["", "[", "{", '"', "\x00", "null", "\ud7ff", "[" * 5000, '{"procedures": "' + "x" * 1_100_000]
)
def test_any_text_is_answered(admin: Client, text: str) -> None:
    assert "flow-failed" in ask(admin, CHECK, document=text).content.decode()
    assert ask(admin, COMPLETE, document=text, cursor=len(text)).status_code == 200
    assert "refused" in ask(admin, EDIT, document=text, cursor=0).json()
    assert ask(admin, EDIT, document=text, action="goto", pointer="/procedures/3").status_code == 200


# The check


def test_the_check_shows_findings_with_their_places_and_repairs(admin: Client) -> None:
    shown = ask(admin, CHECK, document=WRONG).content.decode()
    assert "Does not pass the check.</b> 1 finding" in shown
    assert 'data-pointer="/procedures/1/params/msg"' in shown
    assert "Write &quot;@a.msg&quot;" in shown
    assert f"[[{WRONG.index('{', 5)}, " in shown


def test_the_check_shows_what_is_proved_and_assumed(admin: Client) -> None:
    compare = {"mod": "common.Demo", "method": "compare"}
    steps = [
        {"name": "c", **compare, "params": {"value": 1, "at_least": 2}},
        {**STEP, "name": "d", "params": {"msg": "@c.holds"}},
        {"name": "e", **compare, "params": {"value": "@d.msg", "at_least": 2}},
    ]
    shown = ask(admin, CHECK, document=json.dumps({"procedures": steps})).content.decode()
    assert "Passes the check.</b> 3 steps, 2 references: 1 proved, 1 assumed" in shown
    assert "the step does not declare what it returns" in shown


def test_an_error_of_syntax_has_its_place_in_units_of_javascript(admin: Client) -> None:
    text = '{"\U0001f427": oops}'
    assert f'data-offset="{text.index("o") + 1}"' in ask(admin, CHECK, document=text).content.decode()


def test_hostile_text_is_shown_and_not_obeyed(admin: Client) -> None:
    text = json.dumps({"procedures": [{**STEP, HOSTILE: 1, "params": {"msg": f"@{HOSTILE}"}}]}, ensure_ascii=False)
    flow = make_flow(document=text)
    for shown in (ask(admin, CHECK, document=text).content.decode(), admin.get(page(flow)).content.decode()):
        panel = shown[shown.index("flow-check-summary") :]
        assert "<script>alert" not in panel
        assert "&lt;script&gt;" in panel
        assert r"\u202e" in panel


def test_a_flow_that_would_contain_itself_is_found_by_its_name(admin: Client) -> None:
    make_flow("loop", document='{"procedures": []}')
    text = '{"procedures": [{"name": "a", "flow": "loop"}]}'
    assert "would contain itself" in ask(admin, CHECK, document=text, flow_name="loop").content.decode()
    assert "would contain itself" not in ask(admin, CHECK, document=text, flow_name="other").content.decode()


def test_the_check_of_a_flow_that_runs_another_is_made_again_when_that_one_changes(admin: Client) -> None:
    child = make_flow("child", document=GOOD)
    text = '{"procedures": [{"name": "a", "flow": "child"}]}'
    assert "Passes the check" in ask(admin, CHECK, document=text).content.decode()
    child.flow_json = WRONG
    child.save()
    assert "Does not pass" in ask(admin, CHECK, document=text).content.decode()


def test_the_check_goes_by_the_procedures_that_the_site_allows_now(admin: Client, settings: Any) -> None:
    assert "Passes the check" in ask(admin, CHECK).content.decode()
    settings.FLOWS_PROCEDURE_PACKAGES = ["tests.engine.procs"]
    assert "Passes the check" in ask(admin, CHECK).content.decode()
    settings.FLOWS_PROCEDURE_PACKAGES = ["flows.diff"]
    assert "Does not pass" in ask(admin, CHECK).content.decode()


def test_of_many_places_with_assumptions_the_first_are_named(admin: Client) -> None:
    steps = [{**STEP, "name": f"s{n}", "params": {"msg": f"@s{n - 1}.msg" if n else 1}} for n in range(40)]
    panel = ask(admin, CHECK, document=json.dumps({"procedures": steps})).content.decode()
    assert "What is assumed (39, the first 20 here)" in panel
    assert panel.count("<li>") == 20


def test_the_page_holds_the_check_of_what_it_shows_and_the_catalogue(admin: Client) -> None:
    flow = make_flow(document=WRONG)
    shown = admin.get(page(flow)).content.decode()
    assert 'data-pointer="/procedures/1/params/msg"' in shown
    assert "common.Demo.compare" in shown
    assert "compare(value: number, at_least: number) → holds: boolean" in shown
    assert "Passes the check" in admin.get("/admin/flows/flow/add/").content.decode()
    refused = admin.post(page(flow), {"flow_name": "hello", "flow_json": "[1"}).content.decode()
    assert "Does not pass the check.</b> 1 finding" in refused
    assert 'data-offset="2"' in refused


# Completion and edits


def test_completion_offers_flows_and_procedures_of_the_site(admin: Client) -> None:
    make_flow("nightly")
    make_flow("gone", deleted=True)
    text = '{"procedures": [{"flow": "'
    found = ask(admin, COMPLETE, document=text, cursor=len(text), flow_name="hello").json()
    assert found == {
        "start": 25,
        "end": 26,
        "candidates": [{"label": "nightly", "detail": "flow", "text": '"nightly"'}],
    }


def test_places_are_counted_as_the_browser_counts(admin: Client) -> None:
    text = GOOD.replace('"hi"', '"\U0001f427\U0001f427"')
    at = len(text[: text.index('"b"')].encode("utf-16-le")) // 2
    assert edited(admin, text, action="rename", cursor=at, name="c") == text.replace('"b"', '"c"')
    found = ask(admin, COMPLETE, document=text.replace("@a.msg", "@"), cursor=at).json()
    assert found["start"] == found["end"] or found["start"] >= at


def test_the_edits_of_the_page(admin: Client) -> None:
    first, second = GOOD.index('"a"'), GOOD.index('"b"')
    assert edited(admin, GOOD, action="rename", cursor=first, name="c") == GOOD.replace('"a"', '"c"').replace(
        "@a", "@c"
    )
    assert edited(admin, WRONG, action="up", cursor=second).index('"b"') < WRONG.index('"b"')
    assert edited(admin, edited(admin, WRONG, action="down", cursor=first), action="up", cursor=second + 5) == WRONG
    assert json.loads(edited(admin, GOOD, action="duplicate", cursor=second))["procedures"][2]["name"] == "b2"
    inserted = json.loads(edited(admin, GOOD, action="insert", cursor=0, mod="common.Demo", method="sleep"))
    assert inserted["procedures"][2] == {
        "name": "sleep", "mod": "common.Demo", "method": "sleep", "params": {"seconds": 0},
    }  # fmt: skip


def test_a_repair_that_is_pressed_is_looked_up_in_the_check_of_the_text(admin: Client) -> None:
    message = '"@aa.msg": no step is named "aa" (earlier steps: a). Did you mean "@a.msg"?'
    fields = {"action": "repair", "pointer": "/procedures/1/params/msg", "message": message}
    assert edited(admin, WRONG, **fields) == GOOD
    assert admin.post(EDIT, {"document": GOOD, **fields}).json() == {
        "refused": "The check no longer finds this; look at it again."
    }


def test_an_edit_that_would_break_the_flow_is_refused_with_the_reason(admin: Client) -> None:
    answer = ask(admin, EDIT, action="down").json()
    assert answer["refused"].startswith(
        "Not done, because the flow would no longer pass the check: /procedures/0/params"
    )


def test_the_page_goes_to_any_pointer(admin: Client) -> None:
    text = '{"procedures": [{"name": "\U0001f427", "params": {"a/b": {"n": 12'
    for pointer, place in (
        ("/procedures/0/name", [26, 28]),
        ("/procedures/0/params/a~1b/n", [text.index("12") + 1, text.index("12") + 3]),
        ("/procedures/0", [16, 16]),
        ("/procedures/9/x", [15, 15]),
        ("", [0, 0]),
    ):
        assert ask(admin, EDIT, document=text, action="goto", pointer=pointer).json() == {"edits": [], "select": place}


# Where used


def test_the_page_of_a_procedure_names_the_flows_and_steps_that_call_it(admin: Client) -> None:
    make_flow("two", {"procedures": [STEP, {**STEP, "name": "z"}], "on_failure": [{**STEP, "name": "h"}]}, enabled=None)
    make_flow("gone", deleted=True)
    make_flow("other", {"procedures": [{**STEP, "method": "other"}, 5], "on_failure": {"a": 1}})
    make_flow(HOSTILE, {"procedures": [{**STEP, "name": HOSTILE}]})
    if connection.vendor == "sqlite":
        make_flow("no json", '{"procedures": [')
    response = admin.get(USED)
    uses = {use.flow.flow_name: use.steps for use in response.context["uses"]}
    assert uses == {"two": ("a", "z", "h"), HOSTILE: (HOSTILE,)}
    assert "Log a message and hand it on." in response.content.decode()
    assert "<script>alert" not in response.content.decode()


def test_a_procedure_that_is_gone_has_a_page_too(admin: Client) -> None:
    make_flow("old", {"procedures": [{**STEP, "mod": "gone.Old"}]})
    response = admin.get("/admin/flows/flow/procedures/gone.Old/prt/")
    assert "No procedure of this name is registered" in response.content.decode()
    assert [use.flow.flow_name for use in response.context["uses"]] == ["old"]
    assert "No flow calls it." in admin.get("/admin/flows/flow/procedures/a/b/").content.decode()
    assert Flow.objects.count() == 1


def test_the_page_of_all_procedures_counts_the_flows_that_call_each_and_names_what_is_not_registered(
    admin: Client,
) -> None:
    make_flow("one", {"procedures": [STEP, {**STEP, "name": "z"}, {"name": "sub", "flow": "two"}]})
    make_flow("two", {"procedures": [STEP], "on_failure": [{**STEP, "name": "h", "mod": HOSTILE}]})
    make_flow("gone", {"procedures": [{**STEP, "mod": "gone.Old"}]}, deleted=True)
    response = admin.get("/admin/flows/flow/procedures/")
    uses = {f"{entry.mod}.{entry.method}": number for entry, number in response.context["procedures"]}
    assert (uses["common.Kt.prt"], uses["common.Demo.sleep"]) == (2, 0)
    assert response.context["missing"] == [((HOSTILE, "prt"), 1)]
    shown = response.content.decode()
    assert USED in shown
    assert "<script>alert" not in shown


def test_who_may_not_see_flows_sees_no_procedures() -> None:
    assert client_with("add_flow").get("/admin/flows/flow/procedures/").status_code == 403
