"""The versions of flows: kept with every change, listed, compared, restored, for those who may."""

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from flows import exchange, versions
from flows.engine import InvalidFlow
from flows.models import Flow, FlowVersion
from tests.conftest import RUN_MANAGE
from tests.servers import MariaDB
from tests.test_admin_flows import (
    ADD,
    EVERYBODY,
    HELLO,
    HOSTILE,
    LIST,
    inline,
    make_flow,
    messages_of,
    page,
    posted,
)
from tests.users import client_with

pytestmark = pytest.mark.django_db

STEP = HELLO["procedures"][0]
TWO = {"procedures": [STEP, {**STEP, "name": "b"}]}
UNKNOWN = {"procedures": [{**STEP, "mod": "no.Such"}]}


def text(document: Any) -> str:
    return json.dumps(document, indent=2)


def kept(flow: Flow) -> list[tuple[int, str, str, str]]:
    """Return what is told of each version, the oldest first."""
    return [(one.number, one.author, one.why, one.changes) for one in FlowVersion.objects.of(flow.pk).reverse()]


def keep(flow: Flow, author: str = "ann", **fields: Any) -> None:
    """Change a flow as our use-cases do."""
    with versions.keeping(flow, author=author):
        for name, value in fields.items():
            setattr(flow, name, value)
        flow.save_fields(fields)


def another_program(flow: Flow, **columns: Any) -> None:
    """Change a row behind our back."""
    with connection.cursor() as cursor:
        for column, value in columns.items():
            cursor.execute(f"UPDATE wf_flow SET {column} = %s WHERE id = %s", [value, flow.pk])


def url(flow: Flow, name: str, number: int = 0, query: str = "") -> str:
    return reverse(f"admin:flows_flow_{name}", args=[flow.pk, number] if number else [flow.pk]) + query


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def flow() -> Flow:
    """A flow of which version 1 is kept."""
    made = Flow(flow_name="hello", flow_json=text(HELLO), enabled=True)
    with versions.keeping(made, author="maker"):
        made.save()
    return made


@pytest.fixture
def no_table() -> Iterator[None]:
    """A site that has not run `migrate` yet."""
    _rename("wf_flow_version", "hidden")
    versions._say_once.cache_clear()
    yield
    _rename("hidden", "wf_flow_version")


