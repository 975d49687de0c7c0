"""Each reference gets a verdict: proved, assumed or wrong, with the reason."""

import json
from typing import Any

import pytest

from flows.engine import Certainty, FlowError, RunFailed, StepFailed, UnresolvedReference, Verdict, check, execute
from flows.engine.proof import find_type, judge
from flows.engine.references import compile_value, parse_text
from flows.engine.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    AnyType,
    Constant,
    Field,
    ListOf,
    ObjectOf,
    OneOf,
    Type,
)
from tests.engine import stage
from tests.engine.made_flows import Played
from tests.engine.shapes import Either, Plain, Record, Row

PROVED, ASSUMED, WRONG = Certainty

ROW = ObjectOf({"id": Field(INTEGER), "note": Field(STRING, required=False)}, name="Row")
RESULTS: dict[str, Type] = {
    "s": ObjectOf(
        {
            "text": Field(STRING),
            "count": Field(INTEGER),
            "ratio": Field(NUMBER),
            "ok": Field(BOOLEAN),
            "maybe": Field(STRING, required=False),
            "nullable": Field(OneOf((STRING, NULL))),
            "row": Field(ROW),
            "rows": Field(ListOf(ROW)),
            "texts": Field(ListOf(STRING)),
            "by_name": Field(ObjectOf(rest=INTEGER)),
            "plain": Field(OBJECT),
            "any": Field(ANYTHING),
        },
        name="Result",
    ),
    "dotted": ObjectOf({"a.b": Field(STRING), "a": Field(ObjectOf({"b": Field(INTEGER)}))}),
    "maybe_dotted": ObjectOf({"a.b": Field(STRING, required=False), "a": Field(ObjectOf({"b": Field(INTEGER)}))}),
    "only_maybe_dotted": ObjectOf({"a.b": Field(STRING, required=False), "a": Field(INTEGER)}),
    "free": ObjectOf(rest=INTEGER),
    "old": OBJECT,
}


def judged(params: Any, target: Type = ANYTHING) -> list[Verdict]:
    """Return the verdicts on a value where that type is needed."""
    template = compile_value(params, ("p",), [], lambda path, message, repair: pytest.fail(message))
    return list(judge(template, target, RESULTS, ("p",)))


