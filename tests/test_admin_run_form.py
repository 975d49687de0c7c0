"""The form that starts a run: a field for each input, wrong ones refused there, and one run for a double click."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from flows.models import Flow, Run, Status, Trigger
from tests.run_rows import (
    ASKS,
    HELLO,
    make_flow,
    make_run,
    page,
    run_page,
    text_of,
)
from tests.users import client_with

pytestmark = pytest.mark.django_db


def filled(form: Any, **texts: str) -> dict[str, str]:
    data = {field.html_name: field.value() or "" for field in form}
    return data | {"filled": "yes"} | {f"input_{name}": text for name, text in texts.items()}


def form_of(client: Client, flow: Flow, query: str = "") -> Any:
    return client.get(run_page(flow) + query).context["form"]


def test_the_form_has_a_field_for_each_input_with_default_and_help(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    text = text_of(admin.get(run_page(flow)))
    assert "How often (integer, at least 1, at most 9)." in text
    assert 'name="input_count" value="3"' in text
    assert '<option value="&quot;slow&quot;">slow</option>' in text
    assert [field.field.widget.is_required for field in form_of(admin, flow).input_fields] == [
        *(False, True, False, False, False)
    ]


def test_the_button_of_a_flow_that_asks_for_something_leads_to_the_form(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    response = admin.post(run_page(flow), {"nonce": "n1"})
    assert response.headers["Location"] == run_page(flow)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("count", "99", "more than the maximum 9"),
        ("count", "many", '"many" is not an integer'),
        ("count", "[" * 100_000, "is not an integer"),
        ("who", "", "the input is missing"),
        ("mode", "sideways", "is none of"),
        ("dry", "perhaps", "is not true or false"),
        ("more", "[1]", "is not a JSON object"),
        ("more", '{"a": NaN}', "which JSON does not have"),
    ],
)
def test_wrong_input_is_refused_at_its_field_and_nothing_is_run(
    admin: Client, name: str, text: str, error: str
) -> None:
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), who="me") | {f"input_{name}": text}
    response = admin.post(run_page(flow), data)
    errors = response.context["form"].errors
    assert list(errors) == [f"input_{name}"]
    assert error in errors[f"input_{name}"][0]
    assert not Run.objects.exists()


def test_what_was_typed_becomes_the_inputs_by_type_and_empty_fields_the_defaults(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), count="", who="a\r\nb", mode='"slow"', dry="true", more='{"x": [1, 2.5, null]}')
    response = admin.post(run_page(flow), data)
    run = Run.objects.get()
    assert response.headers["Location"] == page(run)
    assert json.loads(run.inputs) == {
        "count": 3,
        "who": "a\nb",
        "mode": "slow",
        "dry": True,
        "more": {"x": [1, 2.5, None]},
    }
    assert (run.trigger, run.asked_by, run.status) == (Trigger.ADMIN, "admin", Status.QUEUED)
    assert LogEntry.objects.get().get_change_message() == f"Run {run.pk} started."


def test_run_again_fills_the_form_with_the_inputs_of_the_run(admin: Client) -> None:
    flow = make_flow("asks", ASKS)
    old = make_run("asks", ASKS, flow_id=flow.pk, inputs='{"count": 7, "who": "me", "mode": "slow", "gone": 1}')
    assert f'href="{run_page(flow)}?again={old.pk}"' in text_of(admin.get(page(old)))
    form = form_of(admin, flow, f"?again={old.pk}")
    assert form["input_count"].value() == "7"
    assert form["input_who"].value() == "me"
    assert form["input_mode"].value() == '"slow"'
    assert "input_gone" not in form.fields
    for nonsense in ("x", "9" * 30, "999999", ""):
        assert form_of(admin, flow, f"?again={nonsense}")["input_count"].value() == "3"


def test_run_again_tells_nothing_of_a_run_to_who_may_not_see_runs() -> None:
    flow = make_flow("asks", ASKS)
    old = make_run("asks", ASKS, inputs='{"count": 7, "who": "secret"}')
    assert "secret" not in text_of(client_with("run_flow").get(f"{run_page(flow)}?again={old.pk}"))


@pytest.mark.parametrize("name", ["hello", "asks"])
def test_a_double_click_makes_one_run(admin: Client, name: str) -> None:
    flow = make_flow(name, ASKS if name == "asks" else HELLO)
    data = filled(form_of(admin, flow), who="me")
    first = admin.post(run_page(flow), data)
    second = admin.post(run_page(flow), data, follow=True)
    run = Run.objects.get()
    assert first.headers["Location"] == page(run) == second.redirect_chain[-1][0]
    assert "has started run" in str(next(iter(second.context["messages"])))


def test_a_form_that_is_sent_again_with_other_inputs_is_refused_and_then_makes_another_run(
    admin: Client, settings: Any
) -> None:
    settings.FLOWS_WHEN_ACTIVE = "queue"
    flow = make_flow("asks", ASKS)
    data = filled(form_of(admin, flow), who="me")
    admin.post(run_page(flow), data)
    response = admin.post(run_page(flow), data | {"input_who": "you"})
    assert "has other inputs" in text_of(response)
    assert Run.objects.count() == 1
    fresh = {**data, "input_who": "you", "nonce": response.context["form"]["nonce"].value()}
    assert admin.post(run_page(flow), fresh).status_code == 302
    assert Run.objects.count() == 2


def test_a_second_run_of_an_active_flow_is_refused_with_the_one_that_is_active(admin: Client) -> None:
    flow = make_flow()
    admin.post(run_page(flow), {"nonce": "n1"})
    text = text_of(admin.post(run_page(flow), {"nonce": "n2"}))
    assert "one run of a flow is active at a time" in text
    assert "Nothing was executed." in text
    assert Run.objects.count() == 1


def test_the_page_of_a_flow_carries_a_fresh_nonce_each_time(admin: Client) -> None:
    flow = make_flow()
    url = reverse("admin:flows_flow_change", args=[flow.pk])
    nonces = {admin.get(url).context["nonce"] for _ in range(2)}
    assert len(nonces) == 2
    assert all(len(nonce) == 32 for nonce in nonces)


def test_who_may_run_but_not_see_runs_is_told_and_led_elsewhere() -> None:
    flow = make_flow()
    response = client_with("run_flow").post(run_page(flow), follow=True)
    assert response.redirect_chain[-1][0] == "/admin/"
    assert "You may not see runs" in str(next(iter(response.context["messages"])))