def _rename(old: str, new: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")


# Each way of changing


def test_a_new_flow_has_its_first_version_and_each_save_adds_one_with_who_and_why(admin: Client) -> None:
    admin.post(ADD, posted(flow_name="hello", enabled="on", flow_json=text(HELLO), why="asked for"))
    flow = Flow.objects.get()
    admin.post(page(flow), posted(flow, flow_json=text(TWO), why="  a second greeting "))
    flow.refresh_from_db()
    admin.post(page(flow), posted(flow, flow_name="hallo", enabled=None))
    assert kept(flow) == [
        (1, "admin", "asked for", "first version"),
        (2, "admin", "a second greeting", "+1 step"),
        (3, "admin", "", "name changed, disabled"),
    ]
    assert [json.loads(one.document) for one in FlowVersion.objects.of(flow.pk)] == [TWO, TWO, HELLO]


def test_deleting_and_restoring_on_the_page_add_a_version_each(admin: Client, flow: Flow) -> None:
    admin.post(page(flow, "delete"), {"post": "yes"})
    admin.post(page(flow, "restore"))
    admin.post(page(flow, "restore"))
    assert [told[3] for told in kept(flow)] == ["first version", "deleted", "no longer deleted"]


@pytest.mark.parametrize(
    ("action", "before", "changes"),
    [
        ("enable_selected", {"enabled": False}, "enabled"),
        ("disable_selected", {"enabled": True}, "disabled"),
        ("delete_selected", {"deleted": False}, "deleted"),
        ("restore_selected", {"deleted": True}, "no longer deleted"),
    ],
)
def test_each_action_adds_a_version_to_the_flows_that_it_changes(
    admin: Client, action: str, before: dict[str, bool], changes: str
) -> None:
    flows = [make_flow(name, **before) for name in ("a", "b")]
    alike = make_flow("c", **{flag: not value for flag, value in before.items()})
    data = {"index": 0, "action": action, "_selected_action": [one.pk for one in (*flows, alike)]}
    for _ in range(2):
        admin.post(LIST + "?deleted=all", data)
    for one in flows:
        assert kept(one) == [(1, "", versions.FOUND, "first version"), (2, "admin", "", changes)]
    assert kept(alike) == []


def test_the_switch_in_the_list_adds_a_version_where_it_was_moved(admin: Client, flow: Flow) -> None:
    other = make_flow("other")
    admin.post(LIST, inline((flow, True, False), (other, True, True)))
    assert [told[3] for told in kept(flow)] == ["first version", "disabled"]
    assert kept(other) == []


def test_an_import_keeps_versions_that_name_its_file(tmp_path: Path) -> None:
    path = tmp_path / "hello.json"
    for document in (HELLO, HELLO, TWO):
        path.write_text(text(document))
        exchange.import_flows([path], exchange.Wishes())
    flow = Flow.objects.get()
    why = f"Imported from {path}"
    assert kept(flow) == [
        (1, "importflows (command)", why if len(why) <= 200 else "…" + why[-199:], "first version"),
        (2, "importflows (command)", why if len(why) <= 200 else "…" + why[-199:], "+1 step"),
    ]


def test_a_long_reason_keeps_its_end_and_fits() -> None:
    flow = make_flow()
    with versions.keeping(flow, author="x" * 300, why="/folder" * 100 + "/hello.json"):
        flow.disable()
    version = FlowVersion.objects.latest_of([flow.pk])[flow.pk]
    version.refresh_from_db()
    assert (len(version.why), version.why[0], version.why[-11:]) == (200, "…", "/hello.json")
    assert version.author == "x" * 150


@pytest.mark.parametrize("changes", [{}, {"why": "no reason"}])
def test_a_save_that_changes_nothing_adds_no_version(admin: Client, flow: Flow, changes: dict[str, str]) -> None:
    assert admin.post(page(flow), posted(flow, **changes)).status_code == 302
    keep(flow, enabled=True)
    assert len(kept(flow)) == 1


def test_a_null_flag_is_the_same_as_off(flow: Flow) -> None:
    keep(flow, enabled=False)
    keep(flow, enabled=None, deleted=None)
    assert [told[3] for told in kept(flow)] == ["first version", "disabled"]


def test_a_change_that_fails_leaves_no_version(flow: Flow) -> None:
    with suppress(ZeroDivisionError), versions.keeping(flow, author="ann"):
        flow.disable()
        raise ZeroDivisionError
    assert len(kept(flow)) == 1
    assert Flow.objects.get().enabled is True


@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_time_are_numbered_one_after_another(flow: Flow) -> None:
    def change(number: int) -> None:
        try:
            keep(Flow.objects.get(), author=str(number), flow_json=text({**HELLO, "_note": str(number)}))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(24)))
    assert [told[0] for told in kept(flow)] == list(range(1, 26))
    assert {told[2] for told in kept(flow)} == {""}


# Other programs


def test_a_row_that_is_older_than_versions_is_kept_as_it_is_before_it_is_changed(admin: Client) -> None:
    flow = make_flow()
    admin.post(page(flow), posted(flow, flow_json=text(TWO)))
    assert kept(flow) == [(1, "", versions.FOUND, "first version"), (2, "admin", "", "+1 step")]
    assert json.loads(FlowVersion.objects.get(number=1).document) == HELLO


def test_what_another_program_wrote_is_kept_before_it_is_replaced(admin: Client, flow: Flow) -> None:
    another_program(flow, flow_json=text(TWO), enabled=0)
    flow.refresh_from_db()
    admin.post(page(flow), posted(flow, flow_json=text(HELLO)))
    assert kept(flow)[1:] == [(2, "", versions.FOUND, "+1 step, disabled"), (3, "admin", "", "\u22121 step")]


def test_the_list_shows_what_another_program_wrote_and_keeps_nothing_by_a_get(admin: Client, flow: Flow) -> None:
    assert "stored now" not in html(admin, url(flow, "versions"))
    another_program(flow, flow_json=text(TWO))
    shown = html(admin, url(flow, "versions"))
    assert "stored now" in shown
    assert "+1 step" in shown
    assert "Stored now" in html(admin, url(flow, "compare", query="?old=1&new=stored"))
    assert len(kept(flow)) == 1