REFERENCES: list[tuple[str, Type, Certainty, str]] = [
    ("@s", ANYTHING, PROVED, ""),
    ("@s", OBJECT, PROVED, ""),
    ("@s", STRING, WRONG, "it is Result, and a string is needed here"),
    ("@s.text", STRING, PROVED, ""),
    ("@s.text", OneOf((STRING, NULL)), PROVED, ""),
    ("@s.text", INTEGER, WRONG, "it is a string, and an integer is needed here"),
    ("@s.text", OBJECT, WRONG, "it is a string, and an object is needed here"),
    ("@s.text", LIST, WRONG, "it is a string, and a list of anything is needed here"),
    ("@s.text", Constant("a"), ASSUMED, 'it is a string, and "a" is needed here'),
    ("@s.count", NUMBER, PROVED, ""),
    ("@s.ratio", INTEGER, ASSUMED, "it is a number, and an integer is needed here"),
    ("@s.ok", INTEGER, WRONG, "it is a boolean, and an integer is needed here"),
    ("@s.maybe", STRING, ASSUMED, 'the key "maybe" of "@s" may be missing'),
    ("@s.maybe", INTEGER, WRONG, "it is a string, and an integer is needed here"),
    ("@s.nullable", STRING, ASSUMED, "it is a string or null, and a string is needed here"),
    ("@s.nullable", INTEGER, WRONG, "it is a string or null, and an integer is needed here"),
    ("@s.row.id", INTEGER, PROVED, ""),
    ("@s.row.note", STRING, ASSUMED, 'the key "note" of "@s.row" may be missing'),
    ("@s.row.ids", ANYTHING, WRONG, '"@s.row" is Row and has no key "ids" (keys: id, note). Did you mean "@s.row.id"?'),
    ("@s.rows", LIST, PROVED, ""),
    ("@s.rows.0.id", INTEGER, ASSUMED, 'the list "@s.rows" may be shorter'),
    ("@s.rows.first", ANYTHING, WRONG, '"@s.rows" is a list of Row and has no key "first"'),
    ("@s.text.x", ANYTHING, WRONG, '"@s.text" is a string and has no key "x"'),
    ("@s.txt", ANYTHING, WRONG, 'Did you mean "@s.text"?'),
    ("@s.by_name.x", INTEGER, ASSUMED, 'the key "x" of "@s.by_name" may be missing'),
    ("@s.by_name.x", STRING, WRONG, "it is an integer, and a string is needed here"),
    ("@s.plain.x", STRING, ASSUMED, '"@s.plain" does not declare its keys'),
    ("@s.any", STRING, ASSUMED, "its type is not declared, and a string is needed here"),
    ("@s.any", ANYTHING, PROVED, ""),
    ("@s.any.deep", ANYTHING, ASSUMED, '"@s.any" does not declare its keys'),
    ("@old", OBJECT, PROVED, ""),
    ("@old.x", STRING, ASSUMED, "the step does not declare what it returns"),
    ("@old.x.y", ANYTHING, ASSUMED, "the step does not declare what it returns"),
    ("@old", STRING, WRONG, "it is an object, and a string is needed here"),
    # The rest of the text as one key if the result has it, otherwise key by key.
    ("@dotted.a.b", STRING, PROVED, ""),
    ("@dotted.a.b", INTEGER, WRONG, "it is a string, and an integer is needed here"),
    ("@maybe_dotted.a.b", ANYTHING, PROVED, ""),
    ("@maybe_dotted.a.b", OneOf((STRING, INTEGER)), PROVED, ""),
    ("@maybe_dotted.a.b", STRING, ASSUMED, "it is a string or an integer, and a string is needed here"),
    ("@maybe_dotted.a.b", BOOLEAN, WRONG, "it is a string or an integer, and a boolean is needed here"),
    ("@only_maybe_dotted.a.b", STRING, ASSUMED, 'the key "a.b" of "@only_maybe_dotted" may be missing'),
    ("@only_maybe_dotted.a.b", INTEGER, WRONG, "it is a string, and an integer is needed here"),
    ("@free.a.b", INTEGER, ASSUMED, 'the key "a.b" of "@free" may be missing'),
    ("@free.a.b", STRING, WRONG, "it is an integer, and a string is needed here"),
]


@pytest.mark.parametrize(("text", "target", "certainty", "reason"), REFERENCES, ids=lambda one: str(one)[:40])
def test_a_reference_is_proved_assumed_or_wrong(text: str, target: Type, certainty: Certainty, reason: str) -> None:
    (verdict,) = judged(text, target)
    assert (verdict.certainty, str(verdict.reference)) == (certainty, text)
    assert reason in verdict.reason
    assert bool(verdict.reason) == (certainty is not PROVED)


