# ruff: noqa: RUF001  (look-alikes of ASCII are what some tests are about)
"""The @ language, sentence by sentence of the format page, and against an independent model."""

import difflib
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.engine import StepFailed, StepStarted, UnresolvedReference, check
from tests.engine import stage
from tests.engine.stage import document, events, notes, play, returns, step


def resolved(params: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Return params as a step gets them after a step named step1 has returned this result."""
    stage.clear()
    seen: list[Any] = []
    play(returns(result), (notes(seen), params))
    ((_, received),) = seen
    assert received.pop("act") == 1
    return dict(received)


def value_of(reference: str, result: dict[str, Any]) -> Any:
    return resolved({"x": reference}, result)["x"]


def problem_of(reference: str, result: dict[str, Any]) -> str:
    """Return why a reference cannot be resolved at run time; the step must not have been called."""
    stage.clear()
    seen: list[Any] = []
    happened = events(returns(result), (notes(seen), {"x": reference}), notes(seen))
    failed = happened[-1]
    assert isinstance(failed, StepFailed)
    assert failed.step.name == "step2"
    assert isinstance(failed.error, UnresolvedReference)
    assert seen == []
    assert [type(event) for event in happened].count(StepStarted) == 2
    return str(failed.error)


ROWS = {
    "rows": [{"id": 7, "tags": ["a", "b"]}, {"id": 8}],
    "n": 1,
    "none": None,
    "text": "abc",
    "a.b": "dotted",
    "a": {"b": "deep"},
}
ROWS_KEYS = "rows, n, none, text, a.b, a"


def test_a_step_alone_is_its_whole_result() -> None:
    assert value_of("@step1", ROWS) == ROWS


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("@step1.n", 1),
        ("@step1.none", None),
        ("@step1.text", "abc"),
        ("@step1.rows", ROWS["rows"]),
        ("@step1.rows.0", {"id": 7, "tags": ["a", "b"]}),
        ("@step1.rows.0.id", 7),
        ("@step1.rows.0.tags.1", "b"),
        ("@step1.rows.1.id", 8),
        ("@step1.a", {"b": "deep"}),
    ],
)
def test_keys_and_indexes_lead_to_a_value(reference: str, value: Any) -> None:
    assert value_of(reference, ROWS) == value


def test_the_rest_of_the_text_is_one_key_if_the_result_has_it() -> None:
    assert value_of("@step1.a.b", {"a.b": "old", "a": {"b": "new"}}) == "old"
    assert value_of("@step1.a.b", {"a.b": None, "a": {"b": "new"}}) is None
    assert value_of("@step1.a.b", {"a": {"b": "new"}}) == "new"
    assert value_of("@step1.0", {"0": "key"}) == "key"


def test_only_the_whole_rest_is_tried_as_one_key() -> None:
    assert "has no key" in problem_of("@step1.x.a.b", {"x": {"a.b": 1}})
    assert "has no key" in problem_of("@step1.a.b.c", {"a.b": {"c": 1}})


@pytest.mark.parametrize(
    "key", ["", "a.b", "é", "key with spaces", " x", "x ", "@", "@step1", "A", "0", "__class__", "-", "a..b"]
)
def test_what_the_result_calls_its_keys_does_not_matter(key: str) -> None:
    reference = f"@step1.{key}"
    if not all(key.split(".")) or key[:1].isspace():
        assert check(document(step(), step(name="b", params={"x": reference})), stage.REGISTRY).definition is None
    else:
        assert value_of(reference, {key: "found"}) == "found"


@pytest.mark.parametrize("text", ["@step1", "@@x", "@", "@@@", "@ x", "@a..b", "@.", "@step9.nothing"])
def test_a_doubled_at_sign_is_a_text_without_the_first(text: str) -> None:
    assert value_of(f"@{text}", {}) == text


@pytest.mark.parametrize(
    "text", ["a@b.c", "mail @ step", " @step1", "step1", "\n@step1", "x@step1.n", "＠step1", "\u200b@step1", ""]
)
def test_only_a_leading_at_sign_counts_and_nothing_is_interpolated(text: str) -> None:
    assert value_of(text, {"n": 1}) == text


@pytest.mark.parametrize(
    "text", ["${step1.n}", "{step1.n}", "{{ step1.n }}", "%(n)s", "$n", "#step1.n", "=step1.n", "\\@step1"]
)
def test_no_other_language_is_spoken(text: str) -> None:
    assert value_of(text, {"n": 1}) == text


def test_references_are_resolved_at_any_depth_in_objects_and_lists() -> None:
    params = {"a": {"b": [{"c": ["@step1.n", ["@step1.rows.1"]]}]}, "d": ["@step1.text", "@@x", 5, None]}
    assert resolved(params, ROWS) == {"a": {"b": [{"c": [1, [{"id": 8}]]}]}, "d": ["abc", "@x", 5, None]}


def test_a_reference_at_the_greatest_depth_is_resolved() -> None:
    value: Any = "@step1.n"
    for _ in range(15):
        value = [value]
    found = value_of(value, ROWS)
    for _ in range(15):
        (found,) = found
    assert found == 1


def test_keys_of_params_are_never_touched() -> None:
    params = {"@step1": 1, "@@x": 2, "@": {"@step9.nothing": ["@step1.n"]}, "@ bad ..": 3}
    assert resolved(params, ROWS) == {"@step1": 1, "@@x": 2, "@": {"@step9.nothing": [1]}, "@ bad ..": 3}


def test_what_is_found_is_not_resolved_again() -> None:
    result = {"next": "@step1.n", "n": ["@@a"]}
    assert resolved({"x": "@step1.next", "y": "@step1"}, result) == {"x": "@step1.n", "y": result}


@pytest.mark.parametrize(
    "value", [0, 1, -1, True, False, None, 1.0, 0.5, -0.0, "1", "true", "", [], {}, [1.0, True], {"a": None}, 2**63 - 1]
)
def test_a_value_keeps_its_type(value: Any) -> None:
    found = value_of("@step1.x", {"x": value})
    assert repr(found) == repr(value)
    assert type(found) is type(value)


def test_numbers_do_not_become_text_beside_text() -> None:
    assert resolved({"a": ["n: ", "@step1.n"]}, ROWS) == {"a": ["n: ", 1]}


MISSING = {
    "@step1.nothing": f'"@step1" has no key "nothing" (keys: {ROWS_KEYS}).',
    "@step1.txt": f'"@step1" has no key "txt" (keys: {ROWS_KEYS}). Did you mean "@step1.text"?',
    "@step1.__class__": f'"@step1" has no key "__class__" (keys: {ROWS_KEYS}).',
    "@step1.keys": f'"@step1" has no key "keys" (keys: {ROWS_KEYS}).',
    "@step1.a.B": '"@step1.a" has no key "B" (keys: b). Did you mean "@step1.a.b"?',
    "@step1.rows.2": '"@step1.rows" is a list of 2 and has no index "2"',
    "@step1.rows.-1": '"@step1.rows" is a list of 2 and has no index "-1"',
    "@step1.rows.+1": '"@step1.rows" is a list of 2 and has no index "+1"',
    "@step1.rows.00": '"@step1.rows" is a list of 2 and has no index "00"',
    "@step1.rows.1_0": '"@step1.rows" is a list of 2 and has no index "1_0"',
    "@step1.rows.１": '"@step1.rows" is a list of 2 and has no index "１"',
    "@step1.rows. 1": '"@step1.rows" is a list of 2 and has no index " 1"',
    "@step1.rows.1.0": '"@step1.rows.1" has no key "0" (keys: id).',
    "@step1.rows.id": '"@step1.rows" is a list of 2 and has no index "id"',
    "@step1.rows.append": '"@step1.rows" is a list of 2 and has no index "append"',
    "@step1.rows.99999999999999999999999": '"@step1.rows" is a list of 2 and has no index "99999999999999999999999"',
    "@step1.n.real": '"@step1.n" is a number and has no key "real"',
    "@step1.text.0": '"@step1.text" is a text and has no key "0"',
    "@step1.text.upper": '"@step1.text" is a text and has no key "upper"',
    "@step1.none.x": '"@step1.none" is null and has no key "x"',
}


@pytest.mark.parametrize(("reference", "message"), MISSING.items(), ids=MISSING.keys())
def test_a_key_that_is_missing_at_run_time_is_told_with_what_is_there(reference: str, message: str) -> None:
    assert problem_of(reference, ROWS) == f'"{reference}": {message}'


@pytest.mark.parametrize(
    "name", ["__class__", "__dict__", "__len__", "keys", "items", "copy", "__init__.__globals__", "__class__.__mro__"]
)
def test_attributes_are_never_followed(name: str) -> None:
    assert "has no key" in problem_of(f"@step1.{name}", {"x": 1})
    assert "has no key" in problem_of(f"@step1.x.{name}", {"x": {}})
    assert "has no index" in problem_of(f"@step1.x.{name}", {"x": []})
    assert "has no key" in problem_of(f"@step1.x.{name}", {"x": 1})


class Treasure:
    """An object in a result that is kept in memory; whoever reads an attribute or an item opens it."""

    opened = 0

    @property
    def gold(self) -> int:
        self.opened += 1
        return 1

    def __getitem__(self, key: Any) -> int:
        self.opened += 1
        return 1

    def __contains__(self, key: Any) -> bool:
        self.opened += 1
        return True


def test_an_object_kept_in_memory_is_handed_on_and_not_looked_into() -> None:
    treasure = Treasure()
    assert value_of("@step1.x", {"x": treasure}) is treasure
    assert "is a Treasure and has no key" in problem_of("@step1.x.gold", {"x": treasure})
    assert "is a Treasure and has no key" in problem_of("@step1.x.0", {"x": treasure})
    assert treasure.opened == 0


def test_what_the_engine_keeps_is_read_like_a_step() -> None:
    seen: list[Any] = []
    play(
        (notes(seen), {"all": "@_runtime", "when": "@_runtime.start_time", "deep": [{"run": "@_runtime.run_id"}]}),
        flow="daily",
    )
    ((context, params),) = seen
    assert params["all"] == context["_runtime"] == {"start_time": params["when"], "flow": "daily", "run_id": None}
    assert params["deep"] == [{"run": None}]


def test_any_earlier_step_can_be_named_not_only_the_last() -> None:
    seen: list[Any] = []
    play(
        returns({"v": 1}),
        returns({"v": 2}),
        returns({"v": 3}),
        (notes(seen), {"x": ["@step1.v", "@step3.v", "@step2.v"]}),
    )
    assert seen[0][1]["x"] == [1, 3, 2]


def test_the_same_value_twice_is_two_values() -> None:
    found = resolved({"a": "@step1.rows", "b": "@step1.rows"}, ROWS)
    assert found["a"] == found["b"]
    assert found["a"] is not found["b"]
    assert found["a"][0] is not found["b"][0]


def test_a_hint_is_looked_for_among_a_bounded_number_of_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def guess(word: str, names: Collection[str], *args: Any, **kwargs: Any) -> list[str]:
        compared.append(len(names))
        return []

    monkeypatch.setattr(difflib, "get_close_matches", guess)
    assert "(20000 in all)" in problem_of("@step1.x", {f"a{n}": n for n in range(20_000)})
    assert max(compared, default=0) <= 1000


# The model: one recursive function that looks at one character after the other.
MISSING_VALUE = object()


def model(value: Any, result: Any) -> Any:
    """Return what a param means after step1; `MISSING_VALUE` anywhere stands for a failure."""
    if isinstance(value, list):
        return [model(item, result) for item in value]
    if isinstance(value, dict):
        return {key: model(item, result) for key, item in value.items()}
    if not isinstance(value, str) or value[:1] != "@":
        return value
    if value[:2] == "@@":
        return value[1:]
    if value == "@step1":
        return result
    rest = value[len("@step1.") :]
    return result[rest] if rest in result else walk(rest, result)


def walk(rest: str, value: Any) -> Any:
    part, dot, remaining = rest, "", ""
    for place, character in enumerate(rest):
        if character == ".":
            part, dot, remaining = rest[:place], ".", rest[place + 1 :]
            break
    if isinstance(value, dict):
        found = value.get(part, MISSING_VALUE)
    elif isinstance(value, list):
        indexes = {str(index): item for index, item in enumerate(value)}
        found = indexes.get(part, MISSING_VALUE)
    else:
        found = MISSING_VALUE
    return walk(remaining, found) if dot and found is not MISSING_VALUE else found


def holds_missing(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(holds_missing, value.values() if isinstance(value, dict) else value))
    return value is MISSING_VALUE


part = st.sampled_from(["a", "b", "0", "1", "a b", "é", "__class__"])
key = st.one_of(part, st.sampled_from(["a.b", "0.a", "a.0.b", "b."]))
leaf = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("@a.", max_size=4)
)
any_value = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=4), max_leaves=12
)
any_result = st.dictionaries(key, any_value, max_size=5)
reference_text = st.lists(part, max_size=4).map(lambda parts: ".".join(["@step1", *parts]))
plain_text = st.text(max_size=8).filter(lambda text: not text.startswith("@"))
any_param = st.recursive(
    reference_text | plain_text | plain_text.map("@@".__add__) | leaf.filter(lambda value: not isinstance(value, str)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("@ab.", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(any_param, any_result)
@example("@step1.a.b", {"a.b": 1, "a": {"b": 2}})
@example("@step1.a.0.b", {"a": [{"b": 2}]})
def test_what_a_step_gets_is_what_the_model_says(param: Any, result: dict[str, Any]) -> None:
    expected = model(param, result)
    if holds_missing(expected):
        assert problem_of(param, result).startswith('"@step1.')
    else:
        assert repr(value_of(param, result)) == repr(expected)


@given(plain_text)
def test_text_without_a_leading_at_sign_is_itself(text: str) -> None:
    assert value_of(text, {}) == text


@given(st.text(max_size=12))
def test_text_after_a_further_at_sign_round_trips(text: str) -> None:
    assert value_of("@@" + text, {}) == "@" + text


@given(st.text(st.sampled_from("@. ab1\n"), max_size=8))
def test_a_text_is_right_exactly_when_it_is_plain_or_names_the_earlier_step(text: str) -> None:
    stage.clear()
    flow = document(step(name="a"), step(name="z", params={"x": text}))
    parts = text[1:].split(".")
    names_a = parts[0] == "a" and all(parts) and not "".join(parts[1:2])[:1].isspace()
    right = not text.startswith("@") or text.startswith("@@") or names_a
    assert (check(flow, stage.REGISTRY).definition is not None) == right
