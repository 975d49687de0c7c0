"""`runflow` as its user sees it: what it prints, how it exits, what it leaves in the logs, and what it refuses."""

import json
import logging
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from flows import runs
from flows.models import Flow, Run, SysLog
from tests.conftest import RUN_MANAGE

HELLO = {
    "procedures": [
        {"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}},
        {"name": "step2", "mod": "common.Kt", "method": "prt", "params": {"msg": "@step1.msg"}},
    ]
}
DURATION = r"\d+\.\d\d ms"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ \S+ .*")

STAGE = '''
"""Procedures that the tests call: they leave a mark when they are called."""

from pathlib import Path


class Stage:
    def __init__(self, logger):
        self.logger = logger

    def mark(self, context, params):
        with Path(params["file"]).open("a") as file:
            file.write(params.get("text", "called") + "\\n")
        return {"text": params.get("text", "")}

    def fail(self, context, params):
        raise ValueError("the stage is empty")
'''


def store(name: str = "hello", document: Any = HELLO, **flags: Any) -> Flow:
    text = document if isinstance(document, str) else json.dumps(document)
    return Flow.objects.create(flow_name=name, flow_json=text, **{"enabled": True, **flags})


def runflow(*arguments: str) -> str:
    out = StringIO()
    call_command("runflow", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> CommandError:
    out = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("runflow", *arguments, stdout=out)
    assert out.getvalue() == ""
    return caught.value


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Callable[..., dict[str, Any]]:
    """Return a maker of steps that call procedures of a package of this test's own."""
    package = tmp_path / "stageprocs"
    package.mkdir()
    (package / "Stage.py").write_text(STAGE)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.FLOWS_PROCEDURE_PACKAGES = ["procedures", "stageprocs"]

    def step(name: str, method: str = "mark", **params: Any) -> dict[str, Any]:
        return {"name": name, "mod": "Stage", "method": method, "params": {"file": str(tmp_path / "marks"), **params}}

    return step


@pytest.mark.django_db
def test_each_step_is_one_line_and_the_outcome_is_the_last() -> None:
    store()

    lines = runflow("hello").splitlines()

    assert [re.sub(DURATION, "T", line) for line in lines] == [
        "step1  succeeded  T",
        "step2  succeeded  T",
        "hello succeeded: 2 steps in T",
    ]


@pytest.mark.django_db
def test_json_is_one_document_with_the_context() -> None:
    store()

    document = json.loads(runflow("hello", "--json"))

    assert document["status"] == "succeeded"
    assert document["context"] == {"step1": {"msg": "hello"}, "step2": {"msg": "hello"}}
    assert [step["name"] for step in document["steps"]] == ["step1", "step2"]


@pytest.mark.django_db
def test_without_a_name_the_flows_are_listed() -> None:
    store("b", enabled=None)
    store("a")
    store("gone", deleted=True)

    assert runflow().splitlines() == ["a  enabled", "b  disabled"]


@pytest.mark.django_db
def test_without_any_flow_the_list_says_how_to_get_one() -> None:
    assert runflow() == "There are no flows. Add one in the admin, or: python manage.py importflows samples\n"


REFUSED = {
    "disabled": ({"enabled": False}, 'flow "x" is disabled; enable it in the admin before you run it'),
    "enabled is NULL": ({"enabled": None}, 'flow "x" is disabled; enable it in the admin before you run it'),
    "deleted": ({"deleted": True}, 'flow "x" is deleted; restore it in the admin before you run it'),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("flags", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_flow_that_may_not_run_is_refused_and_nothing_is_called(
    stage: Callable[..., dict[str, Any]], tmp_path: Path, flags: dict[str, Any], message: str
) -> None:
    store("x", {"procedures": [stage("one")]}, **flags)

    error = refused("x")

    assert (error.returncode, str(error)) == (2, message)
    assert not (tmp_path / "marks").exists()


@pytest.mark.django_db
def test_a_deleted_flag_that_is_null_means_not_deleted() -> None:
    store("x", deleted=None)

    assert "x succeeded" in runflow("x")


@pytest.mark.django_db
def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    store("nightly")

    error = refused("nigthly")

    assert error.returncode == 2
    assert str(error) == 'no flow is named "nigthly" (flows: nightly). Did you mean "nightly"?'


@pytest.mark.django_db
def test_a_name_counts_as_it_is_written_whatever_the_collation_of_the_server() -> None:
    store("nightly")

    assert refused("Nightly").returncode == 2
    assert refused("nightly ").returncode == 2


@pytest.mark.django_db
def test_an_invalid_document_is_refused_with_every_finding_and_nothing_is_called(
    stage: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    store("x", {"procedures": [stage("one"), stage("two", text="@three.x"), {"name": "four"}]})

    error = refused("x")

    assert error.returncode == 2
    assert str(error).splitlines() == [
        'flow "x" is invalid:',
        '/procedures/1/params/text: "@three.x": no step is named "three" (earlier steps: one).',
        '/procedures/2: the key "mod" is missing; write e.g. "common.Kt"',
        '/procedures/2: the key "method" is missing; write e.g. "prt"',
    ]
    assert not (tmp_path / "marks").exists()


@pytest.mark.django_db
def test_a_step_that_raises_ends_the_run_with_1_and_later_steps_are_not_called(
    stage: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    store("x", {"procedures": [stage("one"), stage("two", "fail"), stage("three", text="late")]})
    out = StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("runflow", "x", stdout=out)

    assert caught.value.returncode == 1
    assert str(caught.value) == "x failed at two: ValueError: the stage is empty"
    assert re.sub(DURATION, "T", out.getvalue()).splitlines() == ["one  succeeded  T", "two  failed  T"]
    assert (tmp_path / "marks").read_text() == "called\n"


@pytest.mark.django_db
def test_json_of_a_failed_run_names_the_step_and_the_error(stage: Callable[..., dict[str, Any]]) -> None:
    store("x", {"procedures": [stage("one", "fail")]})
    out = StringIO()

    with pytest.raises(CommandError):
        call_command("runflow", "x", "--json", stdout=out)

    document = json.loads(out.getvalue())
    assert (document["status"], document["failed_step"]) == ("failed", "one")
    assert document["error"] == "ValueError: the stage is empty"


@pytest.mark.django_db
def test_a_key_that_a_result_turns_out_not_to_have_stops_the_run_before_the_step(
    stage: Callable[..., dict[str, Any]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store("x", {"procedures": [stage("one"), stage("two", text="@one.txt")]})

    with caplog.at_level(logging.INFO):
        outcome = runs.run_flow("x")

    expected = '"@one.txt": "@one" has no key "txt" (keys: text). Did you mean "@one.text"?'
    assert (outcome.failed_step, str(outcome.error)) == ("two", expected)
    assert any(expected in record.getMessage() and record.levelname == "ERROR" for record in caplog.records)
    assert (tmp_path / "marks").read_text() == "called\n"


@pytest.mark.no_database
def test_each_line_of_the_file_has_the_format_of_the_contract(manage: RUN_MANAGE, tmp_path: Path) -> None:
    for command in (["migrate", "-v0"], ["createtables"], ["importflows", "samples/hello.json", "--enable"]):
        assert manage(*command).returncode == 0

    done = manage("runflow", "hello")

    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "log" / "flows.log").read_text().splitlines()
    assert len(lines) > 6
    assert all(LINE.fullmatch(line) for line in lines)
    assert any(line.endswith(" INFO Kt prt [flow=hello run=1 step=step1] {'msg': 'hello'}") for line in lines)


def test_the_table_holds_a_run_with_its_four_columns(database_logging: None, settings: Settings) -> None:
    store()

    runflow("hello")
    for handler in logging.getLogger().handlers:
        handler.flush()

    rows = list(SysLog.objects.order_by("id").values_list("level", "logger_name", "message"))
    run = Run.objects.get().pk
    assert ("INFO", "procedures.common.Kt", f"[flow=hello run={run} step=step1] {{'msg': 'hello'}}") in rows
    assert rows[0] == ("INFO", "flows.engine.runner", f"[flow=hello run={run}] run started, 2 steps")
    assert rows[-1][2].startswith(f"[flow=hello run={run}] run succeeded in ")
    times = list(SysLog.objects.order_by("id").values_list("created_at", flat=True))
    assert times == sorted(times)
    assert all(time.microsecond % 1000 == 0 for time in times)


@pytest.mark.no_database
def test_the_traceback_of_a_failing_step_is_in_all_three_sinks(manage: RUN_MANAGE, tmp_path: Path) -> None:
    package = tmp_path / "stageprocs"
    package.mkdir()
    (package / "Stage.py").write_text(STAGE)
    environment = {"PYTHONPATH": str(tmp_path), "FLOWS_PROCEDURE_PACKAGES": "procedures,stageprocs"}
    files = tmp_path / "import"
    files.mkdir()
    (files / "x.json").write_text(json.dumps({"procedures": [{"name": "one", "mod": "Stage", "method": "fail"}]}))
    for command in (["migrate", "-v0"], ["createtables"], ["importflows", str(files), "--enable"]):
        assert manage(*command, **environment).returncode == 0

    done = manage("runflow", "x", **environment)

    assert done.returncode == 1
    assert "CommandError: x failed at one: ValueError: the stage is empty" in done.stderr
    assert 'raise ValueError("the stage is empty")' in done.stderr
    assert 'raise ValueError("the stage is empty")' in (tmp_path / "log" / "flows.log").read_text()
    shown = manage(
        "shell", "-v0", "-c", "from flows.models import SysLog; print(*SysLog.objects.values_list('message'))"
    )
    assert 'raise ValueError("the stage is empty")' in shown.stdout


@pytest.mark.no_database
def test_a_database_that_is_away_is_one_clear_line_without_the_password(manage: RUN_MANAGE) -> None:
    done = manage("runflow", "hello", DATABASE_URL="mysql://user:hidden-word@127.0.0.1:1/flows")

    assert done.returncode == 3
    assert done.stderr.startswith("CommandError: the database flows on 127.0.0.1 is unavailable: ")
    assert done.stderr.count("\n") == 1
    assert "hidden-word" not in done.stderr


@pytest.mark.no_database
def test_a_missing_table_is_refused_with_the_commands_that_make_it(manage: RUN_MANAGE) -> None:
    done = manage("runflow", "hello")

    assert done.returncode == 2
    assert "Run: python manage.py migrate && python manage.py createtables" in done.stderr


@pytest.mark.django_db
def test_a_reader_that_goes_away_does_not_touch_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    store()

    call_command("runflow", "hello", stdout=Closed())


@pytest.mark.django_db
def test_a_flow_that_runs_another_is_refused_while_that_one_is_disabled() -> None:
    store("child", enabled=False)
    store("parent", {"procedures": [{"name": "inner", "flow": "child"}]})

    error = refused("parent")

    assert str(error).splitlines()[1] == '/procedures/0/flow: flow "child" is disabled'


@pytest.mark.django_db
def test_parameters_without_a_step_are_refused_and_nothing_is_run() -> None:
    store()

    error = refused("hello", "--params", '{"msg": "x"}')

    assert (error.returncode, str(error)) == (2, "--params goes with --step, which names the step to run")
