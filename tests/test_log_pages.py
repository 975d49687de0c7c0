"""The queries of the log pages: each row is met once, in order, and no page reads more than its share."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.log_context import prefix
from flows.log_pages import download, histogram, pages
from flows.log_pages.histogram import read_histogram
from flows.log_pages.pages import read_newer, read_page
from flows.log_pages.places import Place, split_place
from flows.log_pages.selection import Selection
from flows.models import LEVELS, SysLog
from flows.paging.keys import NEWEST, OLDEST, Cursor, Key
from flows.paging.periods import read_time

pytestmark = pytest.mark.django_db

NOON = timezone.make_aware(datetime(2026, 3, 1, 12))
NAMES = (
    "hello",
    "hell",
    "a b",
    "x] [flow=y",
    "a run=2 b",
    '"',
    "\\",
    'a\\" run=1',
    "é",
    "%",
    "h_llo",
    "\x1b[31m",
    "每日",
)
IN_THE_DATABASE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def row(number: int, second: float = 0, level: str = "INFO", logger: str = "flows", message: str = "hello") -> SysLog:
    moment = NOON + timedelta(seconds=second)
    return SysLog(pk=number, created_at=moment, level=level, logger_name=logger, message=message)


def fill(rows: list[SysLog]) -> None:
    SysLog.objects.all().delete()
    SysLog.objects.bulk_create(rows)


def walk(
    selection: Selection, size: int, begin: Cursor = NEWEST, between: Callable[[], None] = lambda: None
) -> list[int]:
    """Turn the pages to the end and return the ids in the order in which they were met."""
    found: list[int] = []
    cursor: Cursor | None = begin
    for _ in range(500):
        if cursor is None:
            return found
        page = read_page(selection, cursor, size)
        ids = [one.pk for one in page.rows]
        found += ids if begin.older else ids[::-1]
        cursor = page.older if begin.older else page.newer
        between()
    raise AssertionError("the pages do not end")


# The law of the pages

seconds = st.integers(0, 4)
stored_rows = st.lists(
    st.tuples(
        st.integers(1, 60),
        seconds,
        st.sampled_from([*LEVELS, "warn"]),
        st.sampled_from(["flows", "flows.engine", "flowsy", "root"]),
        st.sampled_from(["needle", "hay", "hay needle hay"]),
    ),
    max_size=30,
    unique_by=lambda values: values[0],
)
selections = st.builds(
    Selection,
    level=st.sampled_from(["", "", "ERROR", "WARNING-up", "INFO-up", "CRITICAL", "warn"]),
    logger=st.sampled_from(["", "", "flows", "root"]),
    q=st.sampled_from(["", "", "needle"]),
    since=st.sampled_from(["", "", "2026-03-01 12:00:01", "2026-03-01 12:00:03"]),
    until=st.sampled_from(["", "", "2026-03-01 12:00:02", "2026-03-01 12:00:03"]),
)


def matching(selection: Selection) -> list[int]:
    """Return what a page ought to show, found without any of its queries."""
    since, until = selection.period()
    rows = [
        one
        for one in SysLog.objects.all()
        if (not selection.levels or one.level in selection.levels)
        and (not selection.logger or (one.logger_name + ".").startswith(selection.logger + "."))
        and selection.q in one.message
        and (not since or one.created_at >= since)
        and (not until or one.created_at <= until)
    ]
    rows.sort(key=lambda one: (one.created_at, one.pk) if selection.is_timed else (NOON, one.pk), reverse=True)
    return [one.pk for one in rows]


@given(stored_rows, selections, st.integers(1, 7), st.integers(1, 40))
@IN_THE_DATABASE
def test_each_matching_row_is_met_once_and_in_order_in_both_directions(
    monkeypatch: pytest.MonkeyPatch, rows: list[Any], selection: Selection, size: int, window: int
) -> None:
    monkeypatch.setattr(pages, "WINDOW", window)
    fill([row(*values) for values in rows])
    expected = matching(selection)
    assert walk(selection, size) == expected
    assert walk(selection, size, OLDEST) == expected[::-1]


@given(stored_rows, selections, st.integers(1, 5), st.lists(seconds, min_size=1))
@IN_THE_DATABASE
def test_rows_that_come_while_somebody_reads_move_no_row_off_or_onto_a_second_page(
    monkeypatch: pytest.MonkeyPatch, rows: list[Any], selection: Selection, size: int, times: list[int]
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 9)
    fill([row(*values) for values in rows])
    expected = matching(selection)
    new = iter(zip(count(1000), times, strict=False))

    def somebody_writes() -> None:
        for number, second in [next(new, (0, 0))]:
            if number:
                row(number, second, "ERROR", message="needle").save(force_insert=True)

    found = walk(selection, size, between=somebody_writes)
    assert [number for number in found if number < 1000] == expected
    assert len(set(found)) == len(found)


@given(stored_rows, selections, st.integers(1, 5))
@IN_THE_DATABASE
def test_the_way_back_from_a_page_leads_to_the_rows_before_it(rows: list[Any], selection: Selection, size: int) -> None:
    fill([row(*values) for values in rows])
    expected = matching(selection)
    first = read_page(selection, NEWEST, size)
    if first.older:
        second = read_page(selection, first.older, size)
        assert second.newer
        assert [one.pk for one in read_page(selection, second.newer, size).rows] == expected[:size]


@given(st.sampled_from(NAMES), st.sampled_from(["", "1", "2", *NAMES]), st.sampled_from(["", *NAMES]))
@example("a run=2 b", "5", "")
def test_a_place_is_read_back_as_it_was_written(flow: str, run: str, step: str) -> None:
    message = prefix(flow, run or None, step or None) + "[flow=other] text"
    assert split_place(message) == (Place(flow, run, step), "[flow=other] text")


def test_the_filters_by_place_find_exactly_the_rows_of_the_place() -> None:
    places = [Place(flow, run, step) for flow in NAMES for run in ("", "2") for step in ("", NAMES[-1], "a b")]
    SysLog.objects.bulk_create(
        row(number, message=prefix(*(part or None for part in place)) + "hello")
        for number, place in enumerate(places, 1)
    )
    row(900, message="hello [flow=hello run=2 step=a b] in the text").save(force_insert=True)
    row(901, message="\\[flow=hello run=2] an imitation").save(force_insert=True)
    for asked in [*places, Place(run="2"), Place(step="a b"), Place("hello", "", "a b"), Place("%"), Place("nobody")]:
        fits = [n for n, one in enumerate(places, 1) if all(not a or a == b for a, b in zip(asked, one, strict=True))]
        assert walk(Selection(flow=asked.flow, run=asked.run, step=asked.step), 50) == fits[::-1], asked


# The window


def test_a_page_that_ends_at_its_window_says_so_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "WINDOW", 10)
    fill([row(number, number, message="needle" if number == 3 else "hay") for number in range(1, 31)])
    for selection in (Selection(q="needle"), Selection(q="needle", since="2026-03-01 00:00")):
        page = read_page(selection)
        assert (page.rows, page.beyond and page.beyond.pk) == ([], 20)
        page = read_page(selection, page.further or OLDEST)
        assert (page.rows, page.beyond and page.beyond.pk) == ([], 10)
        page = read_page(selection, page.further or OLDEST)
        assert ([one.pk for one in page.rows], page.beyond, page.further) == ([3], None, None)


def test_a_gap_in_the_ids_is_passed_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "WINDOW", 10)
    fill([row(1, message="needle"), row(10_000_000)])
    further = read_page(Selection(q="needle")).further
    assert further
    assert [one.pk for one in read_page(Selection(q="needle"), further).rows] == [1]


def test_a_jump_to_a_time_begins_at_the_newest_row_of_that_time_or_before() -> None:
    fill([row(number, number) for number in range(1, 10)])
    for selection in (Selection(), Selection(since="2026-03-01")):
        for second, first in ((4.5, 4), (100, 9)):
            cursor = pages.at_time(selection, NOON + timedelta(seconds=second))
            assert read_page(selection, cursor).rows[0].pk == first
    page = read_page(Selection(), pages.at_time(Selection(), NOON - timedelta(days=1)), 3)
    assert ([one.pk for one in page.rows], page.older) == ([3, 2, 1], None)


def test_new_rows_are_those_with_a_higher_id_that_match(monkeypatch: pytest.MonkeyPatch) -> None:
    fill([row(1), row(2, level="ERROR"), row(3), row(4, level="ERROR")])
    new = read_newer(Selection(level="WARNING-up"), 2)
    assert ([one.pk for one in new.rows], new.last, new.are_all) == ([4], 4, True)
    monkeypatch.setattr(pages, "PAGE", 2)
    new = read_newer(Selection(), 0)
    assert ([one.pk for one in new.rows], new.last, new.are_all) == ([4, 3], 4, False)


def test_neighbours_are_those_in_time_whatever_their_ids() -> None:
    fill([row(1, 5), row(2, 1), row(3, 3), row(4, 3), row(5, 9)])
    before, after = pages.neighbours(SysLog.objects.get(pk=3))
    assert ([one.pk for one in before], [one.pk for one in after]) == ([2], [5, 1, 4])


def test_a_row_is_not_its_own_neighbour_however_its_time_was_written() -> None:
    fill([row(1, 1), row(2, 2), row(3, 3)])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE wf_syslog SET created_at = '2026-01-02 03:04:05.416' WHERE id = 2")

    before, after = pages.neighbours(SysLog.objects.get(pk=2))

    assert 2 not in [one.pk for one in (*before, *after)]


# The histogram


def totals(selection: Selection) -> dict[str, int]:
    drawn = read_histogram(selection)
    return {} if drawn is None else {name: sum(bar.counts[name] for bar in drawn.bars) for name in (*LEVELS, "other")}


def test_a_small_log_is_counted_exactly_and_each_bar_finds_its_rows() -> None:
    fill([row(number, number * 7.001, LEVELS[number % 5]) for number in range(1, 200)])
    drawn = read_histogram(Selection())
    assert drawn
    assert not drawn.is_estimated
    assert len(drawn.bars) <= histogram.MOST_BARS
    for bar in drawn.bars:
        inside = SysLog.objects.filter(created_at__gte=bar.since, created_at__lte=bar.until)
        assert bar.total == inside.count()
    assert drawn.total == 199
    assert totals(Selection(level="ERROR-up")) == {**dict.fromkeys((*LEVELS, "other"), 0), "ERROR": 40, "CRITICAL": 40}


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=20))
@IN_THE_DATABASE
def test_every_row_falls_into_a_bar_however_long_the_range(milliseconds: list[int]) -> None:
    fill([row(number, value / 1000) for number, value in enumerate(milliseconds, 1)])
    drawn = read_histogram(Selection())
    assert drawn
    assert drawn.total == len(milliseconds)
    assert len(drawn.bars) <= histogram.MOST_BARS


def test_a_large_log_is_estimated_and_no_rare_error_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "EXACT", 100)
    monkeypatch.setattr(histogram, "SAMPLE", 500)
    rare = {500: "CRITICAL", 1777: "ERROR", 3999: "ERROR"}
    levels = {number: rare.get(number, ("INFO", "DEBUG", "WARNING", "INFO")[number % 4]) for number in range(1, 4001)}
    fill([row(number, number, level) for number, level in levels.items()])
    drawn = read_histogram(Selection())
    assert drawn
    assert drawn.is_estimated
    assert drawn.counted == ("ERROR", "CRITICAL")
    found = totals(Selection())
    assert (found["ERROR"], found["CRITICAL"]) == (2, 1)
    assert found["WARNING"] == pytest.approx(1000, rel=0.2)
    assert found["INFO"] == pytest.approx(2000, rel=0.2)
    assert all(bar.total for bar in drawn.bars)


def test_an_empty_range_has_no_histogram() -> None:
    assert read_histogram(Selection()) is None
    fill([row(1)])
    assert read_histogram(Selection(since="2030-01-01")) is None


# Downloads

HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=1",
    "\r=1",
    "  =1",
    "\uff1d1",
    "\x1b[31m",
    "\u202eevil",
    'a,b"c\nd',
    "\x85\x7f",
)


def test_a_download_holds_every_row_once_in_any_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "CHUNK", 7)
    monkeypatch.setattr(pages, "WINDOW", 5)
    fill([row(number, number, message=f"needle {number}" if number % 3 else "hay") for number in range(1, 100)])
    expected = [number for number in range(99, 0, -1) if number % 3]
    text = "".join(download.rows_as(download.as_json_lines, Selection(q="needle")))
    assert [json.loads(line)["id"] for line in text.splitlines()] == expected
    text = "".join(download.rows_as(download.as_csv, Selection(q="needle")))
    assert [int(line[0]) for line in csv.reader(io.StringIO(text))] == expected
    assert "".join(download.rows_as(download.as_text, Selection(q="needle"))).count("\n") == len(expected)


def test_hostile_text_is_harmless_in_each_format_and_exact_as_json() -> None:
    rows = [row(number, logger=text, message=text) for number, text in enumerate(HOSTILE, 1)]
    for line, text in zip(download.as_text(rows).splitlines(), HOSTILE, strict=True):
        assert line.isprintable(), text
    cells = list(csv.reader(io.StringIO(download.as_csv(rows))))
    for cell in (value for line in cells for value in line):
        assert cell.lstrip()[:1] not in "=+-@\uff1d" or not cell, cell
        assert cell.replace("\n", "").isprintable(), cell
    lines = download.as_json_lines(rows).splitlines()
    assert [json.loads(line)["message"] for line in lines] == list(HOSTILE)
    assert all(line.isprintable() and line.isascii() for line in lines)


# What a page costs

PAGES: dict[str, tuple[Selection, Cursor]] = {
    "newest": (Selection(), NEWEST),
    "older": (Selection(), Cursor(key=Key(20_000))),
    "newer": (Selection(), Cursor(older=False, key=Key(20_000))),
    "oldest": (Selection(), OLDEST),
    "a level": (Selection(level="ERROR"), NEWEST),
    "a frequent level, far down": (Selection(level="INFO"), Cursor(key=Key(1000))),
    "a level and above, far up": (Selection(level="INFO-up"), Cursor(older=False, key=Key(39_000))),
    "a level that never occurs": (Selection(level="CRITICAL"), NEWEST),
    "a time range": (Selection(since="2026-03-01", until="2026-04-01"), NEWEST),
    "a time range, older": (Selection(since="2026-03-01"), Cursor(key=Key(20_000, NOON + timedelta(seconds=20_000)))),
    "a level in a time range": (Selection(since="2026-03-01", level="CRITICAL"), NEWEST),
    "text": (Selection(q="nobody wrote this"), NEWEST),
    "text, from the oldest": (Selection(q="nobody wrote this"), OLDEST),
    "text in a time range": (Selection(q="nobody wrote this", since="2026-03-01"), NEWEST),
    "text and level": (Selection(q="nobody wrote this", level="INFO-up"), NEWEST),
    "logger": (Selection(logger="nobody"), NEWEST),
    "place": (Selection(flow="nobody", run="1"), NEWEST),
}


@pytest.fixture
def many_rows(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """40,000 rows, and a window of 2,000."""
    monkeypatch.setattr(pages, "WINDOW", 2000)
    SysLog.objects.bulk_create(
        (
            row(n, n, ("INFO", "DEBUG", "INFO", "WARNING", "ERROR" if n % 500 == 4 else "INFO")[n % 5])
            for n in range(1, 40_001)
        ),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE wf_syslog" if connection.vendor == "mysql" else "ANALYZE")
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS sqlite_stat1")


def explained(statement: str) -> list[str]:
    """Return what is wrong with the plan of a statement."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            lines = [line[-1] for line in cursor.fetchall()]
            sorts = [line for line in lines if "TEMP B-TREE" in line and "walked" not in " ".join(lines)]
            ends = "LIMIT" in statement
            return sorts + [line for line in lines if line.startswith("SCAN wf_syslog") and not ends]
        cursor.execute(f"EXPLAIN {statement}")
        names = [column[0] for column in cursor.description]
        steps = [dict(zip(names, line, strict=True)) for line in cursor.fetchall()]
    steps = [step for step in steps if step["table"] == "wf_syslog"]
    return [str(s) for s in steps if s["type"] == "ALL" or not s["key"] or "filesort" in (s["Extra"] or "").lower()]


