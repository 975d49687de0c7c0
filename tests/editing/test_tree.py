"""The tree of a text: it says where everything stands, whatever is half typed."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.editing.edits import Edit, Units, apply
from flows.editing.places import Extent, extents, steps
from flows.editing.tree import Kind, exact_pointer, find, nearest, parse_tree, path_at, pointer_path, value_of
from tests.engine.made_flows import Maker

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1, 4]), st.booleans())
def test_of_json_it_holds_the_value(value: Any, indent: int | None, plain: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    assert value_of(parse_tree(text), text) == json.loads(text)


@given(VALUES, st.sampled_from([None, 1]))
def test_a_path_leads_to_the_text_of_what_stands_there(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    root = parse_tree(text)

    def walk(part: Any, path: tuple[str | int, ...]) -> None:
        node = find(root, path)
        assert node is not None
        assert json.loads(text[node.start : node.end]) == part
        assert find(root, pointer_path(exact_pointer(path))) is node
        for key, item in part.items() if isinstance(part, dict) else enumerate(part if isinstance(part, list) else ()):
            walk(item, (*path, key))

    walk(value, ())


@given(st.text('{}[]:,"\\@ab1 \n'))
def test_any_text_has_a_tree_that_stays_within_it(text: str) -> None:
    root = parse_tree(text)
    value_of(root, text)
    assert 0 <= root.start <= root.end <= len(text)
    for offset in range(len(text) + 1):
        assert find(root, path_at(root, offset)) is not None


def test_brackets_nested_without_end_are_no_trouble() -> None:
    assert parse_tree("[" * 100_000).kind is Kind.ARRAY


def test_what_is_half_typed_ends_at_its_line_and_the_next_key_is_no_value() -> None:
    text = '{"a": {"b": "x\n, "mod": \n "method": "m", "c"'
    assert value_of(parse_tree(text), text) == {"a": {"b": "x", "mod": None, "method": "m", "c": None}}


@pytest.mark.parametrize(
    ("path", "found"), [(("a",), '{"b": [1]}'), (("a", "b", 7), "[1]"), (("a", "x", "y"), '{"b": [1]}'), (("z",), "")]
)
def test_what_is_missing_is_looked_for_where_it_should_be(path: tuple[str | int, ...], found: str) -> None:
    text = '{"a": {"b": [1]}}'
    node = nearest(parse_tree(text), path)
    assert text[node.start : node.end] == (found or text)


@given(st.text("ab\U0001f427é"), st.data())
def test_places_are_counted_as_javascript_counts_and_back(text: str, data: st.DataObject) -> None:
    units = Units(text)
    offset = data.draw(st.integers(0, len(text)))
    assert units.of(offset) == len(text[:offset].encode("utf-16-le")) // 2
    assert units.offset(units.of(offset)) == offset
    assert units.offset(10_000) == len(text)


def test_edits_are_done_as_if_all_at_once() -> None:
    assert apply("abcdef", [Edit(0, 1, "X"), Edit(3, 3, "--"), Edit(5, 6, "")]) == "Xbc--de"


def test_every_beginning_of_a_flow_has_a_tree_with_its_first_steps() -> None:
    text = json.dumps(Maker(Random(3), 0.0).make().document, indent=2)
    for end in range(text.index("procedures") + 20, len(text)):
        value = value_of(parse_tree(text[:end]), text[:end])
        assert value["procedures"] or '"name"' not in text[:end]


STEPS = st.lists(
    st.fixed_dictionaries({}, optional={"name": VALUES, "params": VALUES, "x": VALUES}) | VALUES, max_size=4
)
DOCUMENTS = st.dictionaries(st.sampled_from(["procedures", "on_failure", "outputs", "_note"]), STEPS | VALUES) | VALUES


def by_the_tree(text: str) -> list[Extent]:
    return [Extent(one.node.start, one.node.end, one.name) for one in steps(parse_tree(text), text)]


@given(DOCUMENTS, st.sampled_from([None, 1, 4]), st.booleans(), st.floats(0, 1))
def test_the_steps_of_a_text_stand_where_the_tree_has_them(
    value: Any, indent: int | None, plain: bool, part: float
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    assert extents(text) == by_the_tree(text)
    half_typed = text[: int(len(text) * part)]
    assert extents(half_typed) == by_the_tree(half_typed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        '{"procedures"',
        '{"procedures": [',
        '{"procedures": [{"name": "a"}',
        '{"procedures": [{"name": "a"}, {"name": ',
        '{"procedures": [{"name": "a"}], "procedures": [{"name": "b"}, 3]}',
        ' {"procedures" : [ {"name": "a", "name": "b"} , ] , } ',
        '{"procedures": [{"name": "a"}]} and more',
        '{"procedures": {"name": "a"}, "on_failure": [{"name": "\\ud83d\\ude00"}]}',
        '[{"name": "a"}]',
        '{"procedures": [{"name": "a"} {"name": "b"}]}',
    ],
)
def test_the_steps_of_an_odd_text_stand_where_the_tree_has_them(text: str) -> None:
    assert extents(text) == by_the_tree(text)
