"""What differs between two documents, and the laws that hold for any two."""

import copy
import json
import time
from functools import reduce
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.diff import Difference, Fold, Row, differences, folded, lines, summary

pytestmark = pytest.mark.no_database

Documents = dict[str, Any]

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab\n\u202e", max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=6,
)
steps = st.fixed_dictionaries(
    {"name": st.sampled_from("abcdef"), "params": st.dictionaries(st.sampled_from("xyz"), values, max_size=3)}
)
lists_of_steps = st.lists(steps | values, max_size=6)
documents = st.fixed_dictionaries(
    {}, optional={"procedures": lists_of_steps, "on_failure": lists_of_steps, "k": values}
)
anything = documents | values
named_steps = st.lists(steps, max_size=6, unique_by=lambda step: str(step["name"]))
texts = st.lists(st.sampled_from(["", "a", "ab", "abc", "}"]), max_size=12).map("\n".join)


def document(*names: str, **params: Any) -> Documents:
    return {"procedures": [{"name": name, "mod": f"m.{name}", "params": {"msg": name, **params}} for name in names]}


def told(old: Any, new: Any) -> list[tuple[Any, ...]]:
    return [(one.kind, one.pointer, one.step, one.old, one.new) for one in differences(old, new)]


def meaning(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# By keys


def test_a_step_that_was_added_or_removed_is_one_difference_and_the_others_are_none() -> None:
    new = document("a", "b", "c")
    assert told(document("a", "c"), new) == [("added", "/procedures/1", "b", None, new["procedures"][1])]
    assert told(new, document("a", "c")) == [("removed", "/procedures/1", "b", new["procedures"][1], None)]


def test_the_step_that_was_moved_is_named_and_not_those_it_passed() -> None:
    assert told(document("a", "b", "c", "d"), document("d", "a", "b", "c")) == [("moved", "/procedures/0", "d", 4, 1)]


def test_the_same_content_under_another_name_is_a_renamed_step() -> None:
    old, new = document("a", "b"), document("a", "b")
    new["procedures"][1]["name"] = "z"
    assert told(old, new) == [("renamed", "/procedures/1", "z", "b", "z")]


def test_a_step_may_be_renamed_and_moved_at_once() -> None:
    old, new = document("a", "b", "c"), document("c", "a", "b")
    new["procedures"][0]["name"] = "z"
    assert told(old, new) == [("renamed", "/procedures/0", "z", "c", "z"), ("moved", "/procedures/0", "z", 3, 1)]


def test_a_changed_key_has_its_pointer_with_the_old_and_the_new_value() -> None:
    old = document("a", "b", deep={"list": [1, {"x/y": True}, 3], "gone": 0})
    new = copy.deepcopy(old)
    new["procedures"][1]["params"]["deep"] = {"list": [1, {"x/y": 1}, 3], "new": None}
    assert told(old, new) == [
        ("changed", "/procedures/1/params/deep/list/1/x~1y", "b", True, 1),
        ("added", "/procedures/1/params/deep/new", "b", None, None),
        ("removed", "/procedures/1/params/deep/gone", "b", 0, None),
    ]


def test_an_entry_put_into_a_list_is_one_difference() -> None:
    assert told({"k": [1, 2, 3]}, {"k": [1, 9, 2, 3]}) == [("added", "/k/1", "", None, 9)]
    assert told({"k": [1, 9, 2, 3]}, {"k": [1, 2, 3]}) == [("removed", "/k/1", "", 9, None)]


def test_steps_without_a_name_or_of_one_name_are_compared_in_their_order() -> None:
    old: Documents = {"procedures": [{"name": "a", "x": 1}, 5, {"name": "a", "x": 2}, {"x": 3}]}
    new: Documents = {"procedures": [{"name": "a", "x": 1}, 6, {"name": "a", "x": 4}, {"x": 3}]}
    assert told(old, new) == [("changed", "/procedures/1", "", 5, 6), ("changed", "/procedures/2/x", "a", 2, 4)]


@given(anything)
def test_a_document_does_not_differ_from_itself(value: Any) -> None:
    assert differences(value, copy.deepcopy(value)) == ()


@given(anything, anything)
def test_two_documents_differ_exactly_if_they_mean_something_else(old: Any, new: Any) -> None:
    assert bool(differences(old, new)) == (meaning(old) != meaning(new))


MIRRORED = {"added": "removed", "removed": "added", "changed": "changed", "renamed": "renamed", "moved": "moved"}


@given(anything, anything)
def test_seen_from_the_other_side_added_is_removed_and_old_is_new(old: Any, new: Any) -> None:
    def of(one: Difference, kind: str, before: Any, after: Any) -> tuple[str, ...]:
        return kind, meaning(before), meaning(after)

    there = differences(old, new)
    back = differences(new, old)
    # Which of several steps counts as moved may differ; how many do may not.
    assert sum(one.kind == "moved" for one in there) == sum(one.kind == "moved" for one in back)
    forwards = sorted(of(one, one.kind, one.old, one.new) for one in there if one.kind != "moved")
    assert forwards == sorted(of(one, MIRRORED[one.kind], one.new, one.old) for one in back if one.kind != "moved")


@given(anything, anything)
@example({"procedures": [None, {"name": "a", "params": {"x": 1}}]}, {"procedures": [{"name": "a", "params": {}}]})
def test_a_pointer_leads_to_the_value_that_is_told(old: Any, new: Any) -> None:
    for one in differences(old, new):
        for side, value, kinds in ((old, one.old, {"removed"}), (new, one.new, {"added", "changed"})):
            if one.kind in kinds:
                found = reduce(lambda inner, part: inner[part], one.path, side)
                assert meaning(found) == meaning(value)


@given(named_steps, st.randoms(use_true_random=False))
def test_steps_in_another_order_are_moved_and_nothing_else(some: list[Any], random: Any) -> None:
    shuffled = random.sample(some, len(some))
    found = differences({"procedures": some}, {"procedures": shuffled})
    assert {one.kind for one in found} <= {"moved"}
    moved = {one.step for one in found}
    assert [step["name"] for step in some if step["name"] not in moved] == [
        step["name"] for step in shuffled if step["name"] not in moved
    ]


@given(named_steps.filter(bool), st.data())
def test_one_new_name_is_one_renamed_step(some: list[Any], data: Any) -> None:
    index = data.draw(st.integers(0, len(some) - 1))
    new = copy.deepcopy(some)
    new[index]["name"] = "new"
    assert told({"procedures": some}, {"procedures": new}) == [
        ("renamed", f"/procedures/{index}", "new", some[index]["name"], "new")
    ]


# In one line


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (document("a"), document("a"), []),
        (document("a"), document("a", "b", "c"), ["+2 steps"]),
        (document("a", "b"), document("b"), ["\u22121 step"]),
        (document("a", "b"), document("b", "a"), ["1 step moved"]),
        (document("a"), document("a", x=1, y=2), ["2 parameters changed"]),
        (document("a"), {**document("a"), "description": "d"}, ["1 key changed"]),
        (document("a"), {"procedures": [1]}, ["+1 step", "\u22121 step"]),
        (document("a", "b"), document("b", x=1), ["\u22121 step", "1 parameter changed"]),
    ],
)
def test_the_summary_counts_steps_parameters_and_other_keys(old: Any, new: Any, expected: list[str]) -> None:
    assert summary(json.dumps(old), json.dumps(new)) == expected


