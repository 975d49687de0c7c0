"""Who may do what, on every address of the flows in the admin; nothing changes by GET."""

import json
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern

from flows.models import Flow, FlowSettings, FlowVersion, Run, Schedule, StepRun, SysLog
from tests.every_page import PREFIX, Rows, address, every_url, make_rows
from tests.test_admin_flows import posted

ROLES = ("viewer", "editor", "operator", "superuser")

# Viewer, editor and operator are the groups of `creategroups`.
# A star: a row of the flows, their versions, the runs or the log has changed.
# Anonymous: to the login, always. 405 where a page knows no such method, whoever asks.
TABLE = """
                      GET                             POST
page                  view   edit   oper   super      view   edit   oper   super
flow_versions         200    200    200    200        405    405    405    405
flow_compare          200    200    200    200        405    405    405    405
flow_version          200    200    200    200        405    405    405    405
flow_restore_version  405    405    405    405        403    302*   403    302*
flow_check            405    405    405    405        403    200    403    200
flow_complete         405    405    405    405        403    200    403    200
flow_edit             405    405    405    405        403    200    403    200
flow_procedures       200    200    200    200        405    405    405    405
flow_procedure        200    200    200    200        405    405    405    405
flow_picture          405    405    405    405        200    200    200    200
flow_picture_file     200    200    200    200        405    405    405    405
flow_run              403    403    200    200        403    403    302*   302*
flow_settings         403    200    403    200        403    302*   403    302*
flow_schedules        200    200    200    200        405    405    405    405
flow_schedule_add     403    200    200    200        403    302*   302*   302*
flow_schedule_change  403    200    200    200        403    302*   302*   302*
flow_schedule_delete  403    200    200    200        403    302*   302*   302*
flow_workers          200    200    200    200        405    405    405    405
flow_outcome          403    403    200    200        405    405    405    405
flow_restore          405    405    405    405        403    302*   403    302*
flow_changelist       200    200    200    200        200    302*   302    302*
flow_add              403    200    403    200        403    302*   403    302*
flow_history          200    200    200    200        200    200    200    200
flow_delete           403    200    403    200        403    302*   403    302*
flow_change           200    200    200    200        403    302*   403    302*
run_diff              200    200    200    200        405    405    405    405
run_live              200    200    200    200        405    405    405    405
run_resume            403    403    200    200        403    403    302*   302*
run_origin            200    200    200    200        405    405    405    405
run_cancel            405    405    405    405        403    403    302*   302*
run_text              200    200    200    200        405    405    405    405
run_step_text         200    200    200    200        405    405    405    405
run_changelist        200    200    200    200        405    405    405    405
run_add               403    403    403    403        403    403    403    403
run_history           404    404    404    404        405    405    405    405
run_delete            403    403    403    403        403    403    403    403
run_change            200    200    200    200        405    405    405    405
syslog_rows           200    200    200    200        405    405    405    405
syslog_download       200    200    200    200        405    405    405    405
syslog_prune          403    403    200    200        403    403    302*   302*
syslog_changelist     200    200    200    200        405    405    405    405
syslog_add            403    403    403    403        403    403    403    403
syslog_history        404    404    404    404        405    405    405    405
syslog_delete         403    403    403    403        403    403    403    403
syslog_change         200    200    200    200        405    405    405    405
"""

# Who may do what does not depend on the database.
pytestmark = pytest.mark.no_database

STEP = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}
VALID = json.dumps({"procedures": [STEP]})
OTHER = json.dumps({"procedures": [{**STEP, "params": {"msg": "ho"}}]})
SCHEDULE = {
    "cron": "0 3 * * *",
    "zone": "UTC",
    "overlap": "queue",
    "when_missed": "once",
    "enabled": "on",
    "note": "new",
}
TABLES: tuple[type[Model], ...] = (Flow, FlowVersion, FlowSettings, Schedule, Run, StepRun, SysLog)


