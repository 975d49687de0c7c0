"""The checker says to each bad document exactly what the table says, and nothing against good ones."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from flows.engine import InvalidFlow, Registry, check, format_document, parse
from tests.engine import bad_documents, stage
from tests.engine.bad_documents import ALL, SECTIONS, Bad
from tests.engine.stage import document, step

ERRORS_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"

every_bad_document = pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.title)


def findings(text: str | bytes) -> list[str]:
    return [str(finding) for finding in check(text, stage.REGISTRY).findings]


def in_steps(**params: Any) -> str:
    """Return a flow of one step with these params."""
    return document(step(params=params))


@every_bad_document
def test_the_checker_says_exactly_what_the_table_says(bad: Bad) -> None:
    assert findings(bad.text) == list(bad.findings)


@every_bad_document
def test_a_bad_document_has_no_definition_and_executes_nothing(bad: Bad) -> None:
    assert check(bad.text, stage.REGISTRY).definition is None
    assert stage.happened == []


@every_bad_document
def test_each_finding_is_one_line_that_can_be_shown(bad: Bad) -> None:
    assert [line for line in findings(bad.text) if not line.isprintable()] == []


@every_bad_document
def test_a_text_and_its_bytes_have_the_same_findings(bad: Bad) -> None:
    if isinstance(bad.text, str) and not differs_in_bytes(bad.text):
        assert findings(bad.text.encode()) == list(bad.findings)
    else:
        assert findings(bad.text) != []


def differs_in_bytes(text: str) -> bool:
    """Return whether a text is larger than 1 MiB, which is told in other units, or is none that has bytes."""
    return len(text) > 500_000 or any("\ud800" <= character <= "\udfff" for character in text)


@every_bad_document
def test_each_pointer_leads_to_a_place_in_the_document(bad: Bad) -> None:
    for finding in check(bad.text, stage.REGISTRY).findings:
        if finding.pointer:
            follow(finding.pointer, json.loads(bad.text))


def follow(pointer: str, value: Any) -> None:
    """Follow a JSON Pointer; raises where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]


def test_parse_raises_what_check_finds_one_line_a_finding(registry: Registry) -> None:
    text = document(step(name="1", mod="os"), step(name="_x"))
    with pytest.raises(InvalidFlow) as raised:
        parse(text, registry)
    assert raised.value.findings == check(text, registry).findings
    assert str(raised.value).splitlines() == findings(text)
    assert len(raised.value.findings) == 3


def test_the_example_of_the_format_page_gets_the_text_of_the_format_page() -> None:
    text = document(step(), step(name="step2"), step(name="step3", params={"msg": "@stp1.msg"}))
    assert findings(text) == [
        '/procedures/2/params/msg: "@stp1.msg": no step is named "stp1" (earlier steps: step1, step2).'
        ' Did you mean "@step1.msg"?'
    ]


def test_the_table_has_a_row_for_every_kind_and_no_row_twice() -> None:
    assert len(ALL) >= 70
    for rows in SECTIONS.values():
        assert len({row.title for row in rows}) == len(rows)
        assert len({row.text for row in rows}) == len(rows)


def test_the_page_of_errors_is_up_to_date() -> None:
    assert ERRORS_PAGE.read_text(encoding="utf-8") == bad_documents.page(), (
        "run: python -m tests.engine.bad_documents > docs/reference/errors.md"
    )


def test_who_reads_the_first_twenty_findings_is_told_that_there_may_be_more(registry: Registry) -> None:
    with pytest.raises(InvalidFlow) as raised:
        parse(document(*[step(name=str(n)) for n in range(25)]), registry)
    *shown, last = str(raised.value).splitlines()
    assert len(shown) == len(raised.value.findings) == 20
    assert last == "... these are the first 20; there may be more"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"procedures": [{"a": "]"', "line 1, column 26: the text ends here; a { or [ is not closed"),
        ('{"procedures": [1, ', "line 1, column 20: the text ends here; a { or [ is not closed"),
        ('{"a": [1}', "line 1, column 9: this closes nothing that is open here"),
        ("{]", "line 1, column 2: this closes nothing that is open here"),
        ("[]\n]", "line 2, column 1: this closes nothing that is open here"),
        ("]", "line 1, column 1: this closes nothing that is open here"),
        ('{"a": "}", "b": }', "line 1, column 17: a value is expected here"),
    ],
)
def test_a_bracket_too_many_or_too_few_is_told_as_such(text: str, message: str) -> None:
    (finding,) = findings(text)
    assert finding.startswith(f"not JSON: {message}")


def test_the_place_of_a_level_too_many_is_told_by_line_and_column() -> None:
    text = '{"[[": "\\"[",\n' + ' "a": ' + "[" * 30
    assert findings(text) == ["the document is nested deeper than 20 levels: line 2, column 26"]


