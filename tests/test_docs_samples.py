"""The samples of docs/reference/format.md run, and do what the page says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flows import runs, services
from flows.engine import InvalidInputs
from flows.models import Flow
from flows.outcome import RunOutcome

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "format.md"
SAMPLES = sorted((ROOT / "docs" / "samples").glob("*.json"))

# No transaction is open while a procedure runs, in tests neither.
in_database = pytest.mark.django_db(transaction=True)


def run_sample(sample: str, **inputs: Any) -> RunOutcome:
    for path in SAMPLES:
        Flow.objects.create(flow_name=path.stem, flow_json=path.read_text(encoding="utf-8"), enabled=True)
    return runs.run_flow(sample, inputs=inputs)


def statuses(outcome: RunOutcome) -> dict[str, str]:
    return {step.name: step.status for step in outcome.steps}


@pytest.mark.no_database
def test_each_sample_stands_on_the_page_byte_by_byte_and_nothing_else_does() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert sorted(blocks) == sorted(path.read_text(encoding="utf-8") for path in SAMPLES)


@in_database
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_sample_passes_the_checker(path: Path) -> None:
    greet = ROOT / "docs" / "samples" / "greet.json"
    Flow.objects.create(flow_name="greet", flow_json=greet.read_text(encoding="utf-8"))
    assert services.check_document(path.read_text(encoding="utf-8"), path.stem).findings == ()


@in_database
@pytest.mark.parametrize("name", ["description", "notes"])
def test_text_for_people_changes_nothing(name: str) -> None:
    assert run_sample(name).context["first"] == {"msg": "hello"}


@in_database
def test_inputs_are_read_by_the_steps() -> None:
    assert run_sample("inputs", name="Ann", times=2).context["greet"] == {"msg": ["en", "Ann", 2]}


@in_database
def test_inputs_are_refused_with_the_lines_of_the_page() -> None:
    with pytest.raises(InvalidInputs) as raised:
        run_sample("inputs", nmae="Ann", times=11)
    assert f"```text\n{raised.value}\n```" in PAGE.read_text(encoding="utf-8")


@in_database
def test_retry_reaches_the_service_that_comes_back() -> None:
    outcome = run_sample("retry")
    assert outcome.succeeded
    assert outcome.context["told"] == {"msg": outcome.context["fetch"]["call"]}


@in_database
def test_a_step_within_its_timeout_succeeds() -> None:
    assert run_sample("timeout").context["told"] == {"msg": 0.01}


@in_database
@pytest.mark.parametrize(("amount", "skipped"), [(250, ["other"]), (99.5, ["report", "repeat"])])
def test_when_chooses_the_steps(amount: float, skipped: list[str]) -> None:
    outcome = run_sample("when", amount=amount)
    assert [name for name, status in statuses(outcome).items() if status == "skipped"] == skipped


@in_database
def test_foreach_runs_a_step_for_each_column_of_a_file() -> None:
    context = run_sample("foreach").context
    assert context["columns"]["count"] == len(context["read"]["columns"])
    assert context["first"] == {"msg": context["read"]["columns"][0]}
    assert [item["msg"] for item in context["three"]["items"]] == [
        context["read"]["count"],
        2,
        context["columns"]["count"],
    ]


@in_database
def test_continue_on_error_succeeds_with_a_warning() -> None:
    outcome = run_sample("continue_on_error")
    assert statuses(outcome) == {"optional": "failed", "goes_on": "succeeded"}
    assert outcome.warnings == ("optional failed: RuntimeError: the mail server is down",)


@in_database
def test_on_failure_runs_after_the_failure() -> None:
    outcome = run_sample("on_failure")
    assert statuses(outcome) == {"load": "failed", "what": "succeeded", "whom": "succeeded"}
    assert (outcome.succeeded, outcome.failed_step) == (False, "load")


@in_database
def test_a_flow_runs_another_and_reads_its_outputs() -> None:
    assert run_sample("flow").context["told"] == {"msg": [["hello", "Ann"], ["hello", "Cid"]]}


@in_database
def test_outputs_are_what_a_run_gives_back() -> None:
    everything = {"of_first": [{"msg": {"a": [1, 2, 3]}}, "outputs"]}
    assert run_sample("outputs").outputs == {"second": 2, "all": everything, "unit": "m", "address": "@example"}


@in_database
def test_every_optional_key_has_a_sample() -> None:
    shown = {key for path in SAMPLES for key in _keys(json.loads(path.read_text(encoding="utf-8")))}
    known = {"description", "inputs", "retry", "timeout", "when", "foreach", "continue_on_error", "on_failure", "flow"}
    assert known | {"outputs", "$schema"} <= shown


def _keys(document: dict[str, Any]) -> set[str]:
    steps = [*document["procedures"], *document.get("on_failure", [])]
    return set(document).union(*steps)
