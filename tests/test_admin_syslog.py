"""The log in the admin, asked from outside: it is read, narrowed and searched, and never written."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.admin.syslog import NewestFirstPaginator
from flows.models import LEVELS, SysLog
from flows.templatetags.flow_text import visible_lines

LIST = "/admin/flows/syslog/"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"
TRACEBACK = 'it failed\nTraceback (most recent call last):\n\tFile "x.py"\nKeyError: <b>'

pytestmark = pytest.mark.django_db


def write(message: str = "hello", level: str = "INFO", ago: timedelta = timedelta(0), logger: str = "flows") -> SysLog:
    return SysLog.objects.create(created_at=timezone.now() - ago, level=level, logger_name=logger, message=message)


def page(row: SysLog, name: str = "change") -> str:
    return f"{LIST}{row.pk}/{name}/"


def messages_in(response: Any) -> list[str]:
    return [row.message for row in response.context["cl"].result_list]


def test_a_row_shows_local_time_with_milliseconds_level_logger_and_the_first_line(admin_client: Client) -> None:
    moment = datetime(2026, 3, 1, 8, 39, 2, 7_000, tzinfo=ZoneInfo("UTC"))
    SysLog.objects.create(created_at=moment, level="ERROR", logger_name="procedures.common.Kt", message=TRACEBACK)
    text = admin_client.get(LIST).content.decode()
    local = timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S.007")
    assert f'<span class="log-time">{local}</span>' in text
    assert '<span class="log-level log-error">ERROR</span>' in text
    assert "procedures.<wbr>common.<wbr>Kt" in text
    assert "it failed …" in text
    assert "Traceback" not in text


def test_rows_that_others_wrote_are_shown_whatever_they_hold(admin_client: Client) -> None:
    rows = [
        write(""),
        write("\n\n  x"),
        write("y" * 60_000),
        write(level="warn"),
        write(HOSTILE, HOSTILE[:16], logger=HOSTILE),
    ]
    assert admin_client.get(LIST).status_code == 200
    for row in rows:
        assert admin_client.get(page(row)).status_code == 200


def test_the_newest_row_stands_first(admin_client: Client) -> None:
    write("older", ago=timedelta(0))
    write("newer", ago=timedelta(hours=1))
    assert messages_in(admin_client.get(LIST)) == ["newer", "older"]


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ("", LEVELS),
        ("?level=ERROR", ["ERROR"]),
        ("?level=ERROR-up", ["ERROR", "CRITICAL"]),
        ("?level=WARNING-up", ["WARNING", "ERROR", "CRITICAL"]),
        ("?level=INFO-up", ["INFO", "WARNING", "ERROR", "CRITICAL"]),
        ("?level=nonsense", []),
        ("?level=nonsense-up", []),
    ],
)
def test_the_level_filter_takes_one_level_or_all_above(admin_client: Client, query: str, levels: list[str]) -> None:
    for level in LEVELS:
        write(level, level)
    assert messages_in(admin_client.get(LIST + query)) == list(reversed(levels))


@pytest.mark.parametrize(
    ("period", "found"),
    [("15m", ["1m"]), ("1h", ["20m", "1m"]), ("24h", ["2h", "20m", "1m"]), ("7d", ["2d", "2h", "20m", "1m"])],
)
def test_the_time_filter_takes_a_period_up_to_now(admin_client: Client, period: str, found: list[str]) -> None:
    ages = {
        "1m": timedelta(minutes=1),
        "20m": timedelta(minutes=20),
        "2h": timedelta(hours=2),
        "2d": timedelta(days=2),
        "8d": timedelta(days=8),
    }
    for name, ago in ages.items():
        write(name, ago=ago)
    assert messages_in(admin_client.get(f"{LIST}?time={period}")) == found


def test_today_begins_at_the_local_midnight(admin_client: Client) -> None:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    write("yesterday", ago=timezone.now() - midnight + timedelta(milliseconds=5))
    write("today", ago=timezone.now() - midnight - timedelta(milliseconds=5))
    assert messages_in(admin_client.get(f"{LIST}?time=today")) == ["today"]


def test_the_time_filter_takes_a_range_of_local_times(admin_client: Client) -> None:
    for minute in range(3):
        moment = timezone.make_aware(datetime(2026, 3, 1, 8, minute))
        SysLog.objects.create(created_at=moment, level="INFO", logger_name="x", message=str(minute))
    assert messages_in(admin_client.get(f"{LIST}?since=2026-03-01T08:01")) == ["2", "1"]
    assert messages_in(admin_client.get(f"{LIST}?since=2026-03-01+08:01:00.000&until=2026-03-01T08:01")) == ["1"]
    response = admin_client.get(f"{LIST}?since=2026-03-01T08:01&level=INFO&q=x")
    assert '<input type="hidden" name="level" value="INFO">' in response.content.decode()


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "9999-12-31T23:59:59-23:59", HOSTILE])
def test_a_time_that_is_none_is_said_and_ignored(admin_client: Client, text: str) -> None:
    write()
    response = admin_client.get(LIST, {"since": text})
    assert messages_in(response) == ["hello"]
    assert "is no time and was ignored" in str(next(iter(response.context["messages"])))
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


@pytest.mark.parametrize("query", ["?p=999", "?p=x", "?time=nonsense", "?nonsense=1", "?o=1.2", "?all=", "?e=1"])
def test_a_bad_address_is_no_server_error(admin_client: Client, query: str) -> None:
    write()
    assert admin_client.get(LIST + query).status_code in {200, 302}


def test_the_search_looks_into_the_whole_message(admin_client: Client) -> None:
    write(TRACEBACK)
    write("other")
    assert len(messages_in(admin_client.get(f"{LIST}?q=KeyError"))) == 1


def test_the_page_of_a_row_shows_the_whole_text_with_its_lines(admin_client: Client) -> None:
    text = admin_client.get(page(write(TRACEBACK))).content.decode()
    assert (
        '<pre class="flow-text">it failed\nTraceback (most recent call last):\n\tFile &quot;x.py&quot;\n'
        "KeyError: &lt;b&gt;</pre>"
    ) in text


def test_hostile_text_is_escaped_in_list_and_page(admin_client: Client) -> None:
    row = write(HOSTILE, HOSTILE[-16:], logger=HOSTILE)
    for address in (LIST, page(row)):
        text = admin_client.get(address).content.decode()
        assert "<script>alert" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert r"\x1b[31m\u202eevil" in text


def test_lines_and_tabs_stay_and_everything_else_that_is_invisible_is_shown() -> None:
    assert visible_lines("a\r\n\tb\rc\x00\u2028\u200b\ufeff") == "a\n\tb\\rc\\x00\\u2028\\u200b\\ufeff"


def test_an_empty_log_says_how_it_is_filled(admin_client: Client) -> None:
    assert "No log rows yet" in admin_client.get(LIST).content.decode()
    assert "No log rows yet" not in admin_client.get(LIST + "?level=ERROR").content.decode()


# Cost


def test_the_list_counts_no_more_than_it_lists_and_reads_no_whole_message(admin_client: Client) -> None:
    for number in range(3):
        write(f"row {number}\n" + "x" * 1000)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        admin_client.get(LIST)
    statements = [query["sql"] for query in queries if "wf_syslog" in query["sql"]]
    assert len(statements) == 2
    assert len(queries) == 4
    assert "LIMIT 10000" in statements[0]
    assert "DISTINCT" not in "".join(statements)
    assert "OFFSET" not in "".join(statements)


def test_rows_beyond_the_last_page_are_not_passed_over_in_silence(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NewestFirstPaginator, "MOST", 2)
    write()
    assert "there may be older ones" not in admin_client.get(LIST).content.decode()
    write()
    assert "Only the newest 2 rows" in admin_client.get(LIST).content.decode()


# Who may do what


def client_with(*codenames: str) -> Client:
    user = User.objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="flows"))
    client = Client()
    client.force_login(user)
    return client


def test_who_may_view_the_log_may_read_it_and_others_may_not(client: Client) -> None:
    row = write()
    assert client.get(LIST).status_code == 302
    reader = client_with("view_syslog")
    assert [reader.get(LIST).status_code, reader.get(page(row)).status_code] == [200, 200]


def test_no_other_permission_opens_the_log() -> None:
    row = write()
    others = client_with("view_flow", "change_flow", "run_flow", "add_syslog", "delete_syslog")
    assert [others.get(LIST).status_code, others.get(page(row)).status_code] == [403, 403]


def test_nobody_can_add_change_or_delete_a_row_not_even_a_superuser(admin_client: Client) -> None:
    row = write()
    before = SysLog.objects.values().get()
    data = {"message": "changed", "post": "yes", "_save": "Save"}
    for address in (f"{LIST}add/", page(row), page(row, "delete")):
        assert admin_client.post(address, data).status_code == 403
    for address in (f"{LIST}add/", page(row, "delete")):
        assert admin_client.get(address).status_code == 403
    admin_client.post(LIST, {"action": "delete_selected", "index": 0, "_selected_action": [row.pk], "post": "yes"})
    admin_client.post(LIST, {"_save": "Save", "form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "1"})
    assert SysLog.objects.values().get() == before
    text = admin_client.get(page(row)).content.decode() + admin_client.get(LIST).content.decode()
    for word in ('name="_save"', "delete_selected", "/syslog/add/", "deletelink", "historylink"):
        assert word not in text
