"""When a line of cron is due: by a table, by a scan of every minute, and by laws; both nights of daylight saving."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.schedules.cron import Cron, InvalidCron, read_cron

pytestmark = pytest.mark.no_database

MINUTE = timedelta(minutes=1)
BERLIN, NEW_YORK, LORD_HOWE = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"))
# In each a clock is set within the twelve hours that follow.
NIGHTS = {
    "Berlin, forward at 02:00": (BERLIN, datetime(2026, 3, 28, 20, tzinfo=UTC)),
    "Berlin, back at 03:00": (BERLIN, datetime(2026, 10, 24, 20, tzinfo=UTC)),
    "New York, forward at 02:00": (NEW_YORK, datetime(2026, 3, 8, 1, tzinfo=UTC)),
    "New York, back at 02:00": (NEW_YORK, datetime(2026, 11, 1, 0, tzinfo=UTC)),
    "Lord Howe, half an hour forward at 02:00": (LORD_HOWE, datetime(2026, 10, 3, 9, tzinfo=UTC)),
    "Lord Howe, half an hour back at 02:00": (LORD_HOWE, datetime(2026, 4, 4, 9, tzinfo=UTC)),
    "Kathmandu, never": (ZoneInfo("Asia/Kathmandu"), datetime(2026, 3, 28, 20, tzinfo=UTC)),
    "UTC, never": (ZoneInfo("UTC"), datetime(2026, 3, 28, 20, tzinfo=UTC)),
}
LINES = (
    "* * * * *", "*/10 * * * *", "0 * * * *", "*/20 2 * * *", "30 2 * * *", "0,30 2 * * *", "15 1-3 * * *",
    "0 2,3 * * *", "59 1 * * *", "0 3 * * *", "45 2 * * sun", "5 */2 * * *", "10,50 0-4/2 * 3,10,11 *",
)  # fmt: skip


def times(line: str, zone: ZoneInfo, begin: datetime, hours: int) -> list[datetime]:
    """Return the due times of some hours, each found from the one before."""
    return list(walked(read_cron(line), zone, begin, begin + timedelta(hours=hours)))


def walked(cron: Cron, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    due = cron.first_after(begin, zone)
    while due is not None and due <= end:
        yield due
        due = cron.first_after(due, zone)


def clocks(moments: list[datetime], zone: ZoneInfo) -> list[str]:
    return [moment.astimezone(zone).strftime("%H:%M%z")[:8] for moment in moments]


def scanned(line: str, zone: ZoneInfo, begin: datetime, hours: int) -> list[datetime]:
    """Return the same by another way: each minute is asked what the clock shows, and which minutes it passed over."""
    cron, found, shown = read_cron(line), [], set()
    before = begin.astimezone(zone).replace(tzinfo=None, fold=0)
    for number in range(1, hours * 60 + 1):
        moment = begin + number * MINUTE
        now = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        passed = [before + step * MINUTE for step in range(1, max(1, (now - before) // MINUTE))]
        before = now
        seen = [now] if not cron.is_fixed else [local for local in (*passed, now) if local not in shown]
        shown.update(seen)
        if any(local.minute in cron.minutes and local.hour in cron.hours and cron._is_day(local) for local in seen):
            found.append(moment)
    return found


@pytest.mark.parametrize(
    ("line", "night", "expected"),
    [
        ("30 2 * * *", "Berlin, forward at 02:00", ["03:00+02"]),
        ("30 2 * * *", "Berlin, back at 03:00", ["02:30+02"]),
        ("0,30 2 * * *", "Berlin, forward at 02:00", ["03:00+02"]),
        ("30 2 * * *", "Lord Howe, half an hour forward at 02:00", ["02:30+11"]),
        ("15 2 * * *", "Lord Howe, half an hour forward at 02:00", ["02:30+11"]),
        ("*/10 3 * * *", "Lord Howe, half an hour forward at 02:00", [f"03:{m}0+11" for m in range(6)]),
        ("45 1 * * *", "Lord Howe, half an hour back at 02:00", ["01:45+11"]),
        ("30 1 * * *", "New York, back at 02:00", ["01:30-04"]),
        ("0 1-3 * * *", "New York, forward at 02:00", ["01:00-05", "03:00-04"]),
        ("*/30 2 * * *", "Berlin, forward at 02:00", []),
        ("*/30 2 * * *", "Berlin, back at 03:00", ["02:00+02", "02:30+02", "02:00+01", "02:30+01"]),
    ],
)
def test_at_night_when_the_clock_is_set_it_is_due_as_the_docs_say(line: str, night: str, expected: list[str]) -> None:
    zone, begin = NIGHTS[night]

    assert clocks(times(line, zone, begin, 12), zone) == expected


@pytest.mark.parametrize("night", NIGHTS)
def test_each_real_hour_and_each_real_ten_minutes_are_due_in_both_nights(night: str) -> None:
    zone, begin = NIGHTS[night]

    every_ten = times("*/10 * * * *", zone, begin, 12)

    assert len(every_ten) == 72
    assert {later - earlier for earlier, later in pairwise(every_ten)} == {10 * MINUTE}
    if "Lord Howe" not in night:
        assert len(times("0 * * * *", zone, begin, 12)) == 12


@pytest.mark.parametrize("night", NIGHTS)
@pytest.mark.parametrize("line", LINES)
def test_it_is_due_at_the_minutes_that_a_scan_of_all_finds(line: str, night: str) -> None:
    zone, begin = NIGHTS[night]

    assert times(line, zone, begin, 12) == scanned(line, zone, begin, 12)


@pytest.mark.parametrize(
    ("line", "begin", "expected"),
    [
        ("0 0 31 * *", "2026-01-31", ["2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"]),
        ("0 0 29 2 *", "2026-01-01", ["2028-02-29", "2032-02-29"]),
        ("0 0 29 2 *", "2096-02-29", ["2104-02-29"]),
        ("0 0 1 jan,JUL *", "2026-01-01", ["2026-07-01", "2027-01-01"]),
        ("0 0 * * 7", "2026-11-28", ["2026-11-29", "2026-12-06"]),
        ("0 0 * * sat-sun", "2026-11-28", None),
        ("0 0 * * 6-7", "2026-11-27", ["2026-11-28", "2026-11-29", "2026-12-05"]),
        # Either day is enough, unless one of the two begins with a star.
        ("0 0 13 * fri", "2026-11-01", ["2026-11-06", "2026-11-13", "2026-11-20"]),
        ("0 0 */13 * fri", "2026-11-01", ["2026-11-27", "2027-01-01", "2027-05-14"]),
    ],
)
def test_the_days_are_those_of_cron(line: str, begin: str, expected: list[str] | None) -> None:
    moment = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    if expected is None:
        with pytest.raises(InvalidCron, match="day of the week"):
            read_cron(line)
        return

    found = walked(read_cron(line), ZoneInfo("UTC"), moment, moment + timedelta(days=3650))

    assert [due.date().isoformat() for due, _ in zip(found, expected, strict=False)] == expected


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "has five fields"),
        ("* * * *", "has five fields"),
        ("0 * * * * *", "has five fields"),
        ("@daily", "has five fields"),
        ("60 * * * *", 'minute: "60" is wrong, it is from 0 to 59'),
        ("* 24 * * *", 'hour: "24" is wrong, it is from 0 to 23'),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of the week"),
        ("jan * * * *", "minute"),
        ("* * * * sunny", "day of the week"),
        ("1-5-9 * * * *", "write a number, a range"),
        ("*/5/3 * * * *", "write a number, a range"),
        ("5/15 * * * *", "write a number, a range"),
        ("30-10 * * * *", "a range goes upwards"),
        ("*/0 * * * *", "a step is at least 1"),
        ("*-5 * * * *", "a range goes upwards"),
        ("1, * * * *", "write a number"),
        ("-1 * * * *", "write a number"),
        ("² * * * *", "write a number"),
        ("٣ * * * *", "write a number"),
        ("0 0 30 2 *", "no month has such a day"),
        ("0 0 31 feb,apr,jun *", "no month has such a day"),
    ],
)
def test_what_is_no_line_of_cron_is_refused_with_its_place(line: str, told: str) -> None:
    with pytest.raises(InvalidCron) as refused:
        read_cron(line)

    assert told in str(refused.value)


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    spans = st.tuples(number, number).map(sorted).map(lambda two: f"{two[0]}-{two[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, 7)).map(lambda two: f"{two[0]}/{two[1]}")
    part = st.one_of(number.map(str), spans, stepped)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


lines = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)
zones = st.sampled_from([zone for zone, _ in NIGHTS.values()])
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
near_a_night = st.tuples(st.sampled_from([begin for _, begin in NIGHTS.values()]), st.integers(0, 900)).map(
    lambda two: two[0] + two[1] * MINUTE
)


@settings(deadline=None)
@given(lines, zones, st.one_of(moments, near_a_night))
def test_due_times_go_upwards_and_none_is_lost_or_found_twice(line: str, zone: ZoneInfo, moment: datetime) -> None:
    cron = read_cron(line)

    due = cron.first_after(moment, zone)

    assert due is not None
    assert due > moment
    assert cron.last_until(due, zone) == due
    before = cron.last_until(due - MINUTE, zone)
    assert before is None or before <= moment
    assert cron.first_after(due - MINUTE, zone) == due
    following = cron.first_after(due, zone)
    assert following is not None
    assert following > due
    assert cron.last_until(following - MINUTE, zone) == due


@settings(deadline=None)
@given(field(0, 59))
def test_a_field_means_what_celery_takes_it_for(text: str) -> None:
    parser = pytest.importorskip("celery.schedules").crontab_parser

    assert set(read_cron(f"{text} * * * *").minutes) == parser(60).parse(text)