def test_the_summary_tells_layout_from_meaning_and_does_without_json() -> None:
    text = json.dumps(document("a"))
    assert summary(text, json.dumps(document("a"), indent=2)) == ["layout changed"]
    assert summary(text, text[:-1]) == ["document changed"]
    assert summary("x", "x") == []


# By lines


def side_by_side(old: str, new: str) -> list[Row]:
    """Return all rows, of which `folded` shows those that differ and those near to one."""
    before, after = old.split("\n"), new.split("\n")
    return [row for spans in lines._blocks(before, after) for row in lines._rows(before, after, *spans)]


def texts_of(rows: list[Row], side: str) -> list[str]:
    lines = [getattr(row, side) for row in rows]
    return [line.before + line.marked + line.after for line in lines if line]


@given(texts, texts)
def test_the_sides_hold_all_lines_of_both_texts_in_their_order(old: str, new: str) -> None:
    rows = side_by_side(old, new)
    assert "\n".join(texts_of(rows, "old")) == old
    assert "\n".join(texts_of(rows, "new")) == new
    for side in ("old", "new"):
        numbers = [line.number for line in (getattr(row, side) for row in rows) if line]
        assert numbers == list(range(1, len(numbers) + 1))


@given(texts, texts)
def test_a_row_is_the_same_exactly_if_its_lines_are(old: str, new: str) -> None:
    for row in side_by_side(old, new):
        if row.old and row.new:
            assert (row.kind == "same") == (texts_of([row], "old") == texts_of([row], "new"))
        else:
            assert row.kind == ("removed" if row.old else "added")


