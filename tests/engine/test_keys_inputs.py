"""`inputs`: what a run is given, with the meanings of JSON Schema."""

import json
from typing import Any

import pytest

from flows.engine import InvalidInputs, check, execute, inputs_from_text, read_inputs
from flows.engine.inputs import Input
from tests.engine.keyprocs import _scene
from tests.engine.keyprocs._scene import called, define, document, findings, outputs, step


@pytest.fixture(autouse=True)
def _empty_scene() -> None:
    _scene.clear()


def declared(**inputs: Any) -> dict[str, Input]:
    return dict(define(inputs=inputs).inputs)


def refused(given: dict[str, Any], **inputs: Any) -> list[str]:
    """Return what is wrong with inputs."""
    try:
        read_inputs(declared(**inputs), given)
    except InvalidInputs as error:
        return str(error).splitlines()
    return []


VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "string": (["", "x", "1", "@x", "é"], [1, True, None, [], {}, 1.5]),
    "integer": ([0, -5, 1.0, -0.0, 2**63 - 1], [2**63, 1.5, True, False, "1", None, [], {}]),
    "number": ([0, 1.5, -2, 1e300], [True, "1", None, [], {}]),
    "boolean": ([True, False], [0, 1, "true", None, [], {}]),
    "object": ([{}, {"a": [1]}], [[], "{}", None, 1]),
    "array": ([[], [1, "a", None]], [{}, "[]", None, 1, (1, 2)]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_types_mean_what_they_mean_in_json_schema(kind: str) -> None:
    good, bad = VALUES[kind]
    assert [value for value in good if refused({"x": value}, x={"type": kind})] == []
    assert [value for value in bad if not refused({"x": value}, x={"type": kind})] == []


def test_a_value_is_handed_on_as_it_was_given() -> None:
    assert repr(read_inputs(declared(x={"type": "integer"}), {"x": 1.0})["x"]) == "1.0"


def test_an_input_without_a_default_is_required() -> None:
    assert refused({}, x={"type": "string"}) == ["input x: the input is missing; it takes a string"]


@pytest.mark.parametrize("default", ["", 0, False, [], {}])
def test_a_default_is_taken_where_nothing_is_given(default: Any) -> None:
    kinds = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
    assert read_inputs(declared(x={"type": kinds[type(default)], "default": default}), {}) == {"x": default}


def test_an_unknown_input_is_refused_with_the_nearest_name() -> None:
    found = refused({"nam": 1}, name={"type": "string", "default": ""})
    assert found == ['input nam: the flow has no input "nam" (inputs: name). Did you mean "name"?']


def test_a_flow_that_declares_none_takes_none() -> None:
    assert refused({"x": 1}) == ['input x: the flow has no input "x" (inputs: none).']


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = refused({"b": 1, "d": 1}, a={"type": "string"}, b={"type": "string"}, c={"type": "integer", "default": 1})
    assert [line.partition(":")[0] for line in found] == ["input d", "input a", "input b"]


@pytest.mark.parametrize(
    ("keys", "good", "bad"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 2, 3, 3.0], [0, 4]),
        ({"type": "number", "minimum": 0.5}, [0.5, 9], [0.4999]),
        ({"type": "number", "maximum": -1}, [-1, -1.5], [0]),
        ({"type": "string", "pattern": "b+"}, ["abc", "b"], ["", "ac"]),
        ({"type": "string", "pattern": "^b+$"}, ["b", "bb"], ["abc"]),
        ({"type": "integer", "enum": [1, 2]}, [1, 1.0, 2], [3]),
        ({"type": "number", "enum": [1.0]}, [1, 1.0], [True, 2]),
        ({"type": "boolean", "enum": [True]}, [True], [False, 1]),
        ({"type": "array", "enum": [[1, {"a": True}]]}, [[1.0, {"a": True}]], [[1, {"a": 1}], [1]]),
        ({"type": "object", "enum": [{"a": 1, "b": 2}]}, [{"b": 2, "a": 1}], [{"a": 1}]),
    ],
)
def test_bounds_pattern_and_enum_mean_what_they_mean_in_json_schema(
    keys: dict[str, Any], good: list[Any], bad: list[Any]
) -> None:
    assert [value for value in good if refused({"x": value}, x=keys)] == []
    assert [value for value in bad if not refused({"x": value}, x=keys)] == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e999])
def test_what_json_does_not_have_is_refused(value: float) -> None:
    (found,) = refused({"x": value}, x={"type": "number"})
    assert found == f"input x: this (float) is {value}, which JSON does not have"


def test_what_json_does_not_have_is_refused_inside_a_value_too() -> None:
    (found,) = refused({"x": {"a": [{1}]}}, x={"type": "object"})
    assert found == "input x: /a/0 (set) is no JSON value"