@pytest.fixture
def rows(db: None) -> Rows:
    """Rows on which each button of each page would have an effect."""
    rows = make_rows("plain")
    Flow.objects.update(flow_json=VALID)
    FlowVersion.objects.update(document=OTHER)
    Run.objects.update(definition=VALID, inputs="{}")
    SysLog.objects.update(created_at="2020-01-01T00:00:00Z")
    rows.flow.refresh_from_db()
    return rows


@pytest.fixture
def clients(db: None) -> dict[str, Client]:
    call_command("creategroups", verbosity=0)
    return {role: _client(role) for role in ROLES}


def _client(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True, is_superuser=role == "superuser")
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def sent(rows: Rows) -> dict[str, dict[str, Any]]:
    """Return what the button of each page sends."""
    here = {"document": VALID, "cursor": "20"}
    return {
        "flow_check": here,
        "flow_complete": here,
        "flow_edit": here | {"action": "duplicate"},
        "flow_changelist": {"action": "disable_selected", ACTION_CHECKBOX_NAME: rows.flow.pk},
        "flow_add": posted(flow_name="new", flow_json=VALID),
        "flow_change": posted(rows.flow, flow_json=OTHER),
        "flow_delete": {"post": "yes"},
        "flow_settings": {
            "queue": "other",
            "priority": "high",
            "max_active": 2,
            "when_active": "queue",
            "starts_per_minute": "",
        },
        "flow_schedule_add": SCHEDULE,
        "flow_schedule_change": SCHEDULE,
        "run_resume": {"way": "own", "nonce": "x"},
        "syslog_prune": {"older_than": "90d", "keep_errors": ""},
        "syslog_changelist": {"action": "delete_selected", ACTION_CHECKBOX_NAME: rows.log_row.pk},
    }


def stored() -> list[tuple[Any, ...]]:
    """Return all rows as the driver gives them: this is asked hundreds of times."""
    with connection.cursor() as cursor:
        return [
            row
            for model in TABLES
            for row in cursor.execute(f"SELECT * FROM {model._meta.db_table} ORDER BY id").fetchall()
        ]


def name_of(pattern: URLPattern) -> str:
    return str(pattern.name).removeprefix(PREFIX)


def got(client: Client, pattern: URLPattern, rows: Rows) -> str:
    """Return the status, with a star where a row has changed."""
    Flow.objects.update(deleted=False)
    before = stored()
    queries: dict[str, dict[str, Any]] = {
        "flow_compare": {"old": "1", "new": "2"},
        "run_diff": {"a": rows.run.pk, "b": rows.other_run.pk},
    }
    status = client.get(address(pattern, rows), queries.get(name_of(pattern))).status_code
    return f"{status}" if stored() == before else f"{status}*"


def answered(client: Client, pattern: URLPattern, rows: Rows) -> str:
    """Return the status of a POST, with a star where a row has changed; take back what it did."""
    # What is to be restored must be deleted.
    Flow.objects.update(deleted=name_of(pattern) == "flow_restore")
    before = stored()
    with transaction.atomic():
        status = client.post(address(pattern, rows), sent(rows).get(name_of(pattern), {})).status_code
        changed = stored() != before
        transaction.set_rollback(True)
    return f"{status}*" if changed else f"{status}"


def test_each_role_may_do_what_the_table_says_and_nothing_changes_by_get(
    rows: Rows, clients: dict[str, Client]
) -> None:
    found = {}
    for pattern in every_url():
        cells = [got(clients[role], pattern, rows) for role in ROLES]
        found[name_of(pattern)] = cells + [answered(clients[role], pattern, rows) for role in ROLES]
    said = {name: cells for name, *cells in map(str.split, TABLE.strip().splitlines()[2:])}
    assert found == said


def test_who_is_not_logged_in_is_sent_to_the_login(rows: Rows, client: Client) -> None:
    before = stored()
    for pattern in every_url():
        for answer in (client.get(address(pattern, rows)), client.post(address(pattern, rows), {"post": "yes"})):
            assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/"), pattern
    assert stored() == before


def test_a_post_without_the_token_of_its_page_is_refused(rows: Rows) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("root"))
    before = stored()
    for pattern in every_url():
        assert client.post(address(pattern, rows), sent(rows).get(name_of(pattern), {})).status_code == 403, pattern
    assert stored() == before
