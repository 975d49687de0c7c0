"""The schema takes every document that the checker takes, and refuses what a schema can refuse."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from flows.engine import FlowError, Registry, check
from flows.engine.catalogue import catalogue
from flows.engine.schema import flow_schema
from tests.conftest import RUN_MANAGE
from tests.engine import stage
from tests.engine.made_flows import Maker, Played
from tests.engine.shapes import Either, OneValue, Plain, Record, Row
from tests.engine.test_mutants import Mutator

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted([*ROOT.glob("samples/*.json"), *ROOT.glob("docs/samples/*.json")])


def validator(registry: Registry) -> Any:
    return Draft7Validator(flow_schema(catalogue(registry), ["nightly"]))


def played() -> Played:
    """Two procedures: P0 declares its parameters, P1 takes whatever comes."""
    registry = Played()
    text, whole = Plain("str"), Plain("int")
    fields = (
        ("text", text), ("count", whole), ("mode", OneValue(("fast", "@slow", 1))), ("flag", OneValue((True,))),
        ("rows", Row(Record((("id", whole),)))), ("by_name", Row(whole, keyed=True)), ("any", Plain("any")),
        ("maybe", Either((Row(whole), Plain("null")))),
    )  # fmt: skip
    registry.add(Record(fields, frozenset(key for key, _ in fields[1:])), Record(()))
    registry.add(Record(()), Record(()))
    return registry


PLAYED = played()
SCHEMA = validator(PLAYED)


def step(params: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": "a", "mod": "P0", "method": "run", "params": {"text": "x"} | (params or {})} | more


def document(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"procedures": list(steps)} | more


# --- the schema itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("registry", [Registry(["procedures"]), stage.REGISTRY, PLAYED, Registry([])])
def test_the_schema_is_a_schema_of_draft_07(registry: Registry) -> None:
    schema = flow_schema(catalogue(registry))
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_valid(path: Path) -> None:
    errors = list(validator(Registry(["procedures"])).iter_errors(json.loads(path.read_text(encoding="utf-8"))))
    assert errors == []


def test_there_are_samples() -> None:
    assert len(SAMPLES) > 10


GOOD: list[Any] = [
    document(),
    document(step()),
    document(step(), **{"$schema": "flow.schema.json"}),
    document(step(_why={"any": "note"}), _note=[1], inputs={"_note": 1, "x": {"type": "string", "_why": "?"}}),
    document(step({"count": 1.0, "mode": "fast", "flag": True, "rows": [{"id": 1}], "by_name": {"x": 1}})),
    document(step({"any": [None]})),
    document(step({"mode": "@@slow"})),
    document(step({"text": "@@", "any": "@@x"})),
    # A reference in place of any value, at any depth.
    document(step({"text": "@s", "count": "@s.x", "mode": "@s", "rows": "@s", "by_name": "@s", "any": "@s"})),
    document(step({"rows": ["@s", {"id": "@s.x"}], "by_name": {"x": "@s"}, "maybe": ["@s", 1]})),
    document(step({"maybe": None}), step({"maybe": "@s"})),
    document({"name": "a", "flow": "nightly"}, {"name": "b", "flow": "any other", "inputs": {"x": 1}}),
    document(step(when="@s.ok"), step(when={"not": "@s.ok"}), step(foreach="@s.rows"), step(foreach=[1, "@s"])),
    document(step(retry={"max_attempts": 10, "delay": 0, "backoff": 2, "max_delay": 1.5, "on": ["OSError"], "_x": 1})),
    document(step(timeout=0.5, continue_on_error=True, description="")),
    document(outputs={"x": "@s"}, on_failure=[step()], timeout=60, description="x"),
    document(inputs={"x": {"type": "integer", "default": 1, "enum": [1, 2], "minimum": 0, "maximum": 9.5}}),
    document({"name": "a", "mod": "P1", "method": "run"}),
]  # fmt: skip


@pytest.mark.parametrize("value", GOOD, ids=lambda value: json.dumps(value)[:60])
def test_what_is_right_is_accepted(value: Any) -> None:
    assert [error.message for error in SCHEMA.iter_errors(value)] == []


BAD: list[tuple[str, Any]] = [
    ("a list", []),
    ("no procedures", {}),
    ("procedures that are no list", {"procedures": {}}),
    ("an unknown key", document(procedure=[])),
    ("a step that is no object", document("a")),
    ("a step without a name", document({"mod": "P0", "method": "run"})),
    ("a step without a call", document({"name": "a"})),
    ("a step without a method", document({"name": "a", "mod": "P0"})),
    ("an unknown key of a step", document(step(parms={}))),
    ("a name with a space", document(step(name="a b"))),
    ("a reserved name", document(step(name="_a"))),
    ("a name of 65 characters", document(step(name="a" * 65))),
    ("a module that is not registered", document(step(mod="os"))),
    ("a method that is not registered", document(step(method="walk"))),
    ("params that are no object", document(step() | {"params": "@s"})),
    ("missing params", document({"name": "a", "mod": "P0", "method": "run"})),
    ("a missing parameter", document(step() | {"params": {}})),
    ("an unknown parameter", document(step({"txt": 1}))),
    ("a parameter of another type", document(step({"text": 1}))),
    ("true for an integer", document(step({"count": True}))),
    ("a text for an integer", document(step({"count": "1"}))),
    ("a value that is none of the constants", document(step({"mode": "slow"}))),
    ("1 for true", document(step({"flag": 1}))),
    ("a wrong key deep inside", document(step({"rows": [{"id": 1, "more": 2}]}))),
    ("a wrong type deep inside", document(step({"rows": [{"id": None}]}))),
    ("a text that begins with @@ for an integer", document(step({"count": "@@x"}))),
    ("a wrong type in a union", document(step({"maybe": [None]}))),
    ("a call and a flow", document(step(flow="nightly"))),
    ("inputs of a call", document(step(inputs={}))),
    ("params of a flow", document({"name": "a", "flow": "nightly", "params": {}})),
    ("a flow without a name", document({"name": "a", "flow": ""})),
    ("a condition that is no reference", document(step(when="s.ok"))),
    ("a condition that is a text with @@", document(step(when="@@s.ok"))),
    ("a condition that is true", document(step(when=True))),
    ("a condition with two keys", document(step(when={"not": "@s", "and": "@s"}))),
    ("foreach over an object", document(step(foreach={}))),
    ("foreach over 1,001 entries", document(step(foreach=[0] * 1001))),
    ("retry without max_attempts", document(step(retry={}))),
    ("11 attempts", document(step(retry={"max_attempts": 11}))),
    ("half an attempt", document(step(retry={"max_attempts": 1.5}))),
    ("a negative delay", document(step(retry={"max_attempts": 2, "delay": -1}))),
    ("an unknown key of retry", document(step(retry={"max_attempts": 2, "wait": 1}))),
    ("no exception to retry on", document(step(retry={"max_attempts": 2, "on": []}))),
    ("a timeout of 0", document(step(timeout=0))),
    ("a timeout of the run as a text", document(timeout="60")),
    ("continue_on_error as a number", document(step(continue_on_error=1))),
    ("an input without a type", document(inputs={"x": {}})),
    ("an input of an unknown type", document(inputs={"x": {"type": "date"}})),
    ("an unknown key of an input", document(inputs={"x": {"type": "string", "min": 1}})),
    ("an input with a bad name", document(inputs={"1x": {"type": "string"}})),
    ("an empty enum", document(inputs={"x": {"type": "string", "enum": []}})),
    ("outputs as a list", document(outputs=[])),
    ("on_failure as an object", document(on_failure={})),
    ("501 steps", document(*[step()] * 501)),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[name for name, _ in BAD])
def test_what_a_schema_can_refuse_is_refused_by_the_checker_too(name: str, value: Any) -> None:
    assert not SCHEMA.is_valid(value)
    assert check(json.dumps(value), PLAYED, lambda name: '{"procedures": []}').findings


# --- no false alarm in an editor -------------------------------------------------------------------------------------


def test_what_the_checker_takes_of_made_flows_the_schema_takes() -> None:
    counts: Counter[bool] = Counter()

    @settings(max_examples=250, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**48))
    def holds(seed: int) -> None:
        flow = Maker(Random(seed), bold=0.05).make()
        accepted = not flow.check().findings
        counts[accepted] += 1
        if accepted:
            errors = [error.message for error in validator(flow.registry).iter_errors(flow.document)]
            assert errors == [], flow.text

    holds()
    assert counts[True] > 100


def test_what_the_checker_takes_of_broken_documents_the_schema_takes() -> None:
    mutator, schema = Mutator(7), validator(stage.REGISTRY)
    accepted = 0
    for _ in range(5_000):
        text = mutator.next()
        if check(text, stage.REGISTRY).definition is not None:
            accepted += 1
            assert list(schema.iter_errors(json.loads(text))) == [], text
    assert accepted > 100


def test_what_the_checker_takes_of_broken_samples_the_schema_takes() -> None:
    registry = Registry(["procedures"])
    schema = validator(registry)
    texts = {path.stem: path.read_text(encoding="utf-8") for path in SAMPLES}

    def source(name: str) -> str:
        if name not in texts:
            raise FlowError(name)
        return texts[name]

    mutator = Mutator(11)
    mutator.trees = [json.loads(text) for text in texts.values()]
    accepted = 0
    for _ in range(3_000):
        text = mutator._mutated_tree()
        if check(text, registry, source).definition is not None:
            accepted += 1
            assert list(schema.iter_errors(json.loads(text))) == [], text
    assert accepted > 100


# --- what an editor completes ----------------------------------------------------------------------------------------


def test_an_editor_finds_modules_methods_and_what_they_do() -> None:
    schema = flow_schema(catalogue(stage.REGISTRY))["definitions"]["step"]
    assert schema["properties"]["mod"]["enum"] == ["common.Kt", "common.Odd", "common.Play"]
    assert schema["properties"]["method"]["enum"] == ["act", "echo", "fine", "prt"]
    method = {
        "enum": ["prt", "echo"],
        "enumDescriptions": [
            "Log a message and hand it on.",
            "Hand on what came in; the arguments bear other names, as in old procedures.",
        ],
    }
    of_kt = {"required": ["mod"], "properties": {"mod": {"const": "common.Kt"}}}
    assert {"if": of_kt, "then": {"properties": {"method": method}}} in schema["allOf"]


def test_an_editor_finds_the_parameters_of_a_procedure_with_its_summary() -> None:
    params = [
        rule["then"]["properties"]["params"]
        for rule in flow_schema(catalogue(Registry(["procedures"])))["definitions"]["step"]["allOf"]
        if rule["if"].get("properties", {}).get("method") == {"const": "collect"}
    ]
    (collect,) = params
    assert collect["properties"]["hours"]["anyOf"][0] == {"type": "number"}
    assert collect["additionalProperties"] is False
    assert collect["description"].startswith("Count the log rows of the last hours by level and by logger.\n\n`hours`")


def test_an_editor_is_offered_the_flows_that_can_be_a_step() -> None:
    assert flow_schema(catalogue(PLAYED), ["a", "b"])["definitions"]["step"]["properties"]["flow"]["examples"] == [
        "a",
        "b",
    ]


def test_flowschema_prints_the_schema_of_the_installation_without_a_database(manage: RUN_MANAGE) -> None:
    done = manage("flowschema", DATABASE_URL="mysql://nobody@127.0.0.1:1/none")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == flow_schema(catalogue(Registry(["procedures"])))