# Text, as the command line has it


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "5", "5"),
        ("string", "true", "true"),
        ("string", "", ""),
        ("string", '"quoted"', '"quoted"'),
        ("integer", "5", 5),
        ("integer", "-0", 0),
        ("integer", "1.0", 1.0),
        ("number", "2.5", 2.5),
        ("number", "1e3", 1000.0),
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("object", '{"a": [1]}', {"a": [1]}),
        ("array", "[1, null]", [1, None]),
    ],
)
def test_text_is_converted_by_the_declared_type(kind: str, text: str, value: Any) -> None:
    assert inputs_from_text(declared(x={"type": kind}), {"x": text}) == {"x": value}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "five"),
        ("integer", "1.5"),
        ("integer", ""),
        ("integer", "true"),
        ("integer", "0x10"),
        ("integer", "1_000"),
        ("integer", "9" * 5000),
        ("number", "1,5"),
        ("boolean", "True"),
        ("boolean", "1"),
        ("boolean", "yes"),
        ("object", "[]"),
        ("array", "{}"),
        ("array", "1, 2"),
        ("array", "[" * 100_000),
    ],
)
def test_text_that_is_not_of_the_declared_type_is_refused(kind: str, text: str) -> None:
    with pytest.raises(InvalidInputs) as raised:
        inputs_from_text(declared(x={"type": kind}), {"x": text})
    assert str(raised.value).startswith("input x: ")
    assert len(str(raised.value)) < 200


def test_all_texts_that_cannot_be_converted_are_said_at_once() -> None:
    with pytest.raises(InvalidInputs) as raised:
        inputs_from_text(declared(x={"type": "integer"}, y={"type": "boolean"}), {"x": "a", "y": "b"})
    assert str(raised.value) == 'input x: "a" is not an integer\ninput y: "b" is not true or false'


def test_values_are_not_converted() -> None:
    assert refused({"x": "5"}, x={"type": "integer"}) == ["input x: this is a text; the input takes an integer"]
    assert refused({"x": 5}, x={"type": "string"}) == ["input x: this is a number; the input takes a string"]


# In a run


def test_inputs_are_refused_before_a_run_exists() -> None:
    definition = define(step("a"), inputs={"x": {"type": "string"}})
    with pytest.raises(InvalidInputs):
        execute(definition, {})
    assert called == []


def test_inputs_are_read_as_a_step_at_any_depth() -> None:
    inputs = {"x": {"type": "object", "default": {"rows": [{"id": 7}]}}, "y": {"type": "integer", "default": 1}}
    definition = define(inputs=inputs, outputs={"id": "@_input.x.rows.0.id", "y": ["@_input.y"], "all": "@_input"})
    found = outputs(_scene.go(definition, {"y": 2}))
    assert found == {"id": 7, "y": [2], "all": {"x": {"rows": [{"id": 7}]}, "y": 2}}


def test_a_step_that_changes_its_inputs_changes_nothing_for_others_nor_for_the_next_run() -> None:
    def spoil(context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        context["_input"]["rows"].append("spoilt")
        params["rows"].append("spoilt")
        return {}

    rows = {"type": "array", "default": []}
    definition = define(
        step("a", spoil, params={"rows": "@_input.rows"}), inputs={"rows": rows}, outputs={"r": "@_input.rows"}
    )
    given: list[Any] = []
    assert outputs(_scene.go(definition)) == outputs(_scene.go(definition, {"rows": given})) == {"r": []}
    assert given == []


def test_a_reference_to_the_inputs_of_a_flow_that_declares_none_is_refused_or_resolved() -> None:
    text = document(step("a", params={"x": "@_input"}), inputs={})
    if not check(text, _scene.REGISTRY).findings:
        assert outputs(_scene.go(define(step("a", params={"x": "@_input"}), inputs={}))) == {}


def test_notes_among_the_inputs_are_passed_over() -> None:
    assert findings(inputs={"_note": "x", "x": {"type": "string", "_why": 1}}) == []


def test_a_name_may_be_64_characters_and_no_more() -> None:
    assert findings(inputs={"x" * 64: {"type": "string"}}) == []
    assert len(findings(inputs={"x" * 65: {"type": "string"}})) == 1


def test_a_pattern_that_python_would_warn_of_is_taken() -> None:
    assert findings(inputs={"x": {"type": "string", "pattern": "[[a]"}}) == []


def test_an_input_with_an_enum_is_proved_where_a_literal_is_declared() -> None:
    take = {"name": "t", "mod": "common.Typed", "method": "take", "params": {"number": 1, "mode": "@_input.mode"}}
    inputs = {"mode": {"type": "string", "enum": ["fast", "slow"]}}
    report = check(json.dumps({"inputs": inputs, "procedures": [take]}), _scene.REGISTRY)
    assert [verdict.certainty.value for verdict in report.verdicts] == ["proved"]