def test_the_hash_is_that_of_the_stored_text_and_finds_the_latest_version_that_has_it(flow: Flow) -> None:
    keep(flow, flow_json=text(TWO))
    keep(flow, flow_json=text(HELLO))
    keep(flow, enabled=False)
    stored = Flow.objects.get().flow_json
    found = versions.version_of(flow.pk, hashlib.sha256(stored.encode()).hexdigest())
    assert found is not None
    assert found.number == 4
    assert versions.version_of(flow.pk + 1, found.document_hash) is None
    assert versions.version_of(flow.pk, "0" * 64) is None


def test_versions_hold_any_text(flow: Flow) -> None:
    wide = text({**HELLO, "_note": "每日报表 🎉 \u202e"})
    keep(flow, author="每🎉", flow_json=wide, flow_name="日报🎉")
    version = FlowVersion.objects.get(number=2)
    assert (version.flow_name, json.loads(version.document), version.author) == ("日报🎉", json.loads(wide), "每🎉")


# Without the table


@pytest.mark.django_db(transaction=True)
def test_without_the_table_all_works_and_it_is_said_once(
    admin: Client, no_table: None, caplog: pytest.LogCaptureFixture
) -> None:
    flow = make_flow()
    with caplog.at_level(logging.WARNING, "flows.versions"):
        admin.post(page(flow), posted(flow, flow_json=text(TWO)))
        flow.refresh_from_db()
        admin.post(page(flow), posted(flow, enabled=None))
        admin.post(LIST, {"index": 0, "action": "enable_selected", "_selected_action": [flow.pk]})
    flow.refresh_from_db()
    assert (json.loads(flow.flow_json), flow.enabled) == (TWO, True)
    assert [record.getMessage() for record in caplog.records if record.name == "flows.versions"] == [
        "Versions are not kept: the table wf_flow_version is missing. Run: python manage.py migrate"
    ]
    assert versions.version_of(flow.pk, "0" * 64) is None
    assert "manage.py migrate" in html(admin, url(flow, "versions"))
    assert admin.get(url(flow, "version", 1)).status_code == 404
    assert admin.post(url(flow, "restore_version", 1)).status_code == 404
    assert admin.get(page(flow) + "?version=1").status_code == 200


@pytest.mark.no_database
def test_on_the_two_old_tables_alone_the_commands_work(manage: RUN_MANAGE, tmp_path: Path) -> None:
    (tmp_path / "import").mkdir()
    path = tmp_path / "import" / "hello.json"
    assert manage("createtables").returncode == 0
    for document in (HELLO, TWO):
        path.write_text(text(document))
        done = manage("importflows", "--enable", str(path))
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "1 changed."
    assert manage("runflow", "hello").returncode == 0


@pytest.mark.no_database
@pytest.mark.parametrize("charset", ["latin1", "utf8mb3"])
def test_a_database_of_another_character_set_holds_versions_of_any_text(
    manage: RUN_MANAGE, mariadb_server: MariaDB, tmp_path: Path, charset: str
) -> None:
    name = f"versions_{charset}"
    mariadb_server.execute(f"CREATE DATABASE {name} CHARACTER SET {charset}")
    environment = {"DATABASE_URL": mariadb_server.url(name)}
    path = tmp_path / "日报🎉.json"
    path.write_text(json.dumps({**HELLO, "_note": "🎉"}, ensure_ascii=False))
    for command in (["migrate", "-v0"], ["createtables"], ["importflows", str(path)]):
        done = manage(*command, **environment)
        assert done.returncode == 0, done.stderr
    rows = mariadb_server.execute("SELECT flow_name, document LIKE '%🎉%' FROM wf_flow_version", name)
    assert rows == [("日报🎉", 1)]
    table = mariadb_server.execute("SHOW CREATE TABLE wf_flow_version", name)[0][1]
    assert "ENGINE=InnoDB" in table
    assert "CHARSET=utf8mb4" in table
    mariadb_server.execute(f"DROP DATABASE {name}")


# The pages