ROWS_OR_TEXT = OneOf((ListOf(ROW), STRING))
PAIR = OneOf((ObjectOf({"a": Field(STRING)}, name="A"), ObjectOf({"b": Field(INTEGER)}, name="B")))
LITERALS: list[tuple[Any, Type, list[tuple[str, Certainty]]]] = [
    ("a", STRING, []),
    ("a", OBJECT, [("/p", WRONG)]),
    (1, OneOf((STRING, NULL)), [("/p", WRONG)]),
    (1.0, INTEGER, []),
    (True, NUMBER, [("/p", WRONG)]),
    ([], ListOf(STRING), []),
    ([1], ListOf(STRING), [("/p/0", WRONG)]),
    ({}, OBJECT, []),
    ([], OBJECT, [("/p", WRONG)]),
    ({}, LIST, [("/p", WRONG)]),
    ({}, STRING, [("/p", WRONG)]),
    ({"id": 1}, ROW, []),
    ({"note": "x"}, ROW, [("/p", WRONG)]),
    ({"id": "x"}, ROW, [("/p/id", WRONG)]),
    ({"id": 1, "note": "x", "more": 1}, ROW, [("/p/more", WRONG)]),
    ({"id": "@s.count"}, ROW, [("/p/id", PROVED)]),
    ({"id": "@s.text"}, ROW, [("/p/id", WRONG)]),
    ({"x": "@s.count", "y": "@s.maybe"}, ObjectOf(rest=INTEGER), [("/p/x", PROVED), ("/p/y", WRONG)]),
    ({"x": ["@s.text", {"y": "@s.maybe"}]}, OBJECT, [("/p/x/0", PROVED), ("/p/x/1/y", ASSUMED)]),
    # A key that is refused does not hide what is wrong inside.
    ({"id": 1, "more": "@s.nothing"}, ROW, [("/p/more", WRONG), ("/p/more", WRONG)]),
    # An optional list is judged like a list.
    ([1, "x"], OneOf((ListOf(INTEGER), NULL)), [("/p/1", WRONG)]),
    (["@s.text"], OneOf((ListOf(INTEGER), NULL)), [("/p/0", WRONG)]),
    (["@s.count"], OneOf((ListOf(INTEGER), NULL)), [("/p/0", PROVED)]),
    ({"id": "@s.text"}, OneOf((ROW, NULL)), [("/p/id", WRONG)]),
    # Of several options that one counts which fits best.
    ([{"id": 1}], ROWS_OR_TEXT, []),
    ([{"id": "@s.count"}], ROWS_OR_TEXT, [("/p/0/id", PROVED)]),
    ({"b": "@s.count"}, PAIR, [("/p/b", PROVED)]),
    ({"a": "@s.count"}, PAIR, [("/p", WRONG), ("/p/a", PROVED)]),
    ({"a": "@s.nothing"}, PAIR, [("/p/a", WRONG)]),
    (["@s.any"], OneOf((ListOf(INTEGER), ListOf(STRING))), [("/p/0", ASSUMED)]),
    ([1, "x"], OneOf((ListOf(INTEGER), ListOf(STRING))), [("/p", WRONG)]),
    ({"x": 1}, AnyType(dict), []),
    ({"x": "@s.text", "y": "@s.maybe"}, AnyType(dict), [("/p/x", ASSUMED), ("/p/y", ASSUMED)]),
]


@pytest.mark.parametrize(("params", "target", "expected"), LITERALS, ids=lambda one: str(one)[:40])
def test_a_literal_is_judged_down_to_the_place_that_does_not_fit(
    params: Any, target: Type, expected: list[tuple[str, Certainty]]
) -> None:
    assert [(verdict.pointer, verdict.certainty) for verdict in judged(params, target)] == expected


def test_what_is_missing_or_too_much_is_named_with_what_may_be_there() -> None:
    missing, too_much = judged({"not": 1}, ROW)
    assert missing.reason == 'the key "id" is missing; it is an integer'
    assert too_much.reason.startswith('Row takes no key "not" (keys: id, note). Did you mean "note"?')


def test_a_path_through_what_is_not_declared_has_any_type() -> None:
    reference = parse_text("@old.a.b")
    assert not isinstance(reference, str)
    assert find_type(reference, RESULTS).type == ANYTHING


# --- whole documents -------------------------------------------------------------------------------------------------


def verdicts(document: dict[str, Any], registry: Played, flows: dict[str, str] | None = None) -> dict[str, Certainty]:
    def source(name: str) -> str:
        if flows is None or name not in flows:
            raise FlowError(name)
        return flows[name]

    report = check(json.dumps(document), registry, source)
    assert report.findings == ()
    return {verdict.pointer: verdict.certainty for verdict in report.verdicts}


