"""The command line: inputs, plan, one step alone, JSON, and exit codes."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from flows.models import Flow
from tests.conftest import RUN_MANAGE

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLES = Path(__file__).resolve().parent.parent / "docs" / "samples"
SUCCEEDED, FAILED, REFUSED = 0, 1, 2


@pytest.fixture(autouse=True)
def _samples() -> None:
    for path in SAMPLES.glob("*.json"):
        Flow.objects.create(flow_name=path.stem, flow_json=path.read_text(encoding="utf-8"), enabled=True)


def command(*arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and the text of the error."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, no_color=True)
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return SUCCEEDED, out.getvalue(), ""


def as_json(*arguments: str) -> dict[str, Any]:
    code, out, error = command("runflow", *arguments, "--json")
    assert (code, error) == (SUCCEEDED, "")
    found: dict[str, Any] = json.loads(out)
    return found


def greeted(*arguments: str) -> Any:
    return as_json("inputs", *arguments)["context"]["greet"]["msg"]


def store(name: str, **document: Any) -> None:
    Flow.objects.create(flow_name=name, flow_json=json.dumps(document), enabled=True)


def step(name: str, method: str = "prt", mod: str = "common.Kt", **keys: Any) -> dict[str, Any]:
    return {"name": name, "mod": mod, "method": method, **keys}


# Inputs


def test_input_is_converted_by_its_declared_type() -> None:
    assert greeted("--input", "name=Ann", "--input", "times=2") == ["en", "Ann", 2]


def test_the_text_of_an_input_may_hold_equals_signs_and_be_empty() -> None:
    store("free", inputs={"x": {"type": "string"}}, procedures=[], outputs={"x": "@_input.x"})
    assert as_json("free", "--input", "x=a=b=c")["outputs"] == {"x": "a=b=c"}
    assert as_json("free", "--input", "x=")["outputs"] == {"x": ""}


def test_the_last_of_two_values_for_one_input_counts() -> None:
    assert greeted("--input", "name=Ann", "--input", "name=Ben") == ["en", "Ben", 1]


def test_inputs_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text('{"name": "Bö", "times": 3}', encoding="utf-8")
    assert greeted("--inputs", str(file)) == ["en", "Bö", 3]
    assert greeted("--inputs", str(file), "--input", "times=1") == ["en", "Bö", 1]


def test_values_of_a_file_are_not_converted(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text('{"name": "Ann", "times": "3"}', encoding="utf-8")
    code, out, error = command("runflow", "inputs", "--inputs", str(file))
    assert (code, out, error) == (REFUSED, "", "input times: this is a text; the input takes an integer")


def test_all_that_is_wrong_with_inputs_is_said_before_anything_runs() -> None:
    code, out, error = command("runflow", "inputs", "--input", "nmae=Ann", "--input", "times=11")
    assert (code, out) == (REFUSED, "")
    assert error.splitlines() == [
        'input nmae: the flow has no input "nmae" (inputs: name, language, times). Did you mean "name"?',
        "input name: the input is missing; it takes a string",
        "input times: 11 is more than the maximum 10",
    ]


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_an_input_that_is_missing_is_refused(json_option: list[str]) -> None:
    code, out, error = command("runflow", "inputs", *json_option)
    assert (code, out, error) == (REFUSED, "", "input name: the input is missing; it takes a string")


@pytest.mark.parametrize("text", ["name", "=Ann", ""])
def test_an_input_without_name_or_equals_sign_is_refused(text: str) -> None:
    assert command("runflow", "inputs", "--input", text) == (REFUSED, "", f'--input "{text}": write it as name=value')


@pytest.mark.parametrize(
    ("content", "reason"), [("[1]", "must be one JSON object"), ("{", "is not JSON"), ("[" * 100_000, "is not JSON")]
)
def test_a_file_that_holds_no_json_object_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(content)
    code, _, error = command("runflow", "inputs", "--inputs", str(file))
    assert code == REFUSED
    assert reason in error


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b'{"name": "\xff"}')
    for file in (tmp_path / "none", tmp_path, tmp_path / "latin"):
        code, _, error = command("runflow", "inputs", "--inputs", str(file))
        assert code == REFUSED
        assert "cannot be read" in error


def test_what_json_does_not_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text('{"amount": NaN}')
    code, _, error = command("runflow", "when", "--inputs", str(file))
    assert (code, error) == (REFUSED, "input amount: this (float) is nan, which JSON does not have")
    assert command("runflow", "when", "--input", "amount=Infinity")[0] == REFUSED


# Plan


def test_a_plan_names_steps_constants_origins_and_certainty_and_runs_nothing() -> None:
    code, out, _ = command("runflow", "when", "--plan", "--input", "amount=50")
    assert code == SUCCEEDED
    assert out.splitlines()[:9] == [
        "4 steps, 5 references: 4 proved, 1 assumed",
        "  input amount: 50",
        "  1. large  common.Demo.compare",
        "       value = @_input.amount = 50  [proved]",
        "       at_least = 100",
        "  2. report  common.Kt.prt  (only when @large.holds)",
        "       when @large.holds  [proved]",
        '       msg = "a large amount"',
        "  3. repeat  common.Kt.prt  (only when @large.holds)",
    ]
    assert command("runflow", "on_failure", "--plan")[0] == SUCCEEDED


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_each_sample_has_a_plan_also_where_its_inputs_are_missing_or_it_is_disabled(path: Path) -> None:
    Flow.objects.filter(flow_name=path.stem).update(enabled=False)
    code, out, _ = command("runflow", path.stem, "--plan")
    assert code == SUCCEEDED
    assert all(line.isprintable() for line in out.splitlines())


def test_a_plan_shows_each_option_of_a_step() -> None:
    text = "".join(command("runflow", name, "--plan")[1] for name in ("retry", "timeout", "foreach", "flow"))
    for shown in ("up to 4 attempts", "timeout 5 s", "timeout: 60 s", "for each of @read.columns", "flow greet"):
        assert shown in text


def test_a_plan_refuses_inputs_that_do_not_fit_and_flows_that_are_invalid() -> None:
    assert command("runflow", "inputs", "--plan", "--input", "times=11")[0] == REFUSED
    store("broken", procedures=[step("a", when=True)])
    code, out, error = command("runflow", "broken", "--plan")
    assert (code, out) == (REFUSED, "")
    assert error.startswith('flow "broken" is invalid:\n/procedures/0/when: this is true;')


# One step


def test_one_step_runs_alone_with_its_constants_or_with_given_params() -> None:
    assert json.loads(command("runflow", "outputs", "--step", "first")[1]) == {"msg": {"a": [1, 2, 3]}}
    assert json.loads(command("runflow", "when", "--step", "repeat", "--params", '{"msg": 5}')[1]) == {"msg": 5}


@pytest.mark.parametrize(
    ("flow", "arguments", "reason"),
    [
        ("when", ["--step", "repeat"], "refers to earlier results; give its parameters with --params"),
        ("when", ["--step", "non"], 'has no step "non" (steps: large, report, repeat, other)'),
        ("flow", ["--step", "ann"], "runs another flow; run that by its own name"),
        ("when", ["--step", "repeat", "--params", "5"], "--params must be one JSON object"),
        ("when", ["--step", "repeat", "--params", "{"], "--params is not JSON"),
    ],
)
def test_a_step_that_cannot_run_alone_is_refused(flow: str, arguments: list[str], reason: str) -> None:
    code, out, error = command("runflow", flow, *arguments)
    assert (code, out) == (REFUSED, "")
    assert reason in error


def test_a_step_that_fails_alone_is_one_line_and_exit_code_1() -> None:
    try:
        code, _, error = command("runflow", "on_failure", "--step", "load")
    except RuntimeError:
        pytest.fail("a traceback")
    assert (code, "\n" in error) == (FAILED, False)


def test_a_step_alone_that_returns_no_dict_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from procedures.common.Demo import Demo  # noqa: PLC0415

    monkeypatch.setattr(Demo, "sleep", lambda self, context, params: 5)
    from flows import services  # noqa: PLC0415

    services._registry.cache_clear()
    try:
        assert command("runflow", "timeout", "--step", "wait")[0] == FAILED
    finally:
        services._registry.cache_clear()


# JSON and exit codes


def test_json_holds_status_steps_warnings_outputs_and_context() -> None:
    found = as_json("continue_on_error")
    assert list(found) == [
        *("flow", "run_id", "status", "error", "failed_step", "seconds", "steps", "warnings", "outputs", "context"),
    ]
    assert found["warnings"] == ["optional failed: RuntimeError: the mail server is down"]
    assert [one["status"] for one in found["steps"]] == ["failed", "succeeded"]
    assert as_json("outputs")["outputs"]["second"] == 2


def test_json_tells_skipped_steps() -> None:
    assert [one["status"] for one in as_json("when")["steps"]] == ["succeeded", "succeeded", "succeeded", "skipped"]


def test_json_of_a_run_that_failed_is_printed_and_the_exit_code_is_1() -> None:
    code, out, error = command("runflow", "on_failure", "--json")
    found = json.loads(out)
    assert (code, found["status"], found["failed_step"]) == (FAILED, "failed", "load")
    assert error == "on_failure failed at load: RuntimeError: the file is not there"


def test_outputs_that_cannot_be_resolved_fail_the_run() -> None:
    store("gone", procedures=[step("a", params={"msg": {}})], outputs={"x": "@a.msg.gone"})
    code, _, error = command("runflow", "gone")
    assert code == FAILED
    assert error.startswith('gone failed at its outputs: "@a.msg.gone"')


def test_a_skipped_step_is_not_a_failure() -> None:
    code, out, _ = command("runflow", "when")
    assert code == SUCCEEDED
    assert out.splitlines()[-1].startswith("when succeeded: 4 steps in ")


def test_a_skipped_step_is_shown() -> None:
    assert "other  skipped" in command("runflow", "when")[1]


def test_a_sub_flow_that_is_disabled_is_refused_before_anything_runs() -> None:
    Flow.objects.filter(flow_name="greet").update(enabled=False)
    code, out, error = command("runflow", "flow")
    assert (code, out) == (REFUSED, "")
    assert 'flow "greet" is disabled' in error


# checkflows


def test_checkflows_prints_findings_and_verdicts_as_json() -> None:
    code, out, _ = command("checkflows", "flow", "--json")
    (found,) = json.loads(out)["flows"]
    assert (code, found["flow"], found["valid"], found["findings"]) == (SUCCEEDED, "flow", True, [])
    assert [(one["pointer"], one["verdict"]) for one in found["verdicts"]] == [
        ("/procedures/1/inputs/name", "proved"),
        ("/procedures/2/params/msg/0", "proved"),
        ("/procedures/2/params/msg/1", "assumed"),
    ]
    assert found["verdicts"][2]["reason"] == 'the list "@others.items" may be shorter'


def test_checkflows_names_what_is_wrong_and_exits_with_2() -> None:
    store("broken", procedures=[step("a", retry={})])
    code, out, error = command("checkflows", "--json")
    found = {one["flow"]: one for one in json.loads(out)["flows"]}
    assert (code, error) == (REFUSED, "1 of 13 flows are invalid.")
    assert found["broken"]["findings"] == [
        {
            "pointer": "/procedures/0/retry",
            "message": 'the key "max_attempts" is missing; it counts all executions, 1 to 10',
        }
    ]
    assert (found["broken"]["valid"], found["when"]["valid"]) == (False, True)


# As a process


@pytest.mark.no_database
def test_the_command_as_a_process(manage: RUN_MANAGE) -> None:
    for arguments in (["migrate", "-v0"], ["createtables"], ["importflows", str(SAMPLES), "--enable"]):
        assert manage(*arguments).returncode == SUCCEEDED
    done = manage("runflow", "inputs", "--input", "name=Ann", "--json")
    assert (done.returncode, json.loads(done.stdout)["context"]["greet"]["msg"]) == (SUCCEEDED, ["en", "Ann", 1])
    refused = manage("runflow", "inputs", "--input", "name=ann")
    assert (refused.returncode, refused.stdout) == (REFUSED, "")
    assert refused.stderr == 'CommandError: input name: "ann" does not match the pattern "^[A-Z]"\n'
    assert manage("runflow", "on_failure").returncode == FAILED
    unavailable = manage("runflow", "inputs", DATABASE_URL="mysql://user:secret@127.0.0.1:9/none")
    assert unavailable.returncode == 3
    assert "secret" not in unavailable.stderr
    assert "Traceback" not in refused.stderr + unavailable.stderr


@pytest.mark.no_database
def test_inputs_come_from_standard_input() -> None:
    import subprocess  # noqa: PLC0415

    code = "from flows.management.commands.runflow import _read; print(_read('-'))"
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {code}"],
        input="{}",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "{}\n"
