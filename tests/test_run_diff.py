"""Two runs are compared step by step, exactly, and the first place where they part is found."""

import io
import json
import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flows import runs
from flows.diff import Difference
from flows.models import Flow, Run, Status, StepRun, StepStatus, Trigger
from flows.recording.params import params_digest
from flows.run_diff import Change, RunDiff, compare, read_diff
from flows.run_diff.aligning import aligned
from flows.run_diff.comparing import MOST_CHANGES, Execution, Verdict
from flows.run_diff.values import LONGEST_TEXT
from tests.acting import Acting, acting

__all__ = ["acting"]

laws = settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each value in a JSON value, itself included."""
    yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*path, key))


def value_at(value: Any, path: tuple[Any, ...]) -> Any:
    return reduce(lambda inner, key: inner[key], path, value)


def changed_at(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = changed_at(value[path[0]], path[1:], new)
    return copy


# Values


@pytest.mark.no_database
def test_a_pointer_is_exact_for_programs_and_visible_for_people() -> None:
    change = Change.of(Difference("changed", ("a/b~c", 3, "\u202e" + "x" * 100), "", 1, 2))
    assert change.pointer == "/a~1b~0c/3/\u202e" + "x" * 100
    assert change.place == r"/a~1b~0c/3/\u202e" + "x" * 78 + "…"


@pytest.mark.no_database
def test_large_values_are_cut_to_where_they_differ() -> None:
    change = Change.of(Difference("changed", (), "", "a" * 5000 + "OLD" + "z" * 5000, "a" * 5000 + "NEW" + "z" * 5000))
    assert change.old
    assert change.new
    assert "OLD" in change.old
    assert "NEW" in change.new
    assert len(change.old) == len(change.new) == LONGEST_TEXT + 2


# Order


@pytest.mark.no_database
def test_entries_and_subflow_steps_stand_below_their_step_and_in_the_order_of_the_run() -> None:
    old = ["load", "each[0]", "each[1]", "each", "sub/a", "sub/b", "sub", "last"]
    new = ["load", "added", "each[0]", "each[1]", "each[2]", "each", "sub/a[0]/x", "sub/a[0]", "sub/a", "sub/c", "sub"]
    assert [f"{'.' * place.depth}{place.path}" for place in aligned(old, new)] == [
        "load",
        "added",
        "each",
        ".each[0]",
        ".each[1]",
        ".each[2]",
        "sub",
        ".sub/a",
        "..sub/a[0]",
        "...sub/a[0]/x",
        ".sub/c",
        ".sub/b",
        "last",
    ]


# Rows


def a_run(pk: int = 1, **values: Any) -> Run:
    defaults = {"flow_name": "nightly", "status": Status.SUCCEEDED, "definition": "{}", "created_at": timezone.now()}
    return Run(pk=pk, **(defaults | values))


def a_row(path: str, result: Any = None, params: Any = None, **values: Any) -> StepRun:
    defaults = {
        "attempt": 1,
        "status": StepStatus.SUCCEEDED,
        "procedure": "Act.give",
        "params": "{}" if params is None else json.dumps(params),
        "params_digest": params_digest(params or {}),
        "result": "" if result is None else json.dumps(result),
        "seconds": 0.5,
    }
    return StepRun(path=path, **(defaults | values))


def as_read(rows: list[StepRun]) -> list[Execution]:
    return [Execution(*(getattr(row, name) for name in Execution._fields)) for row in rows]


def compared(old: list[StepRun], new: list[StepRun]) -> RunDiff:
    return compare(a_run(1), a_run(2), as_read(old), as_read(new))


def shown(diff: RunDiff, path: str) -> list[tuple[str, str, str | None, str | None]]:
    """Return what is told of a step: the section, the pointer, the old and the new value."""
    step = next(step for step in diff.steps if step.path == path)
    return [(name, each.pointer, each.old, each.new) for name, changes, _ in step.sections for each in changes]


@pytest.mark.no_database
@laws
@given(st.lists(st.tuples(st.sampled_from("abc"), JSON, JSON), max_size=5))
def test_a_run_does_not_differ_from_itself(steps: list[tuple[str, Any, Any]]) -> None:
    rows = [a_row(name, {"r": result}, {"p": params}, attempt=n) for n, (name, result, params) in enumerate(steps, 1)]
    diff = compare(a_run(), a_run(), as_read(rows), as_read(rows))
    assert diff.is_equal
    assert diff.first is None
    assert diff.sections == ()


@pytest.mark.no_database
@laws
@given(st.data())
def test_one_changed_value_is_found_at_its_pointer_and_nowhere_else(data: st.DataObject) -> None:
    result = {"r": data.draw(JSON)}
    path = data.draw(st.sampled_from([*places(result)][1:]))
    assume(value_at(result, path) != "changed")
    rows = [a_row(name, {"same": 1}) for name in "abc"]
    diff = compared([*rows, a_row("x", result)], [*rows, a_row("x", changed_at(result, path, "changed"))])
    (change,) = diff.steps[-1].sections[0].changes
    assert (change.path, change.new) == (path, '"changed"')
    assert diff.first is diff.steps[-1]


@pytest.mark.no_database
def test_values_of_different_types_are_different() -> None:
    values = [1, 1.0, True, "1", [1], {"0": 1}, None, 0, 0.0, -0.0, False, "", [], {}]
    for number, old in enumerate(values):
        for other, new in enumerate(values):
            assert compared([a_row("a", {"v": old})], [a_row("a", {"v": new})]).is_equal == (number == other), (
                old,
                new,
            )


@pytest.mark.no_database
def test_null_is_not_the_same_as_nothing() -> None:
    diff = compared([a_row("a", {"a": None})], [a_row("a", {"b": None})])
    assert sorted(shown(diff, "a"), key=str) == [("result", "/a", "null", None), ("result", "/b", None, "null")]


@pytest.mark.no_database
def test_a_step_that_was_moved_in_the_definition_is_one_change() -> None:
    old, new = (json.dumps({"procedures": [{"name": name} for name in names]}) for names in ("abc", "cab"))
    (section,) = compare(a_run(1, definition=old), a_run(2, definition=new), [], []).sections
    (change,) = section.changes
    assert section.name == "definition"
    assert (change.place, change.old, change.new) == ("/procedures/0 moved", "3", "1")


@pytest.mark.no_database
def test_parameters_results_outcomes_and_errors_are_compared() -> None:
    failed = {"status": StepStatus.FAILED, "error_type": "ValueError", "error_message": "ValueError: no"}
    diff = compared(
        [a_row("a", {"n": 1, "same": 2}, {"day": "1"}), a_row("b", {"n": 1})],
        [a_row("a", {"n": 1.0, "same": 2}, {"day": "2"}, procedure="Act.take"), a_row("b", **failed)],
    )
    assert shown(diff, "a") == [
        ("procedure", "", '"Act.give"', '"Act.take"'),
        ("parameters", "/day", '"1"', '"2"'),
        ("result", "/n", "1", "1.0"),
    ]
    assert shown(diff, "b") == [
        ("status", "", '"succeeded"', '"failed"'),
        ("result", "", '{"n": 1}', None),
        ("error", "", None, '"ValueError: no"'),
    ]
    assert diff.first is diff.steps[0]
    assert not diff.is_equal


@pytest.mark.no_database
def test_durations_and_attempts_are_told_and_are_no_difference() -> None:
    failed = {"status": StepStatus.FAILED, "error_type": "OSError", "error_message": "away", "retry_in": 1.0}
    diff = compared([a_row("a", {})], [a_row("a", **failed), a_row("a", {}, attempt=2, seconds=2.0)])
    (step,) = diff.steps
    assert diff.is_equal
    assert step.new
    assert (step.ratio, step.new.attempts) == (4.0, 2)


@pytest.mark.no_database
def test_a_step_that_took_no_time_has_no_ratio() -> None:
    assert compared([a_row("a", {}, seconds=0.0)], [a_row("a", {})]).steps[0].ratio is None


@pytest.mark.no_database
def test_a_reused_outcome_is_the_outcome_that_it_was() -> None:
    failed = {"error_type": "ValueError", "error_message": "no"}
    old = [a_row("a", {"n": 1}), a_row("b", status=StepStatus.FAILED, **failed), a_row("c", status=StepStatus.SKIPPED)]
    new = [a_row("a", {"n": 1}), a_row("b", **failed), a_row("c")]
    for row in new:
        row.status = StepStatus.REUSED
    assert compared(old, new).is_equal


@pytest.mark.no_database
def test_results_that_nobody_kept_are_said_to_be_not_compared() -> None:
    in_memory = {"not_storable": "/kept is a set"}
    both = compared([a_row("a", **in_memory)], [a_row("a", **in_memory)])
    assert both.is_equal
    assert both.steps[0].is_not_compared
    one = compared([a_row("a", {"kept": 1})], [a_row("a", **in_memory)])
    assert not one.is_equal
    assert not one.steps[0].is_not_compared


@pytest.mark.no_database
def test_parameters_that_are_too_large_to_be_recorded_are_compared_by_their_digest() -> None:
    left_out = {"_not_recorded": "they have 300,000 bytes; up to 262,144 are kept"}
    diff = compared([a_row("a", {}, left_out)], [a_row("a", {}, left_out, params_digest="0" * 64)])
    ((section, _, old, new),) = shown(diff, "a")
    assert section == "parameters"
    assert old != new == f'"SHA-256 {"0" * 64}"'


@pytest.mark.no_database
def test_at_most_twenty_changes_of_a_step_are_kept_and_the_others_are_counted() -> None:
    old, new = ({f"k{number}": value for number in range(30)} for value in (1, 2))
    (step,) = compared([a_row("a", old, old)], [a_row("a", new, new)]).steps
    assert [(name, len(changes), more) for name, changes, more in step.sections] == [
        ("parameters", MOST_CHANGES, 10),
        ("result", 0, 30),
    ]


@pytest.mark.no_database
def test_the_first_divergence_is_the_innermost_of_the_first_step_that_differs() -> None:
    old = [a_row("a", {}), a_row("each[0]", {}), a_row("each[1]", {"n": 1}), a_row("each", {"n": 1}), a_row("z", {})]
    new = [a_row("a", {}), a_row("each[0]", {}), a_row("each[1]", {"n": 2}), a_row("each", {"n": 2})]
    diff = compared(old, new)
    assert diff.first
    assert diff.first.path == "each[1]"
    assert [(step.path, step.verdict) for step in diff.steps if not step.is_equal] == [
        ("each", Verdict.DIFFERS),
        ("each[1]", Verdict.DIFFERS),
        ("z", Verdict.ONLY_OLD),
    ]


@pytest.mark.no_database
def test_a_step_without_an_outcome_of_its_own_is_left_out_and_its_entries_are_not() -> None:
    diff = compared([a_row("each[0]", {})], [a_row("each[0]", {}), a_row("each[1]", {})])
    assert [(step.path, step.place.depth) for step in diff.steps] == [("each[0]", 1), ("each[1]", 1)]
    assert diff.first
    assert diff.first.path == "each[1]"


@pytest.mark.no_database
def test_what_differs_of_the_runs_is_told_by_section() -> None:
    old = a_run(1, inputs='{"day": 1}', code='{"Act": "aa"}', definition='{"a": 1}', definition_hash="x")
    new = a_run(
        2,
        inputs='{"day": "1"}',
        code='{"Act": "bb"}',
        definition='{"a": 2}',
        definition_hash="y",
        status=Status.FAILED,
        error_message="ValueError: no",
        outputs='{"n": 1}',
        subflows='{"sub": "{}"}',
    )
    diff = compare(old, new, [], [])
    assert {name: [(each.pointer, each.old, each.new) for each in changes] for name, changes, _ in diff.sections} == {
        "status": [("", '"succeeded"', '"failed"')],
        "error": [("", None, '"ValueError: no"')],
        "definition hash": [("", '"x"', '"y"')],
        "definition": [("/a", "1", "2")],
        "sub-flows": [("/sub", None, "{}")],
        "inputs": [("/day", "1", '"1"')],
        "code": [("/Act", '"aa"', '"bb"')],
        "outputs": [("/n", None, "1")],
    }
    assert diff.first is None
    assert not diff.is_equal


@pytest.mark.no_database
def test_a_text_that_is_no_json_is_compared_as_it_is() -> None:
    assert not compared([a_row("a", params="x", result="{broken")], [a_row("a", params="x", result="{")]).is_equal


# Recorded runs and the command


def store(*steps: dict[str, Any], name: str = "act", **keys: Any) -> Flow:
    text = json.dumps({"procedures": steps, **keys})
    return Flow.objects.update_or_create(flow_name=name, defaults={"flow_json": text, "enabled": True})[0]


def run_once(name: str = "act", **inputs: Any) -> Run:
    runs.run_flow(name, inputs=inputs)
    return Run.objects.latest("pk")


def diffruns(*arguments: object) -> tuple[str, CommandError | None]:
    """Return what the command prints, and how it exits where that is not 0."""
    out = io.StringIO()
    try:
        call_command("diffruns", *map(str, arguments), stdout=out, no_color=True)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


def timeless(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "MOMENT", text)
    return re.sub(r" \(x[\d.]+\)", "", re.sub(r"\d+\.\d\d ms", "T", text))


@pytest.mark.django_db
def test_runs_of_a_real_flow_with_entries_and_a_subflow_are_aligned(acting: Acting) -> None:
    inputs = {"days": {"type": "array"}, "n": {"type": "integer"}}
    store(acting.step("inner", params={"n": "@_input.n"}), name="sub", inputs={"n": {"type": "integer"}})
    store(
        acting.step("load"),
        acting.step("each", foreach="@_input.days", params={"day": "@_item"}),
        {"name": "below", "flow": "sub", "inputs": {"n": "@_input.n"}},
        acting.step("last"),
        inputs=inputs,
    )
    old, new = run_once(days=["mon", "tue"], n=1), run_once(days=["mon", "wed", "thu"], n=1)
    diff = read_diff(old, new)
    assert [(step.path, step.verdict) for step in diff.steps] == [
        ("load", Verdict.EQUAL),
        ("each", Verdict.DIFFERS),
        ("each[0]", Verdict.EQUAL),
        ("each[1]", Verdict.DIFFERS),
        ("each[2]", Verdict.ONLY_NEW),
        ("below", Verdict.EQUAL),
        ("below/inner", Verdict.EQUAL),
        ("last", Verdict.EQUAL),
    ]
    assert diff.first
    assert diff.first.path == "each[1]"
    assert ("parameters", "/day", '"tue"', '"wed"') in shown(diff, "each[1]")


@pytest.mark.django_db
def test_the_command_says_that_runs_are_equal(acting: Acting) -> None:
    store(acting.step("one"), acting.step("two", "odd"))
    old, new = run_once(), run_once()
    out, error = diffruns(old.pk, new.pk)
    assert error is None
    assert timeless(out).splitlines() == [
        f"A: run {old.pk} of act, succeeded, MOMENT, T",
        f"B: run {new.pk} of act, succeeded, MOMENT, T",
        "= one  succeeded T -> succeeded T",
        "= two  succeeded T -> succeeded T  kept in memory only, not compared",
        "2 equal",
    ]


@pytest.mark.django_db
def test_the_command_tells_each_change_and_the_first_divergence(acting: Acting) -> None:
    inputs = {"day": {"type": "string"}}
    store(acting.step("one"), acting.step("two", params={"day": "@_input.day"}), acting.step("three"), inputs=inputs)
    old = run_once(day="mon\x1b")
    store(acting.step("one"), acting.step("two", "fail", params={"day": "@_input.day"}), inputs=inputs)
    new = run_once(day="tue")
    out, error = diffruns(old.pk, new.pk)
    lines = timeless(out).splitlines()
    assert error
    assert (error.returncode, str(error)) == (1, "the runs differ; they part at step two.")
    assert 'status: "succeeded" -> "failed"' in lines
    assert r'inputs /day: "mon\u001b" -> "tue"' in lines
    first = lines.index("! two  succeeded T -> failed T  <- first divergence")
    assert lines[first + 1 : first + 5] == [
        '    status: "succeeded" -> "failed"',
        '    procedure: "Act.give" -> "Act.fail"',
        r'    parameters /day: "mon\u001b" -> "tue"',
        r'    result: {"say": "two", "day": "mon\u001b"} -> nothing',
    ]
    assert lines[-2:] == ["- three  succeeded T  only in the first", "1 equal, 1 different, 1 only in the first"]


@pytest.mark.django_db
def test_the_command_prints_one_json_document(acting: Acting) -> None:
    inputs = {"n": {"type": "number"}}
    store(acting.step("one", params={"n": "@_input.n"}), inputs=inputs)
    old, new = run_once(n=1), run_once(n=2)
    out, error = diffruns(old.pk, new.pk, "--json")
    told = json.loads(out)
    assert error
    assert error.returncode == 1
    assert (told["flow"], told["equal"], told["first_divergence"]) == ("act", False, "one")
    assert [run["id"] for run in told["runs"]] == [old.pk, new.pk]
    assert told["steps"][0]["changes"] == [
        {"of": "parameters", "changes": [{"pointer": "/n", "how": "", "a": "1", "b": "2"}], "more": 0},
        {"of": "result", "changes": [{"pointer": "/n", "how": "", "a": "1", "b": "2"}], "more": 0},
    ]


@pytest.mark.django_db
def test_the_command_refuses_what_cannot_be_compared(acting: Acting) -> None:
    store(acting.step("one"))
    store(acting.step("one"), name="other")
    old, new = run_once(), run_once("other")
    for arguments, message in (
        ((old.pk, 999_999), "there is no run 999999"),
        ((old.pk, 2**70), "there is no run"),
        ((old.pk, new.pk), "are runs of different flows"),
    ):
        out, error = diffruns(*arguments)
        assert error
        assert message in str(error)
        assert (error.returncode, out) == (2, "")


@pytest.mark.django_db
def test_a_failed_run_and_the_one_that_goes_on_from_it_part_where_it_failed(acting: Acting) -> None:
    file = acting.folder / "gate"
    file.touch()
    store(acting.step("one"), acting.step("gate", "fail_while", params={"file": "gate"}), acting.step("last"))
    failed = run_once()
    file.unlink()
    waiting = runs.resume_run(failed.pk, runs.Asked(Trigger.COMMAND))
    runs.execute_run(waiting.pk)
    diff = read_diff(failed, waiting)
    assert diff.first
    assert diff.first.path == "gate"
    assert [str(step.verdict) for step in diff.steps] == ["equal", "different", "only in the second"]


@pytest.mark.django_db
def test_the_number_of_queries_does_not_depend_on_the_steps(acting: Acting) -> None:
    counts = []
    for steps in (1, 12):
        store(*[acting.step(f"s{number}") for number in range(steps)])
        old, new = run_once(), run_once()
        with CaptureQueriesContext(connection) as queries:
            read_diff(old, new)
        counts.append(len(queries))
        assert not any("traceback" in query["sql"] for query in queries)
    assert counts == [2, 2]