def test_the_list_tells_of_each_version_the_latest_first(admin: Client, flow: Flow) -> None:
    admin.post(page(flow), posted(flow, flow_json=text(TWO), why="greet twice"))
    response = admin.get(url(flow, "versions"))
    assert [row.number for row in response.context["rows"]] == [2, 1]
    shown = response.content.decode()
    for word in ("+1 step", "greet twice", "maker", url(flow, "version", 2), "?old=1&amp;new=2"):
        assert word in shown


def test_the_history_button_leads_to_the_versions_and_they_to_the_log_of_the_admin(admin: Client, flow: Flow) -> None:
    change = html(admin, page(flow))
    assert f'href="{url(flow, "versions")}"' in change
    assert f'href="{page(flow, "history")}"' not in change
    assert f'href="{page(flow, "history")}"' in html(admin, url(flow, "versions"))


def test_a_flow_without_versions_says_what_the_next_save_does(admin: Client) -> None:
    assert "No version yet" in html(admin, url(make_flow(), "versions"))


def test_the_comparison_shows_steps_keys_flags_and_lines(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text({"procedures": [{**STEP, "params": {"msg": "ho"}}]}), enabled=False)
    shown = html(admin, url(flow, "compare", query="?old=1&new=2"))
    assert "<code>/procedures/0/params/msg</code>" in shown
    assert "<mark>i</mark>" in shown
    assert "<mark>o</mark>" in shown
    assert "enabled" in shown
    assert "flow-fold" in shown


def test_the_layout_of_a_document_is_no_difference(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=json.dumps(HELLO))
    assert kept(flow)[1][3] == "layout changed"
    shown = html(admin, url(flow, "compare", query="?old=1&new=2"))
    assert "Both say the same; only the layout" in shown
    assert "The lines are the same" in shown


def test_documents_that_are_no_json_are_compared_by_lines(admin: Client, flow: Flow) -> None:
    broken = FlowVersion.of_stored(flow)
    broken.number, broken.document, broken.changes = 2, '{"procedures": [\r\n1', "document changed"
    broken.save()
    shown = html(admin, url(flow, "compare", query="?old=1&new=2"))
    assert "not JSON" in shown
    assert "flow-line-changed" in shown
    assert "procedures" in html(admin, url(flow, "version", 2))


@pytest.mark.no_database
def test_huge_documents_make_a_page_of_bounded_size(admin: Client, flow: Flow) -> None:
    for number, letter in ((2, "x"), (3, "y")):
        version = FlowVersion.of_stored(flow)
        version.number, version.changes = number, "document changed"
        version.document = "\n".join([letter * 500_000, *(f"{letter}{line}" for line in range(100_000))])
        version.save()
    shown = html(admin, url(flow, "compare", query="?old=2&new=3"))
    assert "There are more lines" in shown
    assert len(shown) < 2_000_000


@pytest.mark.no_database
def test_many_differences_are_cut_and_counted(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text({**HELLO, "_notes": {str(number): number for number in range(250)}}))
    keep(flow, flow_json=text({**HELLO, "_notes": {str(number): -number - 1 for number in range(250)}}))
    assert "50 more differences" in html(admin, url(flow, "compare", query="?old=2&new=3"))


@pytest.mark.parametrize(
    "query", ["", "?old=1", "?old=1&new=9", "?old=x&new=1", "?old=1&new=" + "9" * 30, "?old=²&new=1"]
)
def test_a_comparison_of_what_is_not_there_is_answered_with_404(admin: Client, flow: Flow, query: str) -> None:
    assert admin.get(url(flow, "compare", query=query)).status_code == 404
    assert admin.get(url(flow, "version", 10**30)).status_code == 404


@pytest.mark.parametrize("count", [1, 500])
def test_the_pages_and_a_save_take_the_same_queries_with_one_version_and_with_500(
    admin: Client, flow: Flow, count: int, django_assert_num_queries: Any
) -> None:
    _copy_versions(flow, count)
    with django_assert_num_queries(7):
        assert len(admin.get(url(flow, "versions")).context["rows"]) == min(count, versions.ON_A_PAGE)
    with django_assert_num_queries(5):
        admin.get(url(flow, "compare", query=f"?old=1&new={count}"))
    with django_assert_num_queries(4):
        admin.get(url(flow, "version", count))
    with django_assert_num_queries(10):
        keep(flow, enabled=False)