@given(texts)
def test_a_text_beside_itself_has_only_equal_rows(text: str) -> None:
    assert {row.kind for row in side_by_side(text, text)} == {"same"}


def test_what_differs_in_a_line_is_marked() -> None:
    (row,) = side_by_side('"msg": "@step1.msg",', '"msg": "@step12.msg",')
    assert row.old == (1, '"msg": "@step1', "", '.msg",')
    assert row.new == (1, '"msg": "@step1', "2", '.msg",')


def test_lines_that_share_only_brackets_have_no_marks() -> None:
    (row,) = side_by_side('  "limit": 100,', "    1,")
    assert row == ("changed", (1, '  "limit": 100,', "", ""), (1, "    1,", "", ""))


@given(texts, texts, st.integers(0, 3))
@example("a\n" * 30, "a\n" * 30, 3)
@example("\n".join("0123456789abcdefghij"), "\n".join("0123456789xbcdefghij"), 2)
def test_folding_leaves_out_only_equal_rows_far_from_others_and_counts_them(old: str, new: str, context: int) -> None:
    assert_folded(old, new, context)
    with pytest.MonkeyPatch.context() as patched:
        # Then lines are paired by place.
        patched.setattr("flows.diff.lines.LONGEST_ALIGNED", 0)
        assert_folded(old, new, context)


def assert_folded(old: str, new: str, context: int) -> None:
    rows = side_by_side(old, new)
    shown = list(folded(old, new, context))
    differing = [index for index, row in enumerate(rows) if row.kind != "same"]
    place, folds_before = 0, False
    for row in shown:
        length = row.length if isinstance(row, Fold) else 1
        is_near = any(abs(index - at) <= context for at in range(place, place + length) for index in differing)
        if isinstance(row, Fold):
            assert length > 1
            assert not is_near
            assert not folds_before
        else:
            assert row == rows[place]
            # A single line takes no more room than the word that it is left out.
            assert is_near or not folds_before
        place, folds_before = place + length, isinstance(row, Fold)
    assert place == len(rows)


def test_equal_lines_far_from_a_change_are_folded() -> None:
    lines = [str(number) for number in range(20)]
    old, new = "\n".join(lines), "\n".join([*lines[:10], "new", *lines[11:]])
    assert [row.length if isinstance(row, Fold) else row.kind for row in folded(old, new)] == [
        7, "same", "same", "same", "changed", "same", "same", "same", 6,
    ]  # fmt: skip


def hostile(number_of_lines: int) -> tuple[str, str]:
    # As many repetitions as the matcher does not yet take for noise.
    old, new = ("\n".join(str(number * step % 101) for number in range(number_of_lines)) for step in (1, 7))
    return old, new


def seconds_to_compare(number_of_lines: int) -> float:
    old, new = hostile(number_of_lines)
    began = time.process_time()
    assert sum(row.length if isinstance(row, Fold) else 1 for row in folded(old, new)) >= number_of_lines
    return time.process_time() - began


def test_many_times_the_hostile_lines_take_as_many_times_as_long() -> None:
    # Aligned, they would take a hundred times as long.
    assert seconds_to_compare(100_000) < 40 * seconds_to_compare(10_000)


def test_the_most_hostile_lines_that_are_aligned_take_seconds() -> None:
    assert seconds_to_compare(lines.LONGEST_ALIGNED - 1) < 5
