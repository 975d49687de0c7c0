"""The pages beside the flows: the settings of one, and workers with their queues."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from flows.models import Flow, FlowSettings
from tests.acting import Acting, acting
from tests.test_runs import create, store
from tests.users import client_with

__all__ = ["acting"]

pytestmark = pytest.mark.django_db

WORKERS = "/admin/flows/flow/workers/"


@pytest.fixture
def flow() -> Flow:
    return Flow.objects.create(flow_name="<b>nightly", flow_json="{}", enabled=True)


def values(**changed: object) -> dict[str, object]:
    return {
        "queue": "flows",
        "priority": "normal",
        "max_active": 1,
        "when_active": "",
        "starts_per_minute": "",
    } | changed


def test_the_settings_of_a_flow_are_saved_and_noted_in_its_history(admin_client: Client, flow: Flow) -> None:
    url = reverse("admin:flows_flow_settings", args=[flow.pk])
    assert url in admin_client.get(reverse("admin:flows_flow_change", args=[flow.pk])).text
    assert "&lt;b&gt;nightly" in admin_client.get(url).text

    answer = admin_client.post(url, values(queue="heavy", max_active=4, resume_lost="on"))

    assert answer.status_code == 302
    kept = FlowSettings.objects.get()
    assert (kept.flow_name, kept.queue, kept.max_active, kept.starts_per_minute, kept.resume_lost) == (
        "<b>nightly", "heavy", 4, None, True,
    )  # fmt: skip
    history = admin_client.get(reverse("admin:flows_flow_history", args=[flow.pk])).text
    assert "Settings: queue, max_active, resume_lost." in history


@pytest.mark.parametrize(
    ("field", "value"),
    [("queue", "no spaces"), ("max_active", "0"), ("starts_per_minute", "0"), ("priority", "urgent")],
)
def test_settings_that_make_no_sense_are_refused(admin_client: Client, flow: Flow, field: str, value: str) -> None:
    answer = admin_client.post(reverse("admin:flows_flow_settings", args=[flow.pk]), values(**{field: value}))

    assert answer.status_code == 200
    assert 'class="errorlist"' in answer.text
    assert not FlowSettings.objects.exists()


def test_who_may_not_change_a_flow_may_not_change_its_settings(flow: Flow) -> None:
    client = client_with("view_flow", "run_flow", "view_run")
    url = reverse("admin:flows_flow_settings", args=[flow.pk])

    assert client.get(url).status_code == 403
    assert client.post(url, values(max_active=4)).status_code == 403
    assert url not in client.get(reverse("admin:flows_flow_change", args=[flow.pk])).text


def test_the_settings_follow_the_name_of_their_flow(acting: Acting) -> None:
    FlowSettings.objects.create(flow_name="old", max_active=7)
    FlowSettings.objects.create(flow_name="new", max_active=3)

    FlowSettings.objects.rename("old", "new")

    assert list(FlowSettings.objects.values_list("flow_name", "max_active")) == [("new", 7)]


def test_the_page_of_workers_shows_the_runs_of_a_site_that_has_none(admin_client: Client, acting: Acting) -> None:
    store(acting.step("one"))
    run = create()

    text = admin_client.get(WORKERS).text

    assert "This site has no workers" in text
    assert f'<a href="/admin/flows/run/{run.pk}/change/">{run.pk}</a></th>' in text


def test_the_page_of_workers_needs_the_right_to_see_runs() -> None:
    client = client_with("view_flow")
    assert client.get(WORKERS).status_code == 403
    assert client.post(WORKERS).status_code == 405 or client.post(WORKERS).status_code == 403
    assert WORKERS not in client.get("/admin/flows/flow/").text


def test_without_a_broker_the_page_says_so_and_shows_the_runs(
    admin_client: Client, acting: Acting, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("celery")
    from flows.dispatch import broker  # noqa: PLC0415

    def unavailable() -> list[broker.Worker]:
        raise broker.BrokerUnavailable("the broker is unavailable: no <i>answer")

    store(acting.step("one"))
    run = create()
    settings.FLOWS_DISPATCH = "celery"
    monkeypatch.setattr(broker, "workers", unavailable)

    text = admin_client.get(WORKERS).text

    assert "the broker is unavailable: no &lt;i&gt;answer" in text
    assert f'<a href="/admin/flows/run/{run.pk}/change/">{run.pk}</a></th>' in text
