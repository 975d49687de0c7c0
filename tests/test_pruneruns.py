"""Old runs go with their steps, by age and by number; what is active stays, and it can stop and start anywhere."""

import io
import json
import os
import signal
from datetime import timedelta
from itertools import islice
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows import runs
from flows.models import Flow, Run, Status, StepRun, Trigger
from flows.retention import runs as run_retention
from flows.retention.runs import Rule, prune_runs
from flows.retention.walking import last_old_id
from tests.conftest import RUN_MANAGE
from tests.plans import reads_an_index_alone

NOW = timezone.now().replace(microsecond=0)
FAILURES = (Status.FAILED, Status.CANCELLED, Status.INTERRUPTED)


def record(days: float, status: str = "succeeded", flow: str = "nightly", *, steps: int = 2, **values: Any) -> Run:
    """Write a run that ended so many days ago (or was made then, and has not), with its steps."""
    moment = NOW - timedelta(days=days)
    ended = None if status in (Status.QUEUED, Status.RUNNING) else moment
    run = Run.objects.create(
        flow_name=flow, status=status, trigger=Trigger.COMMAND, created_at=moment, ended_at=ended, **values
    )
    StepRun.objects.bulk_create(
        [StepRun(run=run, path=f"s{number}", attempt=1, status="succeeded", params="{}") for number in range(steps)]
    )
    return run


def prune(*arguments: str) -> str:
    out = io.StringIO()
    call_command("pruneruns", *arguments, stdout=out)
    return out.getvalue()


def left() -> set[int]:
    """Return the runs that are there, and see that each has its steps and no step is without its run."""
    ids = set(Run.objects.values_list("id", flat=True))
    assert set(StepRun.objects.values_list("run_id", flat=True)) == ids
    return ids


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_retention, "RANGE_RUNS", 10)


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say which runs go: --older-than AGE, --most N, or both."),
        (["--keep-failures", "9d", "--keep-last"], "Say which runs go: --older-than AGE, --most N, or both."),
        (["--older-than", "90"], '--older-than "90": write a whole number with h, d or w, such as 12h, 90d or 8w'),
        (["--older-than", "9d", "--keep-failures", "x"], '--keep-failures "x": write a whole number'),
        (["--older-than", "90d", "--keep-failures", "30d"], "--keep-failures 30d is shorter than --older-than 90d"),
        (["--most", "0"], "--most 0: the least is 1"),
        (["--older-than", "9999999d"], "That is further back than the calendar goes."),
    ],
)
def test_the_command_refuses_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        prune(*arguments)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_runs_that_ended_long_ago_go_with_their_steps_and_the_others_stay() -> None:
    record(91)
    record(91, "failed")
    record(92, "interrupted")
    young = record(89)
    assert prune("--older-than", "90d") == "Removed 3 runs (1 succeeded, 1 failed, 1 interrupted).\n"
    assert left() == {young.pk}
    assert prune("--older-than", "90d") == "Removed no runs.\n"


@pytest.mark.django_db
def test_runs_that_wait_or_go_on_never_go() -> None:
    active = {record(500, "queued").pk, record(500, "running", "weekly").pk}
    record(1)
    record(2)
    prune("--older-than", "1h", "--most", "1")
    assert left() == active


@pytest.mark.django_db
def test_a_run_goes_by_its_end_and_not_by_its_beginning() -> None:
    long = record(1)
    Run.objects.filter(pk=long.pk).update(created_at=NOW - timedelta(days=100))
    prune("--older-than", "90d")
    assert left() == {long.pk}


@pytest.mark.django_db
def test_failures_can_be_kept_longer() -> None:
    for status in FAILURES:
        record(400, status)
    kept = {record(100, status).pk for status in FAILURES}
    record(100)
    told = prune("--older-than", "90d", "--keep-failures", "365d")
    assert told.startswith("Removed 4 runs (")
    assert left() == kept


@pytest.mark.django_db
def test_of_each_flow_the_newest_so_many_ended_runs_stay() -> None:
    kept = set()
    for flow in ("a", "b"):
        made = [record(9 - number, "failed" if number % 2 else "succeeded", flow).pk for number in range(5)]
        kept |= set(made[-3:])
    kept.add(record(1, flow="few").pk)
    assert prune("--most", "3") == "Removed 4 runs (2 succeeded, 2 failed).\n"
    assert left() == kept


@pytest.mark.django_db
def test_an_interrupted_run_goes_by_age_alone_and_takes_no_place() -> None:
    can_go_on = record(50, "interrupted")
    newest = record(1)
    assert prune("--most", "1") == "Removed no runs.\n"
    prune("--older-than", "90d", "--most", "1", "--keep-failures", "90d")
    assert left() == {can_go_on.pk, newest.pk}
    prune("--older-than", "40d", "--most", "1")
    assert left() == {newest.pk}


@pytest.mark.django_db
def test_failures_that_are_kept_longer_stay_beyond_the_number_too() -> None:
    record(100, "failed")
    failed = record(50, "failed")
    record(50)
    newest = record(1)
    prune("--most", "1", "--keep-failures", "90d")
    assert left() == {failed.pk, newest.pk}


@pytest.mark.django_db
def test_the_newest_ended_run_of_each_flow_can_be_kept_whatever_its_age() -> None:
    record(300, flow="yearly")
    last = record(200, flow="yearly")
    record(100, "interrupted", "yearly")
    record(100, "interrupted", "broken")
    assert prune("--older-than", "90d", "--keep-last", "--dry-run").startswith("Would remove 3 runs")
    prune("--older-than", "90d", "--keep-last")
    assert left() == {last.pk}
    prune("--older-than", "90d")
    assert left() == set()