@pytest.fixture
def played() -> Played:
    """One procedure P0 that takes {text}, and returns {text, flag, texts}."""
    played = Played()
    text, flag = Plain("str"), Plain("bool")
    fields = (("text", text), ("flag", flag), ("texts", Row(text)), ("either", Either((text, flag))))
    played.add(Record((("text", text),)), Record(fields))
    return played


def call(name: str, text: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "mod": "P0", "method": "run", "params": {"text": text}} | more


def test_inputs_conditions_repetition_and_outputs_are_judged_too(played: Played) -> None:
    document = {
        "inputs": {"name": {"type": "string"}, "flag": {"type": "boolean"}},
        "procedures": [
            call("a", "@_input.name"),
            call("b", "@a.text", when="@a.flag"),
            call("c", "@_item", foreach="@a.texts"),
            call("d", "@b.text", when="@a.flag"),
            call("e", "@c.items.0.text", when={"not": "@a.either"}),
            call("f", "@_runtime.start_time", foreach=["@a.text"]),
        ],
        "outputs": {"texts": "@c.items", "x": "@f.count"},
    }
    found = verdicts(document, played)
    assumed = {"/procedures/4/params/text", "/procedures/4/when"}
    assert {pointer for pointer, certainty in found.items() if certainty is ASSUMED} == assumed
    assert len(found) == 13


def test_what_a_sub_flow_returns_has_the_type_of_its_outputs(played: Played) -> None:
    child = {
        "inputs": {"name": {"type": "string"}},
        "procedures": [call("a", "@_input.name")],
        "outputs": {"text": "@a.text", "fixed": 1},
    }
    parent = {
        "procedures": [
            {"name": "c", "flow": "child", "inputs": {"name": "x"}},
            call("a", "@c.text"),
            {"name": "d", "flow": "child", "inputs": {"name": "@a.text"}},
        ]
    }
    assert set(verdicts(parent, played, {"child": json.dumps(child)}).values()) == {PROVED}
    parent["procedures"][1] = call("a", "@c.fixed")
    report = check(json.dumps(parent), played, lambda name: json.dumps(child))
    assert [finding.pointer for finding in report.findings] == ["/procedures/1/params/text"]


def test_old_procedures_without_types_are_assumed_and_never_in_the_way() -> None:
    steps = stage.step(), stage.step(name="step2", params={"msg": "@step1.msg", "all": "@step1"})
    report = check(stage.document(*steps), stage.REGISTRY)
    assert [verdict.certainty for verdict in report.verdicts] == [ASSUMED, PROVED]


def test_what_another_handler_of_a_failure_returns_is_not_proved_because_it_may_fail_itself() -> None:
    played = Played()
    text = Plain("str")
    played.add(Record((("text", text),)), Record((("text", text),)), fails=True)
    document = {"procedures": [call("a", "x")], "on_failure": [call("h1", "x"), call("h2", "@h1.text")]}
    definition = check(json.dumps(document), played).definition
    assert definition is not None
    *_, handler, last = execute(definition)
    assert isinstance(last, RunFailed)
    assert isinstance(handler, StepFailed)
    assert isinstance(handler.error, UnresolvedReference)
    assert verdicts(document, played) == {"/on_failure/1/params/text": ASSUMED}


@pytest.mark.parametrize(
    "bound", [{"pattern": "^a"}, {"type": "integer", "minimum": 5}, {"type": "number", "enum": [1.5]}]
)
def test_a_reference_to_an_input_with_bounds_is_not_proved_because_the_value_may_be_out_of_them(
    bound: dict[str, Any], played: Played
) -> None:
    declared = {"type": "string"} | bound
    child = json.dumps({"inputs": {"x": declared}, "procedures": []})
    parent = {
        "inputs": {"y": {"type": declared["type"]}},
        "procedures": [{"name": "c", "flow": "child", "inputs": {"x": "@_input.y"}}],
    }
    assert verdicts(parent, played, {"child": child}) == {"/procedures/0/inputs/x": ASSUMED}
