"""Old log rows go, a range at a time; nothing else goes, and it can stop and start anywhere."""

import io
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

import pytest
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpResponseBase
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.admin.retention import prune_view
from flows.models import SysLog
from flows.retention import log_rows
from flows.retention.ages import RetentionError, parse_age
from flows.retention.log_rows import Rule
from flows.retention.walking import Progress, last_old_id
from tests.conftest import ROOT, RUN_MANAGE
from tests.plans import reads_an_index_alone
from tests.test_log_process import url_of_the_test_database

NOW = timezone.now().replace(microsecond=0)


def write(days: float, count: int = 1, level: str = "INFO", message: str = "x") -> list[SysLog]:
    """Write rows of this age."""
    row = {"created_at": NOW - timedelta(days=days), "level": level, "logger_name": "tests", "message": message}
    return SysLog.objects.bulk_create([SysLog(**row) for _ in range(count)])


def write_at(ident: int, days: float, level: str = "INFO") -> None:
    SysLog.objects.create(
        id=ident, created_at=NOW - timedelta(days=days), level=level, logger_name="tests", message=str(ident)
    )


def prune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prunelogs", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_rows, "RANGE_ROWS", 10)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("12h", timedelta(hours=12)),
        (" 90d ", timedelta(days=90)),
        ("8w", timedelta(weeks=8)),
        ("1h", timedelta(hours=1)),
    ],
)
def test_an_age_is_hours_days_or_weeks(text: str, age: timedelta) -> None:
    assert parse_age(text, "--older-than") == age