def _copy_versions(flow: Flow, count: int) -> None:
    first = FlowVersion.objects.get()
    copies = []
    for number in range(2, count + 1):
        copy = FlowVersion.of_stored(flow)
        copy.number, copy.changes, copy.document_hash = number, "enabled", first.document_hash
        copies.append(copy)
    FlowVersion.objects.bulk_create(copies)


def test_the_list_has_pages(admin: Client, flow: Flow) -> None:
    _copy_versions(flow, 120)
    for query, numbers in (("", (120, 71)), ("?page=3", (20, 1)), ("?page=99", (20, 1)), ("?page=x", (120, 71))):
        rows = admin.get(url(flow, "versions", query=query)).context["rows"]
        assert (rows[0].number, rows[-1].number) == numbers


# Restore


def test_restoring_stores_the_old_document_as_a_new_version(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text(TWO), enabled=False)
    response = admin.post(url(flow, "restore_version", 1), follow=True)
    assert messages_of(response) == ["The document of version 1 is stored again; this is version 3."]
    flow.refresh_from_db()
    assert (json.loads(flow.flow_json), flow.enabled) == (HELLO, False)
    assert kept(flow)[-1] == (3, "admin", "Restored from version 1", "\u22121 step")
    assert LogEntry.objects.get().change_message == "Restored version 1."


def test_restoring_keeps_first_what_another_program_wrote(admin: Client, flow: Flow) -> None:
    another_program(flow, flow_json=text(TWO))
    admin.post(url(flow, "restore_version", 1))
    assert [told[2] for told in kept(flow)] == ["", versions.FOUND, "Restored from version 1"]
    assert json.loads(FlowVersion.objects.get(number=2).document) == TWO


def test_restoring_what_is_stored_does_nothing_and_says_so(admin: Client, flow: Flow) -> None:
    before = Flow.objects.values().get()
    response = admin.post(url(flow, "restore_version", 1), follow=True)
    assert messages_of(response) == ["The flow holds the document of version 1 already."]
    assert (Flow.objects.values().get(), len(kept(flow))) == (before, 1)
    assert "Restore this version" not in html(admin, url(flow, "version", 1))


def test_a_version_that_no_longer_checks_is_refused_with_findings_and_the_way_to_the_editor(
    admin: Client, flow: Flow
) -> None:
    another_program(flow, flow_json=text(UNKNOWN))
    keep(flow, flow_json=text(HELLO))
    before = Flow.objects.values().get()
    response = admin.post(url(flow, "restore_version", 2))
    shown = response.content.decode()
    assert "Not restored" in shown
    assert "<code>/procedures/0/mod</code>" in shown
    assert f'href="{page(flow)}?version=2"' in shown
    assert (Flow.objects.values().get(), len(kept(flow))) == (before, 3)
    with pytest.raises(InvalidFlow):
        versions.restore_version(flow, FlowVersion.objects.get(number=2), "ann")


def test_the_editor_opens_with_the_text_of_a_version_and_saves_it_as_a_change(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text(TWO))
    response = admin.get(page(flow) + "?version=1")
    form = response.context["adminform"].form
    assert "not the stored one" in response.content.decode()
    assert json.loads(form["flow_json"].value()) == HELLO
    data = posted(flow, flow_json=form["flow_json"].value())
    assert data["flow_json-opened"] == form.fields["flow_json"].widget.opened
    admin.post(page(flow) + "?version=1", data)
    assert json.loads(Flow.objects.get().flow_json) == HELLO
    assert kept(flow)[-1][3] == "\u22121 step"


@pytest.mark.parametrize("number", ["9", "x", "9" * 30, "-1", ""])
def test_the_editor_opens_with_the_stored_text_where_there_is_no_such_version(
    admin: Client, flow: Flow, number: str
) -> None:
    response = admin.get(f"{page(flow)}?version={number}")
    assert json.loads(response.context["adminform"].form["flow_json"].value()) == HELLO
    assert "not the stored one" not in response.content.decode()


def test_a_deleted_flow_is_restored_before_its_document_is(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text(TWO), deleted=True)
    assert "Restore this version" not in html(admin, url(flow, "version", 1))
    assert admin.post(url(flow, "restore_version", 1)).status_code == 403
    assert len(kept(flow)) == 2