GOOD = {
    "the seed example": document(step(), step(name="step2", params={"msg": "@step1.msg"})),
    "no params": document({"name": "a", "mod": "common.Kt", "method": "echo"}),
    "empty params": in_steps(),
    "no steps": document(),
    "notes in the document": '{"_note": {"by": ["me", null]}, "procedures": [], "_": 1}',
    "notes in a step": document(step(_why="because", _={})),
    "a name of one letter": document(step(name="a")),
    "a name of 64 characters": document(step(name="a" * 64)),
    "a name with everything": document(step(name="Az09_-")),
    "500 steps": document(*[step(name=f"s{n}") for n in range(500)]),
    "20 levels": '{"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"x": '
    + "[" * 16
    + "]" * 16
    + "}}]}",
    "exactly 1 MiB": document().ljust(1048576),
    "the smallest and the largest integer": in_steps(a=-(2**63), b=2**63 - 1),
    "a large float": in_steps(a=1.7976931348623157e308, b=-0.0, c=5e-324),
    "text with anything in it": in_steps(a="\0\x1b[31m\u202e\n\x7f", b="😀", c="NaN"),
    "a surrogate pair as escapes": in_steps(m="SMILE").replace("SMILE", r"\ud83d\ude00"),
    "brackets and quotes in text": in_steps(a="[" * 100, b='"[[', c='\\"' * 9 + "{" * 30, d="\\"),
    "odd keys in params": in_steps(**{"": 1, "a/b": 2, "~": 3, "@step9": 4, "é": 5, "a b": 6, "_x": 7}),
    "at signs inside a text": in_steps(a="a@b.c", b="mail @ step", c=" @step9", d="@@", e="@@step9", f="@@@"),
    "what the engine keeps": in_steps(a="@_runtime", b="@_runtime.flow", c="@_runtime.run_id"),
    "white space around": "\n\t " + document() + " \r\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_what_is_right_is_accepted_as_text_and_as_bytes(text: str, registry: Registry) -> None:
    assert findings(text) == findings(text.encode()) == []
    definition = check(text, registry).definition
    assert definition is not None
    assert len(definition.steps) == len(json.loads(text)["procedures"])
    assert stage.happened == []


def test_a_definition_says_what_the_document_says(registry: Registry) -> None:
    first, second = parse(document(step(), step(name="b", method="echo", params={})), registry).steps
    assert (first.name, str(first.target), first.params) == ("step1", "common.Kt.prt", {"msg": "hello"})
    assert (second.name, str(second.target), second.params) == ("b", "common.Kt.echo", {})


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_the_readable_layout_means_the_same_and_stays_as_it_is(text: str) -> None:
    laid_out = format_document(text)
    assert json.loads(laid_out) == json.loads(text)
    assert format_document(laid_out) == laid_out
    assert laid_out.endswith("}\n")


def test_the_readable_layout_has_the_keys_of_a_step_in_their_usual_order() -> None:
    text = document({"params": {"b": 1, "a": 2}, "method": "prt", "_note": 0, "mod": "common.Kt", "name": "step1"})
    laid_out = json.loads(format_document(text))
    assert list(laid_out["procedures"][0]) == ["name", "mod", "method", "params", "_note"]
    assert list(laid_out["procedures"][0]["params"]) == ["b", "a"]


@every_bad_document
def test_the_readable_layout_is_refused_only_where_the_text_is_no_json(bad: Bad) -> None:
    text = bad.text if isinstance(bad.text, str) else bad.text.decode(errors="surrogateescape")
    if bad in bad_documents.TEXT + bad_documents.VALUES:
        with pytest.raises(InvalidFlow):
            format_document(text)
    else:
        assert json.loads(format_document(text)) == json.loads(text)


def test_a_pointer_shows_what_is_invisible_in_a_key_as_escapes() -> None:
    assert [line for line in findings(in_steps(**{"\u202ea\u2028b": "@"})) if not line.isprintable()] == []


def test_the_findings_of_a_document_are_not_larger_than_the_document() -> None:
    text = in_steps(**{"k" * 900_000: ["@"] * 30})
    assert sum(map(len, findings(text))) < len(text)


@pytest.mark.parametrize("mod", ["common.Broken", "common.NoClass", "common.Foreign"])
def test_a_module_that_cannot_be_used_is_pointed_at_itself(mod: str, registry: Registry) -> None:
    (finding,) = check(document(step(mod=mod)), registry).findings
    assert finding.pointer == "/procedures/0/mod"


def test_an_invalid_flow_survives_pickling(registry: Registry) -> None:
    with pytest.raises(InvalidFlow) as raised:
        parse("{}", registry)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (again.findings, str(again)) == (raised.value.findings, str(raised.value))


def test_the_size_of_bytes_is_told_in_bytes() -> None:
    assert findings(b" " * 1048577) == [
        "the document is larger than 1 MiB (1,048,577 bytes); split the flow, or keep data outside of it"
    ]


@pytest.mark.parametrize("hidden", ["\u00ad", "\u2060", "\u180e", "\U000e0041", "\u3164\ufff9", "\ud7ff"])
def test_a_name_with_an_invisible_character_shows_it(hidden: str) -> None:
    (line,) = findings(document(step(mod=f"common.Kt{hidden}")))
    assert line.isprintable()