@pytest.mark.django_db
def test_a_dry_run_counts_and_removes_nothing() -> None:
    record(91)
    record(91, "failed")
    record(1)
    assert prune("--older-than", "90d", "--dry-run") == "Would remove 2 runs (1 succeeded, 1 failed).\n"
    assert len(left()) == 3
    assert prune("--older-than", "90d") == "Removed 2 runs (1 succeeded, 1 failed).\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_of_any_history_is_what_the_rule_says(seed: int) -> None:
    chance = Random(seed)
    for _ in range(60):
        record(chance.uniform(0, 20), chance.choice(Status.values), chance.choice("abc"), steps=1)
    history = list(Run.objects.order_by("-id"))
    by_age = bool(seed % 2)
    prune(*(("--older-than", "10d") if by_age else ()), "--keep-failures", "15d", "--most", "4")

    def stays(run: Run) -> bool:
        if run.ended_at is None:
            return True
        days = (NOW - run.ended_at) / timedelta(days=1)
        newer = [one for one in history if one.flow_name == run.flow_name and one.pk > run.pk and one.is_ended]
        by_number = run.status == Status.INTERRUPTED or len(newer) < 4
        return (run.status in FAILURES and days < 15) or (by_number and not (by_age and days > 10))

    assert left() == {run.pk for run in history if stays(run)}


@pytest.mark.django_db(transaction=True)
def test_a_run_that_goes_on_from_a_removed_one_keeps_what_it_took_over() -> None:
    steps = [
        {"name": "first", "mod": "common.Kt", "method": "prt", "params": {"msg": "x"}},
        {"name": "second", "mod": "common.Demo", "method": "fail", "params": {}},
    ]
    Flow.objects.create(flow_name="nightly", flow_json=json.dumps({"procedures": steps}), enabled=True)
    runs.run_flow("nightly")
    failed = Run.objects.get()
    Run.objects.update(ended_at=NOW - timedelta(days=100), created_at=NOW - timedelta(days=100))
    waiting = runs.resume_run(failed.pk, runs.Asked(Trigger.COMMAND))
    assert prune("--older-than", "90d") == "Removed 1 runs (1 failed).\n"
    outcome = runs.execute_run(waiting.pk)
    assert outcome.failed_step == "second"
    assert [*waiting.steps.in_order().values_list("path", "status")] == [("first", "reused"), ("second", "failed")]


@pytest.mark.django_db
@pytest.mark.usefixtures("small_ranges")
def test_each_range_is_told_and_whoever_stops_can_go_on() -> None:
    for _ in range(35):
        record(91)
    first, second = islice(prune_runs(Rule.of_options("90d")), 2)
    assert (first.rows.total(), second.rows.total()) == (10, 20)
    assert 0 < first.share < second.share < 1
    assert len(left()) == 15
    assert prune("--older-than", "90d") == "Removed 15 runs (15 succeeded).\n"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_ranges")
def test_each_range_is_a_transaction_of_its_own_that_locks_what_it_removes() -> None:
    for _ in range(25):
        record(91)
    with CaptureQueriesContext(connection) as queries:
        for _ in prune_runs(Rule.of_options("90d")):
            assert not connection.in_atomic_block
    statements = [query["sql"] for query in queries]
    assert sum(sql.startswith("DELETE") and "wf_step_run" in sql for sql in statements) == 3
    if connection.vendor == "mysql":
        assert sum("FOR UPDATE" in sql for sql in statements) == 3


@pytest.mark.django_db
def test_the_number_of_statements_does_not_depend_on_runs_and_steps() -> None:
    counts = []
    for runs_made, steps in ((1, 1), (50, 20)):
        for _ in range(runs_made):
            record(91, steps=steps)
        with CaptureQueriesContext(connection) as queries:
            prune("--older-than", "90d", "--most", "5")
        counts.append(len(queries))
        assert left() == set()
    assert counts[0] == counts[1] < 16


@pytest.mark.django_db
def test_texts_of_runs_are_not_read() -> None:
    record(91, definition="x" * 1000)
    with CaptureQueriesContext(connection) as queries:
        prune("--older-than", "90d", "--most", "5", "--keep-last")
    assert not any("definition" in query["sql"] for query in queries if query["sql"].startswith("SELECT"))


@pytest.mark.django_db
def test_the_boundary_is_read_from_the_index_alone() -> None:
    for days in (91, 1):
        for _ in range(200):
            record(days, steps=0)
    assert reads_an_index_alone(lambda: last_old_id(Run.objects.all(), NOW - timedelta(days=90)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("small_ranges")
def test_a_signal_stops_it_between_two_ranges(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    for _ in range(35):
        record(91)
    going = run_retention._going

    def be_told(*arguments: Any) -> Any:
        os.kill(os.getpid(), number)
        return going(*arguments)

    monkeypatch.setattr(run_retention, "_going", be_told)
    with pytest.raises(CommandError, match="run it again") as stopped:
        prune("--older-than", "90d")
    assert stopped.value.returncode == 128 + number
    assert len(left()) == 25


@pytest.mark.no_database
def test_a_table_that_is_missing_is_told_with_its_cure(manage: RUN_MANAGE) -> None:
    done = manage("pruneruns", "--older-than", "90d")
    assert done.returncode == 2
    assert "manage.py migrate" in done.stderr
