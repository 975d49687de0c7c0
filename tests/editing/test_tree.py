"""The tree of a text: it says where everything stands, whatever is half typed."""

import json
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.editing.edits import Edit, Units, apply
from flows.editing.places import Extent, extents, steps
from flows.editing.tree import Kind, Node, exact_pointer, find, nearest, parse_tree, path_at, pointer_path, value_of
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


class Written(NamedTuple):
    """All that a tree says of a text."""

    kind: Kind
    span: tuple[int, int, bool]
    members: list[tuple[str, "Written", "Written", int | None]]
    items: list["Written"]

    @classmethod
    def of(cls, node: Node) -> "Written":
        members = [(one.name, cls.of(one.key), cls.of(one.value), one.colon) for one in node.members]
        return cls(node.kind, (node.start, node.end, node.closed), members, [cls.of(one) for one in node.items])


def token_by_token(text: str) -> Node:
    """Return the tree as it is where nothing is taken for right as JSON."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flows.editing.tree._Parser.whole", lambda _: None)
        root = parse_tree(text)
    assert not root.source
    return root


def assert_same_tree(text: str) -> None:
    root, plain = parse_tree(text), token_by_token(text)
    assert Written.of(root) == Written.of(plain)
    # NaN is not equal to itself.
    assert repr(value_of(root, text)) == repr(value_of(plain, text))
    assert extents(text) == [Extent(one.node.start, one.node.end, one.name) for one in steps(plain, text)]


@given(DOCUMENTS, st.sampled_from([None, 1, 4]), st.booleans(), st.floats(0, 1))
def test_what_the_scanner_walks_over_stands_where_its_tokens_are(
    value: Any, indent: int | None, plain: bool, part: float
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    assert_same_tree(text)
    assert_same_tree(text[: int(len(text) * part)])


PIECES = [
    *'{}[],: \n\t\\"\u2028',
    '"a"',
    '"name"',
    '"procedures"',
    "1",
    "-2.5e3",
    "true",
    "NaN",
    "two",
    '"x\\"y"',
    '"@s.k"',
]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_of_any_text_it_says_the_same_however_it_is_read(text: str) -> None:
    assert_same_tree(text)


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
        '{"procedures": [{"name": "a",\n "mod": "b"}, {"name": "a}\n, "mod": {"name": 1}}]}',
    ],
)
def test_of_an_odd_text_it_says_the_same_however_it_is_read(text: str) -> None:
    assert_same_tree(text)


def test_what_is_right_as_json_is_not_looked_into_before_it_is_asked() -> None:
    text = '{"procedures": [{"name": "a"}, {"name": "b", "params": {"x"'
    whole, half_typed = parse_tree(text).members[0].value.items
    assert (whole.value, half_typed.source) == ({"name": "a"}, "")
    assert whole.members[0] is whole.members[0]
