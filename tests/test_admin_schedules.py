"""The schedules of a flow in the admin: the page beside it, the form, the due times in the list of flows."""

import json
import shlex
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from flows.models import Flow, Run, Schedule, local_text
from flows.schedules.crontab import crontab_lines
from flows.schedules.ticking import tick
from tests.acting import Acting, acting
from tests.test_admin_flows import posted
from tests.test_runs import store
from tests.test_schedules import NOON, schedule, sent
from tests.users import client_with

__all__ = ["acting", "sent"]

pytestmark = pytest.mark.django_db

INPUTS = {"day": {"type": "string", "enum": ["mon", "tue"]}, "n": {"type": "integer", "default": 1, "minimum": 1}}


@pytest.fixture
def flow(acting: Acting, settings: Settings) -> Flow:
    """A flow with inputs, on a site with a scheduler."""
    settings.FLOWS_DISPATCH = "celery"
    return store(acting.step("one"), inputs=INPUTS)


def page(flow: Flow, name: str = "schedules", *more: object) -> str:
    return reverse(f"admin:flows_flow_{name}", args=[flow.pk, *more])


def filled(**changed: object) -> dict[str, object]:
    """Return what the form sends."""
    form = {"cron": "30 2 * * mon-fri", "zone": "Europe/Berlin", "overlap": "refuse", "when_missed": "skip"}
    inputs = {"input_day": '"tue"', "input_n": "3"}
    return form | {"enabled": "on", "note": "for the shop"} | inputs | changed


def test_a_schedule_is_added_and_noted_in_the_history_of_the_flow(admin_client: Client, flow: Flow) -> None:
    assert page(flow) in admin_client.get(page(flow, "change")).text
    assert "No schedule yet" in admin_client.get(page(flow)).text
    assert 'value="Asia/Shanghai" selected' in admin_client.get(page(flow, "schedule_add")).text

    answer = admin_client.post(page(flow, "schedule_add"), filled(), follow=True)

    made = Schedule.objects.get()
    assert (made.flow_name, made.cron, made.zone) == ("act", "30 2 * * mon-fri", "Europe/Berlin")
    assert json.loads(made.inputs) == {"day": "tue", "n": 3}
    assert made.next_due_at is not None
    assert made.next_due_at > datetime.now(UTC)
    assert f"Schedule {made.pk} is saved; next due {local_text(made.next_due_at, 'minutes')}." in answer.text
    assert "for the shop" in answer.text
    assert LogEntry.objects.get().change_message == f"Schedule {made.pk} added: 30 2 * * mon-fri Europe/Berlin."


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("cron", "61 2 * * *", "minute: &quot;61&quot; is wrong, it is from 0 to 59"),
        ("cron", "every day", "a line of cron has five fields"),
        ("cron", "0 0 30 2 *", "no month has such a day"),
        ("cron", "", "This field is required."),
        ("cron", "<script>1</script> 1 1 1 1", "&lt;script&gt;"),
        ("zone", "Mars/Olympus", "not one of the available choices"),
        ("overlap", "", "This field is required."),
        ("when_missed", "all", "not one of the available choices"),
        ("input_day", "", "missing"),
        ("input_n", "0", "at least 1"),
        ("input_n", "many", "integer"),
    ],
)
def test_what_cannot_be_is_told_at_its_field_and_nothing_is_saved(
    admin_client: Client, flow: Flow, field: str, value: str, told: str
) -> None:
    answer = admin_client.post(page(flow, "schedule_add"), filled(**{field: value}))

    assert answer.status_code == 200
    assert "nothing was saved" in answer.text
    assert told in answer.text
    assert not Schedule.objects.exists()


