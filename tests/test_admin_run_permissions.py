"""Who may open which page of runs, and who may do what there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from flows.models import Run, Status
from tests.run_rows import LIST, add_step, make_flow, make_run, page, run_page, text_of
from tests.users import client_with

pytestmark = pytest.mark.django_db


NOBODY: tuple[str, ...] = ()
VIEW, RESUME, CANCEL, RUN, VIEW_FLOW = (
    (permission,) for permission in ("view_run", "resume_run", "cancel_run", "run_flow", "view_flow")
)
EVERYBODY = [NOBODY, VIEW, RESUME, CANCEL, RUN, VIEW_FLOW]
GETS: dict[str, dict[tuple[str, ...], int]] = {
    "list": {VIEW: 200},
    "change": {VIEW: 200},
    "live": {VIEW: 200},
    "text": {VIEW: 200},
    "step_text": {VIEW: 200},
    "origin": {VIEW: 200},
    "resume": {RESUME: 200},
    "flow_run": {RUN: 200},
    "cancel": dict.fromkeys(EVERYBODY, 405),
}
POSTS = {"resume": RESUME, "cancel": CANCEL, "flow_run": RUN}


@pytest.fixture
def scene() -> Callable[[str], str]:
    """A flow with an interrupted run; returns the address of each page by its name."""
    flow = make_flow()
    run = make_run(status=Status.INTERRUPTED, flow_id=flow.pk)
    row = add_step(run, "a")
    addresses = {
        "list": LIST,
        "flow_run": run_page(flow),
        "text": reverse("admin:flows_run_text", args=[run.pk, "inputs"]),
        "step_text": reverse("admin:flows_run_step_text", args=[run.pk, row.pk, "params"]),
        "origin": reverse("admin:flows_run_origin", args=[run.pk, "b"]),
    }
    return lambda name: addresses.get(name) or page(run, name)


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
def test_each_page_is_open_to_those_with_its_permission_alone(
    scene: Callable[[str], str], who: tuple[str, ...]
) -> None:
    client = client_with(*who)
    answers = {name: client.get(scene(name)).status_code for name in GETS}
    assert answers == {name: allowed.get(who, 403) for name, allowed in GETS.items()}


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
@pytest.mark.parametrize("name", POSTS)
def test_each_post_acts_for_those_with_its_permission_alone(
    scene: Callable[[str], str], who: tuple[str, ...], name: str
) -> None:
    before = list(Run.objects.values())
    allowed = POSTS[name] == who
    assert client_with(*who).post(scene(name), {"way": "own"}).status_code == (302 if allowed else 403)
    assert (list(Run.objects.values()) != before) is allowed


@pytest.mark.parametrize("name", GETS)
def test_without_a_login_every_page_and_post_leads_to_the_login(
    client: Client, scene: Callable[[str], str], name: str
) -> None:
    before = list(Run.objects.values())
    for answer in (client.get(scene(name)), client.post(scene(name), {"way": "own"})):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert list(Run.objects.values()) == before


@pytest.mark.parametrize("name", [name for name in GETS if name != "cancel"])
def test_a_superuser_may_open_every_page_and_opening_changes_nothing(
    admin: Client, scene: Callable[[str], str], name: str
) -> None:
    make_run(status=Status.RUNNING, lease_until=1, step="b")
    before = list(Run.objects.order_by("id").values())
    assert admin.get(scene(name)).status_code == 200
    assert list(Run.objects.order_by("id").values()) == before


@pytest.mark.parametrize("name", POSTS)
def test_a_post_without_the_csrf_token_is_refused(admin_user: User, scene: Callable[[str], str], name: str) -> None:
    before = list(Run.objects.values())
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(scene(name), {"way": "own"}).status_code == 403
    assert list(Run.objects.values()) == before


@pytest.mark.parametrize("name", ["list", "change", "live", "text", "step_text", "origin"])
def test_what_reads_takes_no_post(admin: Client, scene: Callable[[str], str], name: str) -> None:
    assert admin.post(scene(name)).status_code == 405


@pytest.mark.parametrize("url", ["add/", "1/delete/"])
def test_nobody_adds_or_removes_a_run(admin: Client, url: str) -> None:
    assert admin.get(LIST + url).status_code in {403, 404, 302}
    run = make_run()
    admin.post(f"{LIST}{run.pk}/delete/", {"post": "yes"})
    assert Run.objects.filter(pk=run.pk).exists()


def test_a_reader_sees_no_button_and_no_link_that_would_be_refused(scene: Callable[[str], str]) -> None:
    text = text_of(client_with("view_run").get(scene("change")))
    for url in (scene("resume"), scene("cancel"), scene("flow_run"), "/admin/flows/flow/", "/admin/flows/syslog/"):
        assert f'"{url}' not in text
    able = text_of(client_with("view_run", "resume_run", "cancel_run", "run_flow").get(scene("change")))
    for url in (scene("resume"), scene("cancel"), scene("flow_run")):
        assert f'"{url}' in able
