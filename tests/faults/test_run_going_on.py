"""A run that was stopped anywhere ends as one that never was: the same context, the same steps, the same attempts."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows import runs
from flows.models import Flow, Run, Status, StepRun
from tests.conftest import ROOT
from tests.faults.checker import Reader, check
from tests.faults.flows import EXPECTED, step
from tests.faults.harness import KILLED, Forge, forge_environment
from tests.faults.test_run_processes import wait_for
from tests.test_log_process import url_of_the_test_database

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = sorted((ROOT / "samples").glob("*.json"))


# The sample flows


@pytest.fixture(scope="module")
def samples_parent(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Forge]:
    """A parent of workers whose flows call the procedures of the site."""
    folder = tmp_path_factory.mktemp("samples")
    with Forge(folder, url_of_the_test_database(), FLOWS_PROCEDURE_PACKAGES="procedures") as forge:
        yield forge


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_that_was_killed_at_each_of_its_steps_ends_with_the_same_context_byte_for_byte(
    path: Path, samples_parent: Forge, tmp_path: Path
) -> None:
    samples_parent.use(tmp_path)
    name, text = path.stem, path.read_text()
    Flow.objects.create(flow_name=name, flow_json=text, enabled=True)
    shutil.copytree(ROOT / "samples" / "data", tmp_path / "samples" / "data")
    work: dict[str, Any] = {"flow": name, "project": str(tmp_path), "changes": ["at_a_fixed_time"]}
    assert samples_parent.work(key="whole", context=str(tmp_path / "whole"), **work) == 0, samples_parent.said()
    whole = (tmp_path / "whole").read_bytes()
    assert len(json.loads(whole)) == len(json.loads(text)["procedures"])
    for number in range(1, len(json.loads(whole)) + 1):
        key = f"cut-{number}"
        point = f"{'step.returned' if number % 2 else 'step.started'}:{number}:kill"
        assert samples_parent.work(key=key, failpoint=point, **work) == KILLED
        assert samples_parent.work(key=key, context=str(tmp_path / key), **work) == 0, samples_parent.said()
        assert (tmp_path / key).read_bytes() == whole
    recorded = [
        {path: json.loads(result) for path, result in steps_of(run, "path", "result")} for run in Run.objects.all()
    ]
    assert all(json.dumps(one, ensure_ascii=False).encode() == whole for one in recorded)


def steps_of(run: Run, *columns: str) -> list[tuple[Any, ...]]:
    return list(StepRun.objects.filter(run=run, status="succeeded").in_order().values_list(*columns))


# Sub-flows that are tried again


def before_lines(forge: Forge, run: Run) -> list[str]:
    lines = (forge.journal / str(run.pk)).read_text().splitlines()
    return [line.split()[1] for line in lines if line.split()[2] == "before"]


def test_a_sub_flow_that_is_tried_again_after_an_interruption_takes_over_nothing_of_the_attempt_that_failed(
    forge: Forge,
) -> None:
    forge.work(flow="tries", key="whole")
    whole = before_lines(forge, Run.objects.get(key="whole"))
    assert whole == ["sub/x", "sub/y", "sub/x", "sub/y", "sub/z"]
    # Killed before the first attempt at y is executed: x is taken over, y fails, and the second attempt begins anew.
    assert forge.work(flow="tries", key="cut", failpoint="step.started:3:kill") == KILLED
    assert forge.work(flow="tries", key="cut") == 0, forge.said()
    assert before_lines(forge, Run.objects.get(key="cut")) == whole


def test_a_failure_in_a_sub_flow_is_not_taken_over_into_its_next_attempt(forge: Forge) -> None:
    # Killed in the handler of the first attempt, whose failure is recorded by then.
    assert forge.work(flow="tries_handled", key="cut", failpoint="step.started:4:kill") == KILLED
    assert forge.work(flow="tries_handled", key="cut") == 0, forge.said()
    run = Run.objects.get(key="cut")
    assert before_lines(forge, run) == ["sub/x", "sub/y", "sub/handler", "sub/x", "sub/y", "sub/z"]
    assert run.status == Status.SUCCEEDED


def test_entries_in_a_sub_flow_that_is_tried_again_are_recorded_under_their_own_numbers(forge: Forge) -> None:
    assert forge.work(flow="tries_each", key="cut", failpoint="step.started:3:kill") == KILLED
    assert forge.work(flow="tries_each", key="cut") == 0, forge.said()
    run = Run.objects.get(key="cut")
    entries = ["sub/x[0]", "sub/x[1]", "sub/x[2]"]
    assert before_lines(forge, run) == [*entries, "sub/y", *entries, "sub/y"]
    rows = StepRun.objects.filter(run=run, path__startswith="sub/x[").in_order()
    assert list(rows.values_list("path", "attempt")) == [*((path, 1) for path in entries), *((p, 2) for p in entries)]


# Cancelled meanwhile


def test_a_run_that_is_cancelled_at_any_time_is_cancelled_or_had_ended_and_its_record_is_true(
    forge: Forge, reader: Reader
) -> None:
    text = json.dumps({"procedures": [step(f"s{n}", params={"ms": 40}) for n in range(1, 7)]})
    Flow.objects.create(flow_name="slow", flow_json=text, enabled=True)
    chance = random.Random(5)
    seen = set()
    for number in range(8):
        worker = forge.fork(flow="slow", key=f"cancel-{number}")
        run = wait_for(forge, f"cancel-{number}", "s1")
        time.sleep(chance.choice((0.0, 0.02, 0.05, 0.1, 0.4)))
        try:
            runs.cancel_run(run.pk, "amal")
        except runs.RunNotTaken as error:
            assert "succeeded already" in str(error)  # noqa: PT017
        code = forge.wait(worker)
        run.refresh_from_db()
        assert (code, run.status) in ((0, Status.SUCCEEDED), (4, Status.CANCELLED)), forge.said()
        assert (run.active_flow, run.step) == (None, "")
        executed = before_lines(forge, run)
        assert [path for (path,) in steps_of(run, "path")] == executed
        seen.add(run.status)
    assert Status.CANCELLED in seen


def test_a_run_that_was_to_be_cancelled_when_its_process_died_executes_nothing_more(forge: Forge) -> None:
    assert forge.work(flow="chain", key="both", failpoint="step.started:2:stop") == 128 + 19
    run = Run.objects.get(key="both")
    runs.cancel_run(run.pk, "amal")
    os.kill(run.pid, 9)
    forge.wait(run.pid)
    forge.work(flow="chain", key="both")
    run.refresh_from_db()
    assert before_lines(forge, run) == ["s1"]
    assert run.status == Status.CANCELLED


def test_a_run_that_is_interrupted_in_the_moment_of_being_cancelled_is_cancelled(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forge.work(flow="chain", key="moment", failpoint="step.started:2:stop") == 128 + 19
    run = Run.objects.get(key="moment")
    ask = Run.ask_to_cancel

    def ask_too_late(self: Run, by: str) -> bool:
        assert self.interrupt(run.owner)
        return ask(self, by)

    monkeypatch.setattr(Run, "ask_to_cancel", ask_too_late)
    assert runs.cancel_run(run.pk, "amal").status == Status.CANCELLED
    os.kill(run.pid, 9)
    forge.wait(run.pid)


# Results that are in memory only


def test_what_follows_a_step_whose_result_was_in_memory_only_sees_it_again_after_a_kill(
    forge: Forge, reader: Reader
) -> None:
    # 2 MiB are not recorded.
    document = {
        "procedures": [
            {
                "name": "big",
                "mod": "common.Marked",
                "method": "grow",
                "params": {"at": "big", "size": 2**21, "of": "x"},
            },
            {"name": "b", "mod": "common.Marked", "method": "mark", "params": {"at": "b", "x": "@big.x"}},
        ]
    }
    Flow.objects.create(flow_name="memory", flow_json=json.dumps(document), enabled=True)
    assert forge.work(flow="memory", key="memory", failpoint="step.started:2:kill") == KILLED
    assert forge.work(flow="memory", key="memory") == 0, forge.said()
    run = Run.objects.get(key="memory")
    assert before_lines(forge, run) == ["big", "big", "b"]
    attempts = StepRun.objects.filter(run=run).in_order().values_list("path", "attempt", "status")
    assert list(attempts) == [
        ("big", 1, "succeeded"),
        ("b", 1, "interrupted"),
        ("big", 2, "succeeded"),
        ("b", 2, "succeeded"),
    ]


def test_interruptions_before_a_step_last_ended_do_not_count_against_it(forge: Forge) -> None:
    text = json.dumps({"procedures": [step("big", "grow", {"size": 2**21, "of": "x"}), step("b")]})
    Flow.objects.create(flow_name="memory", flow_json=text, enabled=True)
    # Interrupted twice, ended, executed again for want of its result, and interrupted once more.
    for number in (1, 1, 2, 1):
        assert forge.work(flow="memory", key="memory", failpoint=f"step.started:{number}:kill") == KILLED
    assert forge.work(flow="memory", key="memory") == 0, forge.said()


# Nobody reads what the command prints


def runflow(forge: Forge, shell: str) -> subprocess.CompletedProcess[str]:
    command = f"{sys.executable} manage.py runflow"
    return subprocess.run(
        ["bash", "-c", "set -o pipefail; " + shell.replace("runflow", command, 1)],
        cwd=ROOT,
        env=forge_environment(forge.folder, url_of_the_test_database()),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "shell",
    [
        "runflow chain --key k | head -n 1",
        "runflow chain --key k --json | true",
        "runflow chain --key k >&- 2>&-",
        "runflow chain --key k > /dev/full",
    ],
)
def test_a_run_does_not_mind_who_reads_what_it_prints(shell: str, forge: Forge, reader: Reader) -> None:
    done = runflow(forge, shell)
    assert check(reader.seen("k"), EXPECTED["chain"], kills=0) == [], done
    assert "Traceback" not in done.stderr