def test_a_change_of_note_or_inputs_leaves_the_due_time_alone_and_one_of_the_zone_does_not(
    admin_client: Client, flow: Flow
) -> None:
    made = schedule("30 2 * * mon-fri", zone="Europe/Berlin", inputs='{"day": "mon", "n": 1}')
    url = page(flow, "schedule_change", made.pk)

    admin_client.post(url, filled())

    kept = Schedule.objects.get()
    assert (kept.note, kept.next_due) == ("for the shop", made.next_due)
    assert json.loads(kept.inputs)["day"] == "tue"
    assert LogEntry.objects.get().change_message == f"Schedule {made.pk} changed: note, inputs."
    admin_client.post(url, filled(zone="America/New_York"))
    moved = Schedule.objects.get().next_due_at
    assert moved is not None
    assert moved > datetime.now(UTC)


def test_a_schedule_can_be_switched_off_and_on_and_deleted(admin_client: Client, flow: Flow) -> None:
    made = schedule("30 2 * * mon-fri", zone="Europe/Berlin")
    url = page(flow, "schedule_change", made.pk)

    admin_client.post(url, {key: value for key, value in filled().items() if key != "enabled"})
    assert Schedule.objects.get().next_due is None
    assert '<span class="flow-there">off</span>' in admin_client.get(page(flow)).text
    admin_client.post(url, filled())
    assert Schedule.objects.get().next_due is not None

    answer = admin_client.post(page(flow, "schedule_delete", made.pk), follow=True)
    assert f"Schedule {made.pk} of “act” is deleted." in answer.text
    assert not Schedule.objects.exists()


def test_a_schedule_of_another_flow_is_not_found_here(admin_client: Client, flow: Flow) -> None:
    other = schedule(flow_name="other")

    for name in ("schedule_change", "schedule_delete"):
        assert admin_client.post(page(flow, name, other.pk), filled()).status_code == 404
        assert admin_client.post(page(flow, name, 2**70), filled()).status_code == 404
    assert Schedule.objects.filter(pk=other.pk, note="").exists()


def test_the_form_shows_the_next_due_times_by_the_clocks_of_the_zone(admin_client: Client, flow: Flow) -> None:
    made = schedule("0 12 * * *", now=datetime(2026, 10, 23, 20, tzinfo=UTC), zone="Europe/Berlin")

    text = admin_client.get(page(flow, "schedule_change", made.pk)).text

    assert "Sat 2026-10-24 12:00 CEST" in text
    assert "Sun 2026-10-25 12:00 CET" in text


def test_the_list_says_why_a_due_time_made_no_run_and_whether_the_inputs_still_fit(
    admin_client: Client, flow: Flow, acting: Acting
) -> None:
    schedule("* * * * *", inputs='{"day": "wed"}')
    tick(NOON.replace(minute=1))

    text = admin_client.get(page(flow)).text

    assert "No run: " in text
    assert text.count("wed") >= 3
    Flow.objects.update(enabled=False)
    assert "<b>The flow is disabled:</b> its due times make no runs." in admin_client.get(page(flow)).text
    Flow.objects.update(enabled=True, flow_json='{"steps": 1}')
    assert "<b>The flow is invalid:</b>" in admin_client.get(page(flow)).text


def test_the_inputs_stay_where_the_flow_is_invalid_and_nobody_knows_them(admin_client: Client, flow: Flow) -> None:
    made = schedule("30 2 * * *", inputs='{"day": "mon"}')
    Flow.objects.update(flow_json='{"steps": 1}')
    url = page(flow, "schedule_change", made.pk)
    assert "Those of the schedule stay as they are" in admin_client.get(url).text

    admin_client.post(url, filled())

    kept = Schedule.objects.get()
    assert (kept.note, kept.inputs) == ("for the shop", '{"day": "mon"}')


