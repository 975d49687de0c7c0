"""Runs on the command line: going on, keys, the list, and what is said on the way."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from flows import runs
from flows.engine import StepStarted
from flows.models import Run, Status, Trigger
from tests.acting import Acting, acting
from tests.conftest import RUN_MANAGE
from tests.test_runs import Crash, crash_at, crashed, create, fail_at_gate, lose, store

__all__ = ["acting"]

pytestmark = pytest.mark.django_db


def call(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        call(*arguments)
    return caught.value


# runflow


def test_resume_goes_on_at_the_first_unfinished_step(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    stopped = crashed(crash_at(StepStarted, "two"))

    out, err = call("runflow", "--resume", str(stopped.pk))

    assert [line.split("  ")[:2] for line in out.splitlines()[:-1]] == [["one", "reused"], ["two", "succeeded"]]
    assert out.splitlines()[-1].startswith("act succeeded: 2 steps in ")
    assert err == ""
    assert acting.called == ["one", "two"]


def test_resume_says_what_has_changed_before_it_goes_on(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    stopped = crashed(crash_at(StepStarted, "two"))
    store(acting.step("other"))
    _, err = call("runflow", "act", "--resume", str(stopped.pk))
    assert err == (f'since run {stopped.pk} of act began: flow "act" has changed; the run keeps its own definition\n')


def test_resume_of_a_failed_run_names_the_run_that_goes_on(acting: Acting) -> None:
    failed = fail_at_gate(acting)
    _, err = call("runflow", "--resume", str(failed.pk))
    assert err == f"run {failed.pk + 1} of act goes on from run {failed.pk} of act\n"
    assert acting.called == ["gate", "last"]


def test_resume_with_the_edited_flow_takes_it_or_lists_the_differences(acting: Acting) -> None:
    failed = fail_at_gate(acting)
    inputs = {"n": {"type": "integer"}}
    store(acting.step("one", params={"n": 5}), acting.step("two", params={"n": 1}), inputs=inputs)
    error = refused("runflow", "--resume", str(failed.pk), "--edited")
    assert error.returncode == 2
    assert '- the parameters of step "one" would differ' in str(error)
    store(acting.step("one", params={"n": 1}), acting.step("two", params={"n": 1}), acting.step("new"), inputs=inputs)
    call("runflow", "--resume", str(failed.pk), "--edited")
    assert acting.called == ["new"]


def test_a_key_that_was_used_tells_of_its_run_and_runs_nothing(acting: Acting) -> None:
    store(acting.step("one"))
    call("runflow", "act", "--key", "k")
    out, _ = call("runflow", "act", "--key", "k")
    assert out == f"run {Run.objects.get().pk} of act succeeded already\n"
    assert acting.called == ["one"]


def test_a_key_whose_run_failed_fails_again_and_runs_nothing(acting: Acting) -> None:
    store(acting.step("bad", "fail"))
    assert refused("runflow", "act", "--key", "k").returncode == 1
    error = refused("runflow", "act", "--key", "k")
    assert error.returncode == 1
    assert str(error) == f"run {Run.objects.get().pk} of act failed already at bad: ValueError: no"
    assert acting.called == ["bad"]


def test_a_key_whose_run_was_interrupted_goes_on_with_it(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    waiting = create(key="k")
    with pytest.raises(Crash):
        runs.execute_run(waiting.pk, crash_at(StepStarted, "two"))
    call("runflow", "act", "--key", "k")
    assert acting.called == ["one", "two"]


def test_a_key_whose_run_is_executed_is_refused(acting: Acting) -> None:
    store(acting.step("one"))
    assert create(key="k").claim("somebody")
    error = refused("runflow", "act", "--key", "k")
    assert error.returncode == 2
    assert "is running since" in str(error)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["act", "--edited"], "--edited goes with --resume, which names the run to go on from"),
        (["--resume", "1", "--input", "a=1"], "--resume takes the inputs and steps of its run; leave out the others"),
        (["--resume", "4711"], "there is no run 4711; `python manage.py listruns` lists them"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: list[str], text: str) -> None:
    error = refused("runflow", *arguments)
    assert (error.returncode, str(error)) == (2, text)


def test_a_run_of_another_flow_is_refused(acting: Acting) -> None:
    store(acting.step("one"))
    error = refused("runflow", "hello", "--resume", str(create().pk))
    assert (error.returncode, str(error)) == (2, f'run {Run.objects.get().pk} of act is no run of flow "hello"')


def test_a_cancelled_run_ends_the_command_with_one(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two"))
    waiting = create()
    runs.cancel_run(waiting.pk, "amal")
    assert refused("runflow", "--resume", str(waiting.pk), "--input", "a=1").returncode == 2
    call("runflow", "--resume", str(waiting.pk))
    assert acting.called == ["one", "two"]


# listruns and reapruns


def test_the_list_has_the_newest_first(acting: Acting) -> None:
    store(acting.step("one"))
    call("runflow", "act")
    store(acting.step("bad", "fail"))
    refused("runflow", "act")

    lines = call("listruns")[0].splitlines()

    first, second = (line.split("  ") for line in lines)
    assert [part for part in first if part][1:3] == ["act", "failed"]
    assert [part for part in second if part][1:3] == ["act", "succeeded"]


def test_the_list_as_json_has_an_object_a_run(acting: Acting) -> None:
    store(acting.step("one"))
    call("runflow", "act", "--key", "k")
    only = json.loads(call("listruns", "--json")[0])
    assert (only["flow"], only["status"], only["trigger"], only["key"]) == ("act", "succeeded", "command", "k")
    assert only["created_at"].endswith("+08:00")
    assert only["seconds"] > 0
    assert only["error"] is None


def test_the_list_can_be_narrowed(acting: Acting) -> None:
    store(acting.step("one"))
    store(acting.step("one"), name="other")
    for name in ("act", "other"):
        create(name)
    lose(Run.objects.get(flow_name="act"))
    assert call("listruns", "other")[0].count("\n") == 1
    assert "act  lost" in call("listruns", "--status", "lost")[0]
    assert call("listruns", "--status", "running")[0] == "There are no such runs.\n"
    assert call("listruns", "--limit", "1")[0].count("\n") == 1


def test_reapruns_says_which_runs_it_interrupted_and_how_to_go_on(acting: Acting) -> None:
    store(acting.step("one"))
    waiting = create()
    lose(waiting)
    Run.objects.filter(pk=waiting.pk).update(step="one", step_attempt=1)
    out, _ = call("reapruns")
    assert out == (
        f"run {waiting.pk} of act is interrupted at step one; python manage.py runflow --resume {waiting.pk}\n"
    )
    waiting.refresh_from_db()
    assert waiting.status == Status.INTERRUPTED
    assert call("reapruns")[0] == ""


@pytest.mark.no_database
def test_commands_of_runs_say_what_to_do_before_the_tables_are_there(manage: RUN_MANAGE) -> None:
    for command in ("listruns", "reapruns"):
        done = manage(command)
        assert done.returncode == 2
        assert "Run: python manage.py migrate" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.no_database
def test_without_the_tables_of_the_history_a_flow_runs_and_says_so(manage: RUN_MANAGE) -> None:
    assert manage("migrate", "-v0", "flows", "0002").returncode == 0
    assert manage("createtables").returncode == 0
    assert manage("importflows", "samples/hello.json", "--enable").returncode == 0
    done = manage("runflow", "hello")
    assert done.returncode == 0
    assert done.stderr.count("runs are not recorded: the table wf_run is missing. Run: python manage.py migrate") == 1


def test_a_run_of_the_command_names_it_as_its_trigger(acting: Acting) -> None:
    store(acting.step("one"))
    call("runflow", "act")
    assert Run.objects.get().trigger == Trigger.COMMAND