@pytest.mark.no_database
@pytest.mark.parametrize(
    "text", ["", "90", "d", "-5d", "1.5d", "90 d", "90m", "90D", "0d", "0h", "٣d", "99999999d", "x\ny"]
)
def test_an_age_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(RetentionError, match=r"^--older-than "):
        parse_age(text, "--older-than")


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--older-than", "90"], '--older-than "90": write a whole number with h, d or w, such as 12h, 90d or 8w'),
        (["--older-than", "90d", "--keep-errors", "30d"], "--keep-errors 30d is shorter than --older-than 90d"),
        (["--older-than", "9999999d"], "That is further back than the calendar goes."),
    ],
)
def test_the_command_refuses_in_one_line(manage: RUN_MANAGE, arguments: list[str], message: str) -> None:
    done = manage("prunelogs", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.django_db
def test_rows_that_are_old_enough_go_and_the_others_stay() -> None:
    write(91, 3)
    write(91, 2, "DEBUG")
    write(89, 4)
    assert prune("--older-than", "90d") == "Removed 5 rows (3 INFO, 2 DEBUG).\n"
    assert SysLog.objects.count() == 4
    assert prune("--older-than", "90d") == "Removed no rows.\n"


@pytest.mark.django_db
def test_errors_can_be_kept_longer() -> None:
    for days in (400, 100, 10):
        for level in ("INFO", "WARNING", "ERROR", "CRITICAL", "AUDIT"):
            write(days, level=level)
    told = prune("--older-than", "90d", "--keep-errors", "365d")
    assert told.startswith("Removed 8 rows (")
    left = SysLog.objects.order_by("id").values_list("level", flat=True)
    assert [*left] == ["ERROR", "CRITICAL", "INFO", "WARNING", "ERROR", "CRITICAL", "AUDIT"]


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
def test_rows_out_of_their_time_order_go_by_their_own_time() -> None:
    # A young row among the oldest ids, old rows among the youngest, and one beyond all.
    ages = {1: 200, 5: 1, 9: 150, 12: 95, 40: 89, 41: 120, 55: 2, 1000: 300, 1001: 3}
    for ident, days in ages.items():
        write_at(ident, days)
    prune("--older-than", "90d")
    assert set(SysLog.objects.values_list("id", flat=True)) == {ident for ident, days in ages.items() if days < 90}


@pytest.mark.django_db
def test_a_dry_run_counts_and_removes_nothing() -> None:
    write(91, 3)
    write(91, 1, "ERROR")
    write(1, 2)
    assert prune("--older-than", "90d", "--dry-run") == "Would remove 4 rows (3 INFO, 1 ERROR).\n"
    assert SysLog.objects.count() == 6
    assert prune("--older-than", "90d") == "Removed 4 rows (3 INFO, 1 ERROR).\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
def test_each_range_is_told_and_whoever_stops_can_go_on() -> None:
    write(91, 35)
    write(1, 5)
    rule = Rule.of_ages("90d")
    first, second = islice(log_rows.prune(rule), 2)
    assert (first.rows.total(), second.rows.total()) == (10, 20)
    assert 0 < first.share < second.share < 1
    assert SysLog.objects.count() == 20
    assert [*log_rows.prune(rule)][-1] == Progress(1.0, Counter(INFO=15))
    assert [*log_rows.prune(rule)][-1] == Progress(1.0, Counter())


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
def test_a_page_removes_some_ranges_and_knows_whether_that_was_all() -> None:
    write(91, 35)
    rule = Rule.of_ages("90d")
    assert log_rows.prune_some(rule, 3).share < 1
    assert log_rows.prune_some(rule, 3) == Progress(1.0, Counter(INFO=5))
    assert log_rows.prune_some(rule, 3) == Progress(1.0, Counter())


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
def test_gaps_in_the_ids_cost_nothing() -> None:
    for ident in (1, 10_000_000, 20_000_000):
        write_at(ident, 91)
    with CaptureQueriesContext(connection) as queries:
        assert len([*log_rows.prune(Rule.of_ages("90d"))]) == 3
    assert len(queries) < 25


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_ranges")
def test_each_range_is_a_transaction_of_its_own() -> None:
    write(91, 35)
    for _ in log_rows.prune(Rule.of_ages("90d")):
        assert not connection.in_atomic_block
    with CaptureQueriesContext(connection) as queries:
        write(91, 1)
        [*log_rows.prune(Rule.of_ages("90d"))]
    if connection.vendor == "mysql":
        assert any("GROUP BY" in query["sql"] and "FOR UPDATE" in query["sql"] for query in queries)


@pytest.mark.django_db
def test_the_boundary_is_read_from_the_index_alone() -> None:
    write(91, 300)
    write(1, 300)
    assert reads_an_index_alone(lambda: last_old_id(SysLog.objects.all(), Rule.of_ages("90d").before))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("small_ranges")
def test_a_signal_stops_it_between_two_ranges(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    write(91, 35)
    handlers = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    remove = log_rows._remove

    def remove_and_be_told(rows: object) -> Counter[str]:
        os.kill(os.getpid(), number)
        return remove(rows)  # type: ignore[arg-type]

    monkeypatch.setattr(log_rows, "_remove", remove_and_be_told)
    with pytest.raises(CommandError, match="run it again") as stopped:
        prune("--older-than", "90d")
    assert stopped.value.returncode == 128 + number
    assert SysLog.objects.count() == 25
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_told_to_end_says_what_it_removed_and_another_goes_on() -> None:
    write(91, 3000)
    code = (
        "import sys, time; from flows.retention import log_rows as r; r.RANGE_ROWS = 10; remove = r._remove\n"
        "def slowly(rows): print('.', flush=True); time.sleep(0.05); return remove(rows)\n"
        "r._remove = slowly\n"
        "from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'prunelogs', '--older-than', '90d'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url_of_the_test_database()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == ".\n"
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    removed = 3000 - SysLog.objects.count()
    assert 0 < removed < 3000
    assert f"Removed {removed} rows ({removed} INFO)." in out
    assert "run it again to go on" in error
    assert prune("--older-than", "90d").startswith(f"Removed {3000 - removed:,} rows")


@pytest.mark.no_database
def test_a_table_that_is_missing_is_told_with_its_cure(manage: RUN_MANAGE) -> None:
    done = manage("prunelogs", "--older-than", "90d")
    assert done.returncode == 2
    assert "createtables" in done.stderr


@pytest.mark.django_db
def test_there_is_a_permission_of_its_own() -> None:
    assert Permission.objects.filter(codename="prune_syslog", content_type__app_label="flows").exists()


# The page


@pytest.fixture
def ask(rf: RequestFactory) -> Callable[..., HttpResponseBase]:
    """Send a request to the page as a user with or without the permission; POST where there are fields."""

    def send(*, allowed: bool = True, **fields: str) -> HttpResponseBase:
        request = rf.post("/", fields) if fields else rf.get("/")
        request.user = get_user_model().objects.create_user(f"user{get_user_model().objects.count()}", is_staff=True)
        if allowed:
            request.user.user_permissions.add(Permission.objects.get(codename="prune_syslog"))
        request.session = {}  # type: ignore[assignment]
        request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
        response = prune_view(request, site)
        told.extend(str(message) for message in request._messages)  # type: ignore[attr-defined]
        return response

    told: list[str] = []
    send.told = told  # type: ignore[attr-defined]
    return send


@pytest.mark.django_db
def test_the_page_wants_a_permission_of_its_own(ask: Callable[..., HttpResponseBase]) -> None:
    write(91)
    for fields in ({}, {"older_than": "90d"}):
        with pytest.raises(PermissionDenied):
            ask(allowed=False, **fields)
    assert SysLog.objects.count() == 1


@pytest.mark.django_db
def test_opening_the_page_removes_nothing(ask: Callable[..., HttpResponseBase]) -> None:
    write(91)
    response = ask()
    assert isinstance(response, TemplateResponse)
    assert "csrfmiddlewaretoken" in response.render().content.decode()
    assert SysLog.objects.count() == 1


@pytest.mark.django_db
def test_the_page_removes_a_part_and_says_that_there_is_more(
    ask: Callable[..., HttpResponseBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_rows, "RANGE_ROWS", 1)
    write(91, 25)
    write(1, 2)
    assert ask(older_than="90d", keep_errors="").status_code == 200
    assert ask(older_than="90d", keep_errors="").status_code == 302
    assert ask.told == [  # type: ignore[attr-defined]
        "Removed 20 log rows (20 INFO). There are more: press Remove again.",
        "Removed 5 log rows (5 INFO). None is left that is so old.",
    ]
    assert SysLog.objects.count() == 2


@pytest.mark.django_db
def test_the_page_refuses_an_age_that_cannot_be_meant(ask: Callable[..., HttpResponseBase]) -> None:
    write(91)
    response = ask(older_than="<b>", keep_errors="")
    assert isinstance(response, TemplateResponse)
    shown = response.render().content.decode()
    assert "&lt;b&gt;" in shown
    assert "Older than &quot;" in shown
    assert "--older-than" not in shown
    assert SysLog.objects.count() == 1
