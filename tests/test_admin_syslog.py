"""The log in the admin, asked from outside: it is read, narrowed and searched, and never written."""

import re
from datetime import datetime, timedelta
from html import unescape
from itertools import cycle, product
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.log_pages import pages
from flows.log_pages.histogram import read_histogram
from flows.log_pages.selection import Selection
from flows.models import LEVELS, SysLog
from flows.paging.keys import Cursor
from flows.paging.periods import read_time
from flows.templatetags.flow_text import visible_lines
from tests.users import client_with

LIST = "/admin/flows/syslog/"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"
TRACEBACK = 'it failed\nTraceback (most recent call last):\n\tFile "x.py"\nKeyError: <b>'

pytestmark = pytest.mark.django_db


def write(message: str = "hello", level: str = "INFO", ago: timedelta = timedelta(0), logger: str = "flows") -> SysLog:
    return SysLog.objects.create(created_at=timezone.now() - ago, level=level, logger_name=logger, message=message)


def page(row: SysLog, name: str = "change") -> str:
    return f"{LIST}{row.pk}/{name}/"


def messages_in(response: Any) -> list[str]:
    ids = [row.id for row in response.context["rows"]]
    stored = SysLog.objects.in_bulk(ids)
    return [stored[number].message for number in ids]


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
    [("15m", ["1m"]), ("1h", ["1m", "20m"]), ("24h", ["1m", "20m", "2h"]), ("7d", ["1m", "20m", "2h", "2d"])],
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


ODD_VALUES = (
    "x", "-1", "0", "1e9", "9" * 19, "9" * 40, "1@", "1@x", "1@9999-12-31", "@", "\x00", "\ud800", "\U0001f389", "%",
    "_", "\\", "'", '"', "[", "(", ".*", "\n", "é", "ß", "a" * 5000, "0001-01-01", "9999-12-31T23:59:59-23:59",
    "2026-03-29 02:30", "0000-00-00", "CRITICAL", "nonsense-up", "-up", "24h", "\u202e", "<script>", "/", "../../x",
)  # fmt: skip
OURS = [
    "level",
    "logger",
    "flow",
    "run",
    "step",
    "q",
    "time",
    "since",
    "until",
    "before",
    "after",
    "at",
    "from",
    "format",
]
NOT_OURS = ["p", "o", "all", "e", "_popup", "_to_field", "nonsense", "level__in", "created_at__year"]


@pytest.mark.parametrize("name", OURS)
def test_no_value_of_a_parameter_makes_a_query_that_fails(name: str) -> None:
    write("[flow=hello run=1 step=a] text")
    for value, more in product(ODD_VALUES, ({}, {"since": "2026-01-01", "level": "INFO-up"})):
        asked = QueryDict(urlencode({**more, name: value}, errors="surrogatepass")).dict()
        selection, _ = Selection.read(asked)
        moment = read_time(asked[name])
        cursor = pages.at_time(selection, moment) if moment else Cursor.read(asked, is_timed=selection.is_timed)
        assert len(pages.read_page(selection, cursor).rows) <= 1, asked
        assert len(pages.read_newer(selection, 0).rows) <= 1, asked
        read_histogram(selection)


# What a page makes of a value does not depend on the database; what it asks for does, and is tried above.
@pytest.mark.no_database
@pytest.mark.parametrize("name", OURS)
def test_no_value_of_a_parameter_is_a_server_error(admin_client: Client, name: str) -> None:
    row = write("[flow=hello run=1 step=a] text")
    # Each value on the list, and in turn on one of the pages that read it the same way.
    others = cycle((f"{LIST}?since=2026-01-01&level=INFO-up&", f"{page(row)}?", f"{LIST}rows/?q=text&"))
    for value, other in zip(ODD_VALUES, others, strict=False):
        alone = urlencode({name: value}, errors="surrogatepass")
        for address in (f"{LIST}?{alone}", f"{other}{alone}"):
            assert admin_client.get(address).status_code == 200, address


@pytest.mark.parametrize("name", OURS)
def test_no_value_of_a_parameter_breaks_a_download(admin_client: Client, name: str) -> None:
    write("[flow=hello run=1 step=a] text")
    for value in ODD_VALUES[OURS.index(name) % 2 :: 2]:
        alone = urlencode({name: value}, errors="surrogatepass")
        answer: Any = admin_client.get(f"{LIST}download/?{alone}")
        assert answer.status_code == 200 or name == "format", alone
        assert answer.status_code == 404 or list(answer.streaming_content), alone


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_parameter_of_nobody_is_ignored(admin_client: Client, name: str) -> None:
    write()
    assert messages_in(admin_client.get(f"{LIST}?{name}=x")) == ["hello"]


