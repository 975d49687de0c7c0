"""Runs that the admin starts, resumes and cancels, executed for real."""

import json
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from flows.models import Flow, Run, Status
from tests.run_rows import (
    ASKS,
    FAILS,
    STEP,
    add_step,
    make_flow,
    make_run,
    page,
    recorded,
    run_page,
    text_of,
)
from tests.waiting import ended

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
def test_a_run_is_executed_without_the_request_waiting_for_it(admin: Client) -> None:
    nap = {"name": "nap", "mod": "common.Demo", "method": "sleep", "params": {"seconds": 2.0}}
    flow = make_flow("slow", {"procedures": [nap]})
    response = admin.post(run_page(flow))
    run = Run.objects.get()
    assert not run.is_ended
    assert response.headers["Location"] == page(run)
    assert ended(run.pk).status == Status.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_the_action_starts_one_run_a_flow_with_a_link_to_each(admin: Client) -> None:
    flows = [make_flow(), make_flow("fails", FAILS), make_flow("asks", ASKS)]
    chosen = {"index": 0, "action": "run_selected", "_selected_action": [flow.pk for flow in flows]}
    response = admin.post("/admin/flows/flow/", chosen, follow=True)
    asks, fails, hello = map(str, response.context["messages"])
    assert "the input is missing" in asks
    assert run_page(flows[2]) in asks
    for name, message in (("fails", fails), ("hello", hello)):
        assert f'<a href="{page(Run.objects.get(flow_name=name))}">' in message
    assert ended(Run.objects.get(flow_name="hello").pk).status == Status.SUCCEEDED
    assert ended(Run.objects.get(flow_name="fails").pk).status == Status.FAILED


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_is_resumed_with_its_own_definition_and_takes_over_what_finished(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    text = text_of(admin.get(page(failed, "resume")))
    assert "A failed run is final" in text
    response = admin.post(page(failed, "resume"), {"way": "own", "nonce": "n1"})
    again = Run.objects.get(continues=failed.pk)
    assert response.headers["Location"] == page(again)
    assert ended(again.pk).status == Status.FAILED
    assert [row.status for row in again.steps.all()] == ["reused", "failed"]


@pytest.mark.django_db(transaction=True)
def test_a_failed_run_is_resumed_with_the_flow_as_it_was_mended(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    mended = {"procedures": [STEP, {**STEP, "name": "bad"}, {**STEP, "name": "c"}]}
    Flow.objects.update(flow_json=json.dumps(mended))
    assert "has changed; the run keeps its own definition" in text_of(admin.get(page(failed, "resume")))
    admin.post(page(failed, "resume"), {"way": "edited", "nonce": "n1"})
    again = ended(Run.objects.get(continues=failed.pk).pk)
    assert again.status == Status.SUCCEEDED
    assert again.asked_by == "admin"


def test_a_flow_whose_finished_steps_would_differ_is_refused_with_every_difference(admin: Client) -> None:
    failed = recorded("fails", FAILS)
    other = {"procedures": [{**STEP, "params": {"msg": "<i>other"}}, {**STEP, "name": "c"}]}
    Flow.objects.update(flow_json=json.dumps(other))
    text = text_of(admin.post(page(failed, "resume"), {"way": "edited", "nonce": "n1"}))
    assert "parameters of step &quot;a&quot; would differ" in text
    assert "Nothing was executed." in text
    assert Run.objects.count() == 1


@pytest.mark.parametrize("when_active", ["refuse", "queue"])
def test_resuming_twice_by_a_double_click_makes_one_run(admin: Client, settings: Any, when_active: str) -> None:
    settings.FLOWS_WHEN_ACTIVE = when_active
    failed = recorded("fails", FAILS)
    first, second = (admin.post(page(failed, "resume"), {"way": "own", "nonce": "n1"}) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"] == page(Run.objects.get(continues=failed.pk))


@pytest.mark.django_db(transaction=True)
def test_a_lost_run_goes_on_as_itself_after_its_step_in_doubt_was_named(admin: Client) -> None:
    make_flow()
    run = make_run(status=Status.RUNNING, lease_until=1, step="b", step_attempt=1, owner="gone")
    add_step(run, "a")
    text = text_of(admin.get(page(run, "resume")))
    assert "Step b is in doubt" in text
    run.refresh_from_db()
    assert run.status == Status.RUNNING
    assert admin.post(page(run, "resume"), {"way": "own"}).headers["Location"] == page(run)
    assert ended(run.pk).status == Status.SUCCEEDED
    assert [(row.path, row.status) for row in run.steps.all()] == [
        ("a", "succeeded"),
        ("b", "interrupted"),
        ("b", "succeeded"),
    ]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.RUNNING])
def test_a_run_that_cannot_be_resumed_offers_nothing_and_refuses(admin: Client, status: str) -> None:
    run = make_run(status=status, lease_until=2**40)
    assert page(run, "resume") not in text_of(admin.get(page(run)))
    text = text_of(admin.get(page(run, "resume")))
    assert "there is nothing to resume" in text
    assert 'name="way"' not in text
    assert "only a run that did not come to its end" in text_of(admin.post(page(run, "resume"), {"way": "own"}))
    assert Run.objects.get().status == status


def test_a_run_whose_procedure_is_gone_says_so_before_it_is_resumed(admin: Client) -> None:
    gone = {"procedures": [{**STEP, "mod": "common.Gone"}]}
    run = make_run(document=gone, status=Status.INTERRUPTED)
    text = text_of(admin.get(page(run, "resume")))
    assert "cannot go on with the code of this site" in text
    assert 'name="way"' not in text


def test_cancelling_ends_a_waiting_run_at_once_and_a_running_one_after_its_step(admin: Client) -> None:
    waiting = make_run(status=Status.QUEUED)
    going = make_run(status=Status.RUNNING, lease_until=2**40)
    for run in (waiting, going):
        assert page(run, "cancel") in text_of(admin.get(page(run)))
        assert admin.post(page(run, "cancel")).headers["Location"] == page(run)
    waiting.refresh_from_db()
    going.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    assert (going.status, going.cancel_asked_by) == (Status.RUNNING, "admin")
    assert page(going, "cancel") not in text_of(admin.get(page(going)))
    assert "It ends after the step it is at" in text_of(admin.get(page(going)))
    assert LogEntry.objects.count() == 2


def test_cancelling_a_run_that_has_ended_is_refused_with_a_message(admin: Client) -> None:
    run = make_run()
    response = admin.post(page(run, "cancel"), follow=True)
    assert "is succeeded already" in str(next(iter(response.context["messages"])))