def test_next_and_last_due_time_stand_in_the_list_of_flows(admin_client: Client, flow: Flow) -> None:
    schedule("5 * * * *", inputs='{"day": "mon"}', overlap="queue")
    schedule("59 * * * *", inputs='{"day": "mon"}')
    store(name="other")
    (run,) = tick(NOON.replace(minute=5))

    text = admin_client.get("/admin/flows/flow/").text

    # Noon of UTC is 20:00 in the zone of the site.
    assert f'<a href="{page(flow)}">2026-11-28 20:59</a>' in text
    run_url = reverse("admin:flows_run_change", args=[run.pk])
    assert f'<a href="{run_url}">2026-11-28 20:05</a>' in text
    tick(NOON.replace(minute=59))
    assert '<span class="flow-bad">no run</span>' in admin_client.get("/admin/flows/flow/").text
    Flow.objects.update(enabled=False)
    assert "(flow is off)" in admin_client.get("/admin/flows/flow/").text
    client = client_with("view_flow")
    assert run_url not in client.get("/admin/flows/flow/").text


def test_on_a_site_without_a_scheduler_the_page_shows_the_lines_for_cron(
    admin_client: Client, flow: Flow, settings: Settings
) -> None:
    settings.FLOWS_DISPATCH = "thread"

    text = admin_client.get(page(flow)).text

    assert "This site has no scheduler" in text
    assert "manage.py runflow act --input" in text
    assert "manage.py reapruns" in text
    assert page(flow, "schedule_add") not in text
    assert "next due" not in admin_client.get("/admin/flows/flow/").text


def test_a_line_for_cron_is_one_command_whatever_the_name_of_the_flow(flow: Flow) -> None:
    name = 'it\'s 100% $(reboot); `x` && "y" #z'

    line = crontab_lines(name, {})[0]

    when, command = line[:12], line[12:]
    assert when == "30 2 * * *  "
    assert "%" not in command.replace(r"\%", "")
    assert shlex.split(command.replace(r"\%", "%"))[-1] == name
    assert crontab_lines("two\nlines", {}) == []


def test_schedules_follow_the_name_of_their_flow_in_the_admin(admin_client: Client, flow: Flow) -> None:
    made = schedule()

    answer = admin_client.post(page(flow, "change"), posted(flow, flow_name="new name"))

    assert answer.status_code == 302
    made.refresh_from_db()
    assert made.flow_name == "new name"


def test_a_deleted_flow_keeps_its_schedules_and_they_cannot_be_changed(admin_client: Client, flow: Flow) -> None:
    made = schedule()
    flow.mark_deleted()

    text = admin_client.get(page(flow)).text

    assert "<b>The flow is deleted:</b>" in text
    assert page(flow, "schedule_add") not in text
    assert admin_client.post(page(flow, "schedule_change", made.pk), filled()).status_code == 403
    assert tick(NOON.replace(minute=1)) == []


def test_who_may_not_schedule_sees_the_schedules_and_changes_none(flow: Flow) -> None:
    made = schedule()
    client = client_with("view_flow", "change_flow", "run_flow")

    text = client.get(page(flow)).text

    assert "* * * * *" in text
    assert page(flow, "schedule_add") not in text
    assert page(flow, "schedule_change", made.pk) not in text
    ids = {"schedule_add": (), "schedule_change": (made.pk,), "schedule_delete": (made.pk,)}
    for url in (page(flow, name, *key) for name, key in ids.items()):
        assert client.get(url).status_code == 403
        assert client.post(url, filled()).status_code == 403
    assert Schedule.objects.count() == 1
    assert not Run.objects.exists()


def test_who_deletes_a_schedule_is_asked_first_and_told_which_one_it_is(admin_client: Client, flow: Flow) -> None:
    made = schedule("30 2 * * mon-fri", zone="Europe/Berlin", note="for the shop")
    url = page(flow, "schedule_delete", made.pk)

    assert f'href="{url}"' in admin_client.get(page(flow, "schedule_change", made.pk)).text
    text = admin_client.get(url).text

    assert all(word in text for word in ("30 2 * * mon-fri", "Europe/Berlin", "for the shop"))
    assert Schedule.objects.exists()