@pytest.mark.parametrize("number", ["0", "999", "9" * 40, "x", "-1", "1_2f", "%00", "a/b", "1/2"])
def test_a_row_that_is_not_there_is_not_found(admin_client: Client, number: str) -> None:
    assert admin_client.get(f"{LIST}{number}/change/").status_code == 404


def test_the_search_looks_into_the_whole_message(admin_client: Client) -> None:
    write(TRACEBACK)
    write("other")
    assert len(messages_in(admin_client.get(f"{LIST}?q=KeyError"))) == 1


def test_the_page_of_a_row_shows_the_whole_text_with_its_lines(admin_client: Client) -> None:
    text = admin_client.get(page(write(TRACEBACK))).content.decode()
    assert (
        '<pre class="flow-text" tabindex="0">it failed\nTraceback (most recent call last):\n\tFile &quot;x.py&quot;\n'
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


def text_of(client: Client, address: str) -> str:
    """Return the page without its markup, on one line."""
    text = re.sub(r"<[^>]*>", " ", client.get(address).content.decode())
    return " ".join(unescape(text).split())


def test_an_empty_result_says_what_was_searched_and_offers_to_widen(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 2)
    for number in range(4):
        write(f"row {number}")
    text = text_of(admin_client, f"{LIST}?q=absent&level=INFO")
    assert "Searched so far: the newest" in text
    assert "not yet what was written at" in text
    assert 'No row of level INFO , text "absent" among the rows that were searched. There are more rows' in text
    assert "Search older rows" in text
    assert 'Without text "absent"' in text
    response = admin_client.get(f"{LIST}?q=absent&level=INFO")
    text = text_of(admin_client, response.context["searched"]["url"])
    assert "Searched to the oldest row" in text
    assert "Search older rows" not in text
    text = text_of(admin_client, f"{LIST}?q=absent&time=1h")
    assert "The same at any time" in text


def test_matches_are_marked_and_what_they_stand_in_is_escaped(admin_client: Client) -> None:
    row = write("<b>Needle</b> and a\x1bneedle <script>" + "x" * 500 + "\n <i>deep down</i>")
    for address in (f"{LIST}?q=needle", page(row) + "?q=needle"):
        text = admin_client.get(address).content.decode()
        assert r"&lt;b&gt;<mark>Needle</mark>&lt;/b&gt; and a\x1b<mark>needle</mark> &lt;script&gt;" in text
    for sought, marked in (("<script>", "&lt;script&gt;"), ("\x1b", r"\x1b"), ("<i>deep", "&lt;i&gt;deep")):
        text = admin_client.get(LIST, {"q": sought}).content.decode()
        assert f"<mark>{marked}</mark>" in text
        assert "<i>deep" not in text


def test_flow_run_and_step_of_a_row_are_links_that_narrow_the_list(admin_client: Client) -> None:
    write('[flow="a b" run=7 step=load] ready')
    write("[flow=other run=7] text")
    text = admin_client.get(LIST).content.decode()
    assert 'href="/admin/flows/syslog/?flow=a+b&amp;run=7&amp;step=load"' in text
    assert len(messages_in(admin_client.get(f"{LIST}?flow=a+b&run=7"))) == 1
    assert len(messages_in(admin_client.get(f"{LIST}?run=7"))) == 2
    assert messages_in(admin_client.get(f"{LIST}?step=load")) == ['[flow="a b" run=7 step=load] ready']


def test_a_logger_finds_itself_and_those_below(admin_client: Client) -> None:
    for name in ("procedures", "procedures.common.Kt", "procedures2"):
        write(name, logger=name)
    assert messages_in(admin_client.get(f"{LIST}?logger=procedures")) == ["procedures.common.Kt", "procedures"]


def test_pages_lead_on_and_back_and_keep_the_filters(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(250):
        write(str(number), "ERROR" if number % 2 else "INFO")
    for query in ("", "level=ERROR", "time=24h", "logger=flows", "level=ERROR&time=1h"):
        found, address = [], f"{LIST}?{query}"
        while address:
            response = admin_client.get(address)
            found += messages_in(response)
            address = response.context["links"]["older"]
            assert all(part in address for part in query.split("&")) or not address
        assert found == [str(n) for n in range(249, -1, -1) if n % 2 or "ERROR" not in query]
        back = admin_client.get(response.context["links"]["newer"])
        assert messages_in(back)


def test_a_row_opens_with_its_neighbours_and_keeps_the_filters(admin_client: Client) -> None:
    rows = [write(f"row {number}", ago=timedelta(seconds=9 - number)) for number in range(9)]
    response = admin_client.get(page(rows[4]) + "?level=INFO&q=row")
    assert [one.id for one in response.context["before"]] == [row.pk for row in rows[3::-1]]
    assert [one.id for one in response.context["after"]] == [row.pk for row in rows[:4:-1]]
    text = response.content.decode()
    assert f'href="{page(rows[3])}?level=INFO&amp;q=row"' in text
    assert messages_in(admin_client.get(response.context["around_url"]))[0] == "row 4"


def test_new_rows_come_as_the_list_shows_them(admin_client: Client) -> None:
    first, second = write("known"), write("<b>second")
    text = admin_client.get(f"{LIST}rows/?after={first.pk}&level=INFO").content.decode()
    assert f'data-last="{second.pk}"' in text
    assert "&lt;b&gt;second" in text
    assert "known" not in text
    row_in_list = admin_client.get(LIST).content.decode().split(f'data-id="{second.pk}"')[1].split("</tr>")[0]
    assert row_in_list.replace("/change/", "/change/?level=INFO").split() in [
        text.split(f'data-id="{second.pk}"')[1].split("</tr>")[0].split()
    ]


@pytest.mark.parametrize(
    ("ending", "kind"), [("txt", "text/plain"), ("csv", "text/csv"), ("jsonl", "application/jsonl")]
)
def test_what_is_filtered_can_be_taken_away(admin_client: Client, ending: str, kind: str) -> None:
    write("wanted" + HOSTILE, "ERROR")
    write("other")
    response = admin_client.get(f"{LIST}download/?format={ending}&level=ERROR")
    assert response.streaming
    assert response["Content-Type"].startswith(kind)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(rf'attachment; filename="log-[0-9]{{8}}-[0-9]{{6}}\.{ending}"', response["Content-Disposition"])
    text = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert "wanted" in text
    assert "other" not in text
    assert not {"\x1b", "\u202e"} & set(text)


def test_a_bar_of_the_histogram_narrows_the_list_to_its_rows(admin_client: Client) -> None:
    for minute in range(50):
        write(f"row {minute}", "ERROR" if minute == 20 else "INFO", ago=timedelta(minutes=minute))
    text = admin_client.get(f"{LIST}?level=INFO-up").content.decode()
    assert "<title id=" in text
    assert "<desc id=" in text
    address = unescape(re.findall(r'<a href="([^"]*)" aria-label="[^"]*ERROR', text)[0])
    assert "level=INFO-up" in address
    assert "row 20" in messages_in(admin_client.get(address))


# Cost


@pytest.mark.parametrize(
    "query",
    ["", "?level=ERROR-up", "?q=x", "?q=x&time=1h&level=ERROR", "?logger=x&at=2026-01-01", "?flow=x&from=oldest"],
)
def test_a_page_makes_at_most_five_queries_and_reads_no_whole_message(admin_client: Client, query: str) -> None:
    for number in range(3):
        write(f"row {number}\n" + "y" * 1000)
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(LIST + query)
    ours = [statement["sql"] for statement in queries if "wf_syslog" in statement["sql"]]
    assert 0 < len(ours) <= 5
    assert len(queries) == len(ours) + 2
    for statement in ours:
        for word in ("COUNT(", "OFFSET", "DISTINCT", "SELECT `wf_syslog`.`message`", ", `wf_syslog`.`message`"):
            assert word not in statement.upper().replace("WF_SYSLOG", "wf_syslog").replace("MESSAGE", "message")


# Who may do what


def every_page_of(row: SysLog) -> list[str]:
    return [LIST, page(row), f"{LIST}rows/", f"{LIST}download/"]


def test_who_may_view_the_log_may_read_it_and_others_may_not(client: Client) -> None:
    row = write()
    assert client.get(LIST).status_code == 302
    reader = client_with("view_syslog")
    assert [reader.get(address).status_code for address in every_page_of(row)] == [200] * 4


def test_no_other_permission_opens_the_log() -> None:
    row = write()
    others = client_with("view_flow", "change_flow", "run_flow", "add_syslog", "delete_syslog")
    assert [others.get(address).status_code for address in every_page_of(row)] == [403] * 4


def test_nobody_can_add_change_or_delete_a_row_not_even_a_superuser(admin_client: Client) -> None:
    row = write()
    before = SysLog.objects.values().get()
    data = {"message": "changed", "post": "yes", "_save": "Save"}
    for address in (f"{LIST}add/", page(row, "delete")):
        assert admin_client.post(address, data).status_code == 403
    for address in (LIST, page(row), page(row, "history"), f"{LIST}rows/", f"{LIST}download/"):
        for method in (admin_client.post, admin_client.put, admin_client.patch, admin_client.delete):
            assert method(address, data).status_code == 405
    for address in (f"{LIST}add/", page(row, "delete")):
        assert admin_client.get(address).status_code == 403
    assert SysLog.objects.values().get() == before
    text = admin_client.get(page(row)).content.decode() + admin_client.get(LIST).content.decode()
    for word in ('name="_save"', "delete_selected", "/syslog/add/", "deletelink", "historylink"):
        assert word not in text
