"""Renaming, moving, duplicating and inserting steps: what it leaves as it was, and what it refuses."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flows.editing.edits import Refused, apply
from flows.editing.places import Place, free_name, steps
from flows.editing.refactor import Change, Workpiece
from flows.editing.tree import parse_tree
from flows.engine import Report, check
from flows.engine.catalogue import Entry, catalogue
from tests.engine.keyprocs import _scene
from tests.engine.made_flows import MadeFlow, Maker

SEEDS = st.integers(0, 2**32)
LAYOUTS: dict[str, Callable[[Any], str]] = {
    "one line": json.dumps,
    "dense": lambda value: json.dumps(value, separators=(",", ":")),
    "laid out": lambda value: json.dumps(value, indent=2) + "\n",
    "tabs": lambda value: json.dumps(value, indent="\t", separators=(" ,", " : ")),
    "a step a line": lambda value: json.dumps(value).replace('{"name"', '\n    {"name"'),
    "escaped": lambda value: json.dumps(value, indent=1).replace('"@', '"\\u0040'),
}
made = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
layouts = st.sampled_from(sorted(LAYOUTS))


class Made:
    """A made-up flow that passes the check, as a text of some layout."""

    def __init__(self, seed: int, layout: str) -> None:
        self.flow: MadeFlow = Maker(Random(seed), 0.0).make()
        self.text = LAYOUTS[layout](self.flow.document)
        assume(not self.check(self.text).findings)

    def check(self, text: str) -> Report:
        return check(text, self.flow.registry, self.flow.child_text)

    def after(self, change: Callable[[Workpiece], Change], text: str | None = None) -> str:
        before = self.text if text is None else text
        return apply(before, change(Workpiece(before, self.check)).edits)

    def steps(self, text: str | None = None) -> list[Place]:
        shown = self.text if text is None else text
        return list(steps(parse_tree(shown), shown))

    def entries(self) -> tuple[Entry, ...]:
        return catalogue(self.flow.registry).entries


@made
@given(SEEDS, layouts)
def test_renamed_there_and_back_every_text_is_what_it_was(seed: int, layout: str) -> None:
    it = Made(seed, layout)
    for number, step in enumerate(it.steps()):
        renamed = it.after(lambda piece, step=step: piece.rename(step.node.start, "another-Name_1"))  # type: ignore[misc]
        assert not it.check(renamed).findings
        assert f'"{step.name}' not in renamed
        there = it.steps(renamed)[number]
        assert there.name == "another-Name_1"
        assert it.after(lambda piece, at=there, old=step.name: piece.rename(at.node.start, old), renamed) == it.text  # type: ignore[misc]


@made
@given(SEEDS, layouts)
def test_moved_there_and_back_every_text_is_what_it_was(seed: int, layout: str) -> None:
    it = Made(seed, layout)
    for number, step in enumerate(it.steps()):
        try:
            moved = it.after(lambda piece, at=step: piece.move(at.node.start, 1))  # type: ignore[misc]
        except Refused:
            continue
        assert not it.check(moved).findings
        there = it.steps(moved)[number + 1]
        assert there.name == step.name
        assert it.after(lambda piece, at=there: piece.move(at.node.start, -1), moved) == it.text  # type: ignore[misc]


@made
@given(SEEDS, layouts)
def test_a_duplicate_follows_its_step_and_says_the_same_under_another_name(seed: int, layout: str) -> None:
    it = Made(seed, layout)
    for number, step in enumerate(it.steps()):
        twice = it.after(lambda piece, at=step: piece.duplicate(at.node.start))  # type: ignore[misc]
        assert not it.check(twice).findings
        key, index = str(step.path[0]), int(step.path[1])
        entries = json.loads(twice)[key]
        assert entries[index + 1] == entries[index] | {"name": it.steps(twice)[number + 1].name}
        del entries[index + 1]
        assert entries == it.flow.document[key]


@made
@given(SEEDS, layouts)
def test_any_procedure_that_is_inserted_anywhere_checks_and_moves_nothing_else(seed: int, layout: str) -> None:
    it = Made(seed, layout)
    for entry in it.entries():
        for offset in [0, *(step.node.start + 1 for step in it.steps())]:
            more = it.after(lambda piece, at=offset, new=entry: piece.insert(at, new))  # type: ignore[misc]
            assert not it.check(more).findings
            shown = [step.name for step in it.steps(more)]
            assert len(shown) == len(it.steps()) + 1
            assert _is_in(it.text, more)


def _is_in(less: str, more: str) -> bool:
    """Return whether one text is the other with a piece put in."""
    ahead = next((at for at, pair in enumerate(zip(less, more, strict=False)) if pair[0] != pair[1]), len(less))
    return more.endswith(less[ahead:])


# --- cases -----------------------------------------------------------------------------------------------------------

TEXT = """{
  "_note": {"10": 1.0, "2": 12345678901234567890e0, "e": 1e3},
  "procedures": [
    {"name": "first", "mod": "common.Typed", "method": "make"},
    {
      "name": "second", "mod": "common.Play", "method": "act",
      "description": "@first stays", "_note": "@first",
      "params": {"@first": ["@first.rows.0.id", "@@first", "\\u0040first", "a@first", "@firsts"]}
    }
  ],
  "outputs": {"x": "@first.number"}
}
"""


def checked(text: str) -> Report:
    return check(text.replace('"@firsts"', '""'), _scene.REGISTRY, _scene.stored.__getitem__)


def piece(text: str = TEXT) -> Workpiece:
    return Workpiece(text, checked)


def test_only_references_are_renamed_and_nothing_else_of_the_text() -> None:
    offset = TEXT.index('"first"')
    expected = (
        TEXT.replace('"name": "first"', '"name": "made"')
        .replace('"@first.rows.0.id"', '"@made.rows.0.id"')
        .replace('"\\u0040first"', '"\\u0040made"')
        .replace('"@first.number"', '"@made.number"')
    )
    assert apply(TEXT, piece().rename(offset, "made").edits) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("second", '"second" is the name of an earlier step too; names are unique'),
        ("SECOND", "differs from the earlier"),
        ("_x", "are the engine's"),
        ("a b", "a name begins with a letter"),
        ("", "this is empty"),
        ("x" * 65, "a name has at most 64"),
        ("first", 'The step is named "first" already.'),
        ('"', "a name begins with a letter"),
    ],
)
def test_a_name_that_the_check_refuses_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        piece().rename(TEXT.index('"first"'), name)


@pytest.mark.parametrize(
    ("at", "by", "reason"),
    [
        ("first", 1, 'the step "first" runs later|no step is named "first"'),
        ("first", -1, "is the first of its list"),
        ("second", 1, "is the last of its list"),
        ("outputs", 1, "The cursor stands in no step"),
    ],
)
def test_a_step_is_not_moved_where_it_could_not_run(at: str, by: int, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        piece().move(TEXT.index(f'"{at}"'), by)


def test_a_document_that_does_not_check_can_be_edited_all_the_same() -> None:
    text = '{"procedures": [{"name": "b", "mod": "x", "params": {"a": "@a.x"}}, {"name": "a"}]}'
    moved = apply(text, piece(text).move(text.index('"a"}'), -1).edits)
    assert moved == '{"procedures": [{"name": "a"}, {"name": "b", "mod": "x", "params": {"a": "@a.x"}}]}'
    assert '"@c.x"' in apply(moved, piece(moved).rename(moved.index('"a"'), "c").edits)


@pytest.mark.parametrize("text", ['{"procedures": [', "", "[1", '{"a": 1, "a": 2}', "\ud800", "x" * 2_000_000])
def test_what_is_not_json_is_not_edited(text: str) -> None:
    with pytest.raises(Refused, match="before it is right as JSON"):
        piece(text)


@pytest.mark.parametrize("text", ["[]", "1", "{}", '{"procedures": {}}', '{"procedures": "x"}'])
def test_without_a_list_of_steps_nothing_is_inserted(text: str) -> None:
    entry = catalogue(_scene.REGISTRY).entries[0]
    with pytest.raises(Refused, match='no list "procedures"'):
        piece(text).insert(0, entry)


def test_a_step_without_a_name_is_neither_renamed_nor_duplicated() -> None:
    text = '{"procedures": [{"mod": "x"}, {"name": 5}]}'
    for offset in (20, 35):
        for change in (piece(text).duplicate, lambda at: piece(text).rename(at, "x")):
            with pytest.raises(Refused, match="no name yet"):
                change(offset)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"procedures": []}', '{"procedures": [STEP]}'),
        ('{\n  "procedures": []\n}\n', '{\n  "procedures": [\n    STEP\n  ]\n}\n'),
        ('{\n "procedures":\n [ ]}', '{\n "procedures":\n [\n  STEP\n ]}'),
    ],
)
def test_the_first_step_is_laid_out_as_the_document_is(text: str, expected: str) -> None:
    entry = next(one for one in catalogue(_scene.REGISTRY).entries if one.method == "make")
    flat = " ".join(apply(text, piece(text).insert(0, entry).edits).split()).replace("[ {", "[{").replace("} ]", "}]")
    step = '{"name": "make", "mod": "common.Typed", "method": "make", "params": {}}'
    shown = " ".join(expected.replace("STEP", step).split()).replace("[ {", "[{").replace("} ]", "}]")
    assert flat.replace("{ ", "{").replace(" }", "}") == shown.replace("{ ", "{").replace(" }", "}")


@pytest.mark.parametrize(
    ("wanted", "taken", "found"),
    [
        ("a", set(), "a"),
        ("a", {"A"}, "a2"),
        ("step1", {"step1", "step2"}, "step3"),
        ("x" * 64, {"x" * 64}, "x" * 63 + "2"),
        ("step9", {"step9"}, "step10"),
    ],
)
def test_a_free_name_counts_on(wanted: str, taken: set[str], found: str) -> None:
    assert free_name(wanted, taken) == found