def test_no_page_scans_sorts_counts_or_skips(many_rows: None) -> None:
    for name, (selection, cursor) in PAGES.items():
        with CaptureQueriesContext(connection) as queries:
            read_page(selection, cursor)
            read_histogram(selection)
            read_newer(selection, 39_990)
        for query in queries:
            statement = query["sql"]
            for word in ("COUNT(", "OFFSET", "DISTINCT"):
                assert word not in statement.upper(), (name, statement)
            assert explained(statement) == [], (name, statement)
        assert len(queries) <= 3 + 2 + 2, name


def test_no_page_reads_more_rows_than_its_window(many_rows: None) -> None:
    # MariaDB tells the rows it read; SQLite its steps, of which a row takes up to thirty.
    steps = 1 if connection.vendor == "mysql" else 30
    for name, (selection, cursor) in PAGES.items():
        most = 5 * 102 + (3 * 2000 + 100 if selection.is_bounded else 0)
        assert rows_read(lambda s=selection, c=cursor: read_page(s, c)) <= most * steps, name  # type: ignore[misc]
        assert rows_read(lambda s=selection: read_histogram(s)) <= 20_000 * steps, name  # type: ignore[misc]


def rows_read(work: Callable[[], object]) -> int:
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        calls: list[None] = []
        connection.connection.set_progress_handler(lambda: calls.append(None), 100)
        work()
        connection.connection.set_progress_handler(None, 0)
        return 100 * len(calls)
    with connection.cursor() as cursor:
        cursor.execute("FLUSH STATUS")
        work()
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(number) for _, number in cursor.fetchall())


# What an address may hold


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1e3", "9" * 30, "\u0661", "1@", "1@x", "@2026-01-01", "1@2026-01-01 00:00"]
)
def test_a_key_is_read_back_or_refused(text: str) -> None:
    key = Key.read(text)
    assert key is None or Key.read(str(key)) == key


def test_a_key_keeps_its_time_to_the_microsecond() -> None:
    moment = NOON + timedelta(microseconds=123)
    assert Key.read(str(Key(12, moment))) == (12, moment)


@pytest.mark.parametrize("text", ["yesterday", "9999-12-31T23:59:59-23:59", "0001-01-01", "2026-13-01", "\x00"])
def test_a_time_that_is_none_is_not_read(text: str) -> None:
    assert read_time(text) is None