# Who may do what

PAGES = {"versions": "", "compare": "?old=1&new=2", "version": ""}


def address(flow: Flow, name: str) -> str:
    return url(flow, name, 1 if "version" in name and name != "versions" else 0, PAGES.get(name, ""))


@pytest.mark.no_database
@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who[0] if who else "staff")
def test_pages_are_for_those_who_see_the_flow_and_restoring_for_those_who_change_it(
    flow: Flow, who: tuple[str, ...]
) -> None:
    keep(flow, flow_json=text(TWO))
    before = Flow.objects.values().get()
    client = client_with(*who)
    sees, changes = who in (("view_flow",), ("change_flow",)), who == ("change_flow",)
    assert {client.get(address(flow, name)).status_code for name in PAGES} == ({200} if sees else {403})
    if sees:
        assert ("Restore this version" in html(client, url(flow, "version", 1))) is changes
    assert client.post(url(flow, "restore_version", 1)).status_code == (302 if changes else 403)
    assert (Flow.objects.values().get() != before) is changes


def test_the_line_for_a_reason_says_of_what(admin: Client, flow: Flow) -> None:
    assert "Why this flow" in html(admin, ADD)
    assert "Why this change" in html(admin, page(flow))


def test_a_viewer_is_shown_no_field_for_a_reason_and_no_old_text_to_edit(flow: Flow) -> None:
    keep(flow, flow_json=text(TWO))
    shown = html(client_with("view_flow"), page(flow) + "?version=1")
    assert 'name="why"' not in shown
    assert "not the stored one" not in shown


@pytest.mark.parametrize("name", [*PAGES, "restore_version"])
def test_without_a_login_every_page_leads_to_the_login(client: Client, flow: Flow, name: str) -> None:
    keep(flow, flow_json=text(TWO))
    for answer in (client.get(address(flow, name)), client.post(address(flow, name))):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/admin/login/")
    assert len(kept(flow)) == 2


def test_nothing_is_restored_by_a_get_or_without_the_token(admin: Client, admin_user: User, flow: Flow) -> None:
    keep(flow, flow_json=text(TWO))
    assert admin.get(url(flow, "restore_version", 1)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(url(flow, "restore_version", 1)).status_code == 403
    assert len(kept(flow)) == 2


def test_reading_writes_nothing(admin: Client, flow: Flow) -> None:
    keep(flow, flow_json=text(TWO))
    another_program(flow, flow_json=text(UNKNOWN))
    before = (list(Flow.objects.values()), list(FlowVersion.objects.values()))
    for name in PAGES:
        html(admin, address(flow, name))
    html(admin, page(flow) + "?version=1")
    assert (list(Flow.objects.values()), list(FlowVersion.objects.values())) == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("name", ["versions", "compare", "version", "restore_version"])
@pytest.mark.parametrize("key", ["999999", "9" * 30, "x", "1_2F2"])
def test_an_unknown_flow_is_answered_with_a_redirect(admin: Client, name: str, key: str) -> None:
    arguments: list[Any] = [key, 1] if name in ("version", "restore_version") else [key]
    there = reverse(f"admin:flows_flow_{name}", args=arguments)
    assert (admin.post(there) if name == "restore_version" else admin.get(there)).status_code == 302


def test_hostile_text_is_inert_on_every_page(admin: Client) -> None:
    flow = make_flow(HOSTILE, text({"procedures": [{**STEP, "name": HOSTILE, "params": {HOSTILE: HOSTILE}}]}))
    with versions.keeping(flow, author=HOSTILE, why=HOSTILE):
        flow.disable()
    keep(flow, author=HOSTILE, flow_name="x" + HOSTILE, flow_json=text({"procedures": [], HOSTILE: [HOSTILE]}))
    refused = admin.post(url(flow, "restore_version", 1)).content.decode()
    assert "Not restored" in refused
    pages = [html(admin, url(flow, "versions")), html(admin, url(flow, "version", 1)), refused]
    pages += [html(admin, url(flow, "compare", query=f"?old={old}&new=3")) for old in (1, 2)]
    for shown in pages:
        assert "&lt;script&gt;" in shown
        for bad in ("<script>alert", "\x1b", "\u202e"):
            assert bad not in shown
