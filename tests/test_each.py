"""`runflow --each`: one run a line, by several processes; called again, what is done stays done."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from flows import runs
from flows.each import BadFile, Batch, Line, read_lines
from flows.models import FlowSettings, Run, Status, Trigger
from flows.services import runnable
from tests.acting import Acting, acting
from tests.conftest import ROOT
from tests.faults.conftest import length
from tests.faults.harness import Length
from tests.test_log_process import url_of_the_test_database
from tests.test_runs import store

__all__ = ["acting", "length"]

pytestmark = pytest.mark.django_db(transaction=True)

INPUTS = {"n": {"type": "integer", "minimum": 0}, "who": {"type": "string", "default": "me"}}


def store_flow(*steps: dict[str, Any], at_once: int = 2) -> None:
    store(*steps, inputs=INPUTS)
    FlowSettings.objects.create(flow_name="act", max_active=at_once)


def work(acting: Acting, **params: Any) -> dict[str, Any]:
    return acting.step("work", params={"say": "work @_input.n", "n": "@_input.n", "who": "@_input.who", **params})


def write(folder: Path, *lines: Any, name: str = "rows.jsonl") -> str:
    path = folder / name
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return str(path)


def call(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("runflow", "act", "--each", *arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def ends(*arguments: str) -> tuple[int, str]:
    """Return the exit code and the error of a call that does not succeed."""
    with pytest.raises(CommandError) as caught:
        call(*arguments)
    return caught.value.returncode, str(caught.value)


def told(*arguments: str) -> dict[str, Any]:
    """Return what a call says as JSON, however it ends."""
    out = StringIO()
    with suppress(CommandError):
        call_command("runflow", "act", "--each", *arguments, "--json", stdout=out, stderr=StringIO(), no_color=True)
    said: dict[str, Any] = json.loads(out.getvalue())
    return said


def given() -> list[dict[str, Any]]:
    return sorted((json.loads(run.inputs) for run in Run.objects.all()), key=lambda inputs: inputs["n"])


# Lines


def test_each_line_is_a_run_with_its_inputs(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    out, err = call(write(tmp_path, {"n": 1}, "", {"n": 2, "who": "you"}))
    assert out.startswith("2 lines in ")
    assert out.endswith(": 2 succeeded\n")
    assert err == ""
    assert given() == [{"n": 1, "who": "me"}, {"n": 2, "who": "you"}]
    assert set(Run.objects.values_list("status", "trigger")) == {("succeeded", "command")}


def test_a_csv_file_gives_texts_that_are_read_by_their_types(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    call(write(tmp_path, "\ufeffwho,n", '"a\nb, c",1', "", ",2", name="rows.CSV"))
    assert given() == [{"n": 1, "who": "a\nb, c"}, {"n": 2, "who": ""}]


def test_common_inputs_count_where_a_line_says_nothing(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    call(write(tmp_path, {"n": 1}, {"n": 2, "who": "own"}), "--input", "who=all")
    call(write(tmp_path, "n", "3", name="rows.csv"), "--input", "who=all", "--input", "n=5")
    assert given() == [{"n": 1, "who": "all"}, {"n": 2, "who": "own"}, {"n": 3, "who": "all"}]


BAD_LINES = {
    "nope": "it is not JSON: Expecting value: line 1 column 1 (char 0)",
    '{"n": 3, "n": 4}': 'it is not JSON: the key "n" stands there twice',
    '{"n": NaN}': "it is not JSON: NaN is no number of JSON",
    "[1]": "it is no JSON object with the inputs of a run",
    '{"n": "x"}': "input n: this is a text; the input takes an integer",
    '{"n": 1, "m": 2}': 'input m: the flow has no input "m" (inputs: n, who).',
    "{}": "input n: the input is missing; it takes an integer",
    '{"n": -1}': "input n: -1 is less than the minimum 0",
}


def test_a_bad_line_says_why_and_stops_no_other(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    path = write(tmp_path, *BAD_LINES, {"n": 7})
    assert ends(path) == (1, "8 lines failed")
    failed = [json.loads(line) for line in (tmp_path / "rows.failed.jsonl").read_text().splitlines()]
    assert [one["_error"] for one in failed] == list(BAD_LINES.values())
    assert given() == [{"n": 7, "who": "me"}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty; its first line must name the inputs (inputs: n, who)"),
        ("n,n\n1,1\n", 'its first line names "n" twice'),
        ("n,m\n1,1\n", 'its first line names "m", which is no input of the flow (inputs: n, who)'),
        ('"n\n1\n', "its first line is no row of CSV: unexpected end of data"),
        (None, "cannot be read: [Errno 2] No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_begins(
    text: str | None, reason: str, acting: Acting, tmp_path: Path
) -> None:
    store_flow(work(acting))
    path = tmp_path / "rows.csv"
    if text is not None:
        path.write_text(text)
    code, error = ends(str(path))
    assert code == 2
    assert reason in error
    assert not Run.objects.exists()
    assert not list(tmp_path.glob("*.failed*"))


def test_a_row_that_does_not_fit_its_header_is_a_line_that_failed(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    assert ends(write(tmp_path, "n,who", "1", "2,b,c", "3,d", name="rows.csv"))[0] == 1
    rows = list(csv.reader((tmp_path / "rows.failed.csv").read_text().splitlines()))
    assert rows == [
        ["n", "who", "_error"],
        ["1", "", "it has 1 fields, and the header has 2"],
        ["2", "b", "it has 3 fields, and the header has 2"],
    ]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_a_file_that_only_bears_the_name_of_failed_lines_is_not_touched(
    name: str, acting: Acting, tmp_path: Path
) -> None:
    store_flow(work(acting))
    path = write(
        tmp_path, "n" if name.endswith("csv") else {"n": 1}, "2" if name.endswith("csv") else {"n": 2}, name=name
    )
    failed = tmp_path / name.replace(".", ".failed.")
    failed.write_text("mine\n")
    code, error = ends(path)
    assert code == 2
    assert "something else stands there; move it" in error
    assert failed.read_text() == "mine\n"
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "more", [["--resume", "1"], ["--plan"], ["--step", "work"], ["--processes", "0"]], ids=lambda more: more[0]
)
def test_what_does_not_go_with_lines_is_refused(more: list[str], acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    assert ends(write(tmp_path, {"n": 1}), *more)[0] == 2
    assert not Run.objects.exists()


def test_without_a_history_nobody_would_know_what_is_done(acting: Acting, tmp_path: Path, settings: Settings) -> None:
    store_flow(work(acting))
    settings.FLOWS_HISTORY = False
    assert ends(write(tmp_path, {"n": 1})) == (2, "--each needs the record of runs, and FLOWS_HISTORY is off")


# Keys


def test_what_is_done_stays_done_wherever_its_line_stands(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    call(write(tmp_path, {"n": 1}, {"n": 2}))
    said = told(write(tmp_path, {"who": "me", "n": 2}, {"n": 3}, {"n": 3}, {"n": 1}))
    assert (said["lines"], said["succeeded"], said["failed"]) == (4, 4, 0)
    # Of the two equal lines one was done by the other, before or while it was looked at.
    assert said["before"] == 3
    assert Run.objects.count() == 3
    assert len(acting.called) == 3


def test_the_order_of_the_keys_in_a_line_means_nothing(acting: Acting, tmp_path: Path) -> None:
    store(acting.step("one", params={"what": "@_input.what"}), inputs={"what": {"type": "object"}})
    call(write(tmp_path, '{"what": {"a": 1, "b": {"c": 2, "d": 3}}}'))
    out, _ = call(write(tmp_path, '{"what": {"b": {"d": 3, "c": 2}, "a": 1}}'), "--retry-failed")
    assert "1 succeeded; 1 of them before" in out
    path = write(tmp_path, '{"what": {"a": 2}}', '{"what": {"a": 2}}', '{"what": {"a": true}}')
    assert told(path)["succeeded"] == 3
    assert Run.objects.count() == 3


def test_another_name_makes_other_runs(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting))
    path = write(tmp_path, {"n": 1})
    call(path)
    call(path, "--key", "monday")
    call(path, "--key", "monday")
    assert Run.objects.count() == 2


def test_a_line_that_failed_is_told_again_and_goes_on_only_when_that_is_asked_for(
    acting: Acting, tmp_path: Path
) -> None:
    store_flow(
        acting.step("first", params={"n": "@_input.n"}), acting.step("gate", "fail_while", params={"file": "shut"})
    )
    (acting.folder / "shut").touch()
    path = write(tmp_path, {"n": 1})
    assert ends(path) == (1, "1 line failed")
    (acting.folder / "shut").unlink()
    said = told(path)
    assert (said["failed"], said["before"], said["failed_lines"]) == (1, 1, str(tmp_path / "rows.failed.jsonl"))
    assert "failed at gate: OSError: the file is still there" in (tmp_path / "rows.failed.jsonl").read_text()
    assert sorted(acting.called) == ["first", "gate"]

    # The file of what failed is a file of lines too.
    out, _ = call(str(tmp_path / "rows.failed.jsonl"), "--retry-failed")
    assert out.endswith(": 1 succeeded\n")
    assert acting.called == ["gate"]
    assert told(path)["succeeded"] == 1
    assert not (tmp_path / "rows.failed.jsonl").exists()


def test_a_line_whose_run_was_lost_goes_on_as_itself(acting: Acting, tmp_path: Path) -> None:
    store_flow(
        acting.step("first", params={"n": "@_input.n"}), acting.step("dies", "die_while", params={"file": "deadly"})
    )
    (acting.folder / "deadly").touch()
    path = write(tmp_path, {"n": 1}, {"n": 2})
    assert ends(path) == (4, "2 runs interrupted")
    (acting.folder / "deadly").unlink()
    assert acting.called.count("first") == 2

    assert told(path)["succeeded"] == 2
    assert acting.called == ["dies", "dies"]
    assert Run.objects.count() == 2


# The pool


def test_a_line_that_kills_its_process_is_named_and_the_others_are_done(acting: Acting, tmp_path: Path) -> None:
    gate = acting.step("dies", "die_while", params={"file": "deadly", "n": "@_input.n"})
    store_flow(work(acting), gate)
    (acting.folder / "deadly").touch()
    path = write(tmp_path, *({"n": n} for n in range(8)))
    out = StringIO()
    err = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("runflow", "act", "--each", path, stdout=out, stderr=err, no_color=True)
    assert caught.value.returncode == 4
    assert "line 4 interrupted: its process ended of signal 9 in the middle of the run" in err.getvalue()
    assert "7 succeeded, 1 interrupted" in out.getvalue()
    assert "Call it again: what is done stays done, and the rest goes on." in out.getvalue()


def test_no_more_run_at_once_than_the_settings_of_the_flow_let(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting), at_once=1)
    _, err = call(write(tmp_path, {"n": 1}, {"n": 2}), "--processes", "2")
    assert err == "1 run at a time: the settings of the flow let no more be active at once\n"
    assert Run.objects.filter(status=Status.SUCCEEDED).count() == 2


def test_lines_wait_for_a_run_that_has_the_room(acting: Acting, tmp_path: Path) -> None:
    store_flow(work(acting), at_once=1)
    created = runs.create_run(runnable("act"), {"n": 50}, runs.Asked(Trigger.API))
    assert created is not None
    process = started(acting, write(tmp_path, {"n": 1}))
    time.sleep(2)
    assert process.poll() is None
    runs.execute_run(created[0].pk)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert Run.objects.filter(status=Status.SUCCEEDED).count() == 2


def started(acting: Acting, path: str, *more: str, **process: Any) -> "subprocess.Popen[str]":
    """Start the command in a process of its own."""
    environment = {
        **os.environ,
        "DATABASE_URL": url_of_the_test_database(),
        "FLOWS_PROCEDURE_PACKAGES": f"procedures,{acting.folder.name}",
        "PYTHONPATH": str(acting.folder.parent),
        "LOG_LEVEL": "ERROR",
    }
    connection.close()
    return subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "runflow", "act", "--each", path, "--json", *more],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **process,
    )  # fmt: skip


def test_lines_that_come_one_by_one_are_run_as_they_come_and_a_signal_ends_the_wait(
    acting: Acting, tmp_path: Path
) -> None:
    store_flow(work(acting))
    process = started(acting, "-", stdin=subprocess.PIPE, cwd=tmp_path)
    assert process.stdin is not None
    process.stdin.write('{"n": 1}\n')
    process.stdin.flush()
    wait_for_runs(1)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert json.loads(out)["succeeded"] == 1


def wait_for_runs(number: int) -> None:
    give_up = time.monotonic() + 120
    while Run.objects.filter(status=Status.SUCCEEDED).count() < number:
        assert time.monotonic() < give_up
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_steps_in_flight_end_and_the_call_can_be_repeated(
    number: signal.Signals, acting: Acting, tmp_path: Path
) -> None:
    store_flow(work(acting), acting.step("nap", "nap", params={"for": 0.2}), acting.step("last"))
    path = write(tmp_path, *({"n": n} for n in range(12)))
    process = started(acting, path, "--processes", "2")
    wait_for_runs(2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    said = json.loads(out)
    assert said["not_begun"] > 0
    assert said["failed"] == 0
    assert said["lines"] == said["succeeded"] + said["interrupted"]
    # A process that was about to begin leaves a run that is seen to be lost.
    assert all(run.is_lost for run in Run.objects.with_lease().filter(status=Status.RUNNING))

    assert told(path)["succeeded"] == 12
    assert Run.objects.count() == 12
    called = acting.called
    assert called.count("last") == 12
    assert len([one for one in called if one.startswith("work")]) == 12


def test_of_lines_whose_caller_is_killed_twice_each_gets_one_run(
    acting: Acting, tmp_path: Path, length: Length
) -> None:
    """The first time by Ctrl-C, the second by kill -9, which its processes must notice by themselves."""
    lines = length(60, 10_000)
    store_flow(work(acting), at_once=4)
    path = write(tmp_path, *({"n": n} for n in range(lines)))
    began = time.monotonic()

    process = started(acting, path, "--processes", "4")
    wait_for_runs(lines // 3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    process = started(acting, path, "--processes", "4")
    wait_for_runs(2 * lines // 3)
    process.kill()
    process.communicate()
    process = started(acting, path, "--processes", "4")
    out, err = process.communicate()

    said = json.loads(out)
    assert process.returncode == 0, err
    assert (said["lines"], said["succeeded"]) == (lines, lines)
    assert Run.objects.count() == lines
    assert set(Run.objects.values_list("status", flat=True)) == {Status.SUCCEEDED}
    called = [one for one in acting.called if one.startswith("work")]
    assert lines <= len(called) <= lines + 4
    length.tell(
        f"{lines:,} lines, interrupted twice, in {time.monotonic() - began:.0f} s: {Run.objects.count():,} runs, "
        f"{len(called) - lines} executions more"
    )


# Reading


def test_a_long_file_is_read_line_by_line(tmp_path: Path) -> None:
    path = write(tmp_path, *({"n": n} for n in range(1000)))
    lines = read_lines(path, ["n"])
    assert next(lines) == Line(1, values={"n": 0}, raw={"n": 0})
    with pytest.raises(BadFile, match="cannot be read"):
        next(read_lines(str(tmp_path), ["n"]))


def test_the_key_of_a_line_is_made_of_its_inputs_alone(acting: Acting) -> None:
    store_flow(work(acting))
    batch = Batch(runnable("act"))
    assert batch.key_of({"n": 1, "who": "é\ud800"}) == batch.key_of({"who": "é\ud800", "n": 1})
    assert len({batch.key_of({"n": value}) for value in (1, 2, "1", True, None, [1])}) == 6
