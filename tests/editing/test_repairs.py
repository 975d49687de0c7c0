"""Repairs: each mends its finding, and what lacks only what can be mended is mended to the end."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.editing.edits import Refused, apply
from flows.editing.refactor import Check, Workpiece
from flows.editing.tree import exact_pointer
from flows.engine import Finding, Report, check
from tests.engine import bad_documents, keys_errors, stage
from tests.engine.keyprocs import _scene
from tests.engine.made_flows import Maker


def of_stage(text: str) -> Report:
    return check(text, stage.REGISTRY)


def of_keys(text: str) -> Report:
    return check(text, keys_errors.REGISTRY, keys_errors.source, name="main")


def of_scene(text: str) -> Report:
    return check(text, _scene.REGISTRY)


CASES = [
    *((bad.text, of_stage) for bad in bad_documents.ALL if isinstance(bad.text, str)),
    *((bad.text, of_keys) for bad in keys_errors.ALL if isinstance(bad.text, str)),
]


def repaired(text: str, finding: Finding, checker: Check) -> str:
    return apply(text, Workpiece(text, checker).repair(exact_pointer(finding.path), finding.message).edits)


def hold_repairs(text: str, checker: Check) -> int:
    """Do each repair that is offered, each on the text as it is; return how many there were."""
    findings = checker(text).findings
    with_repair = [one for one in findings if one.repair]
    for finding in with_repair:
        left = checker(repaired(text, finding, checker)).findings
        assert (finding.path, finding.message) not in [(one.path, one.message) for one in left]
    return len(with_repair)


def test_every_repair_of_the_tables_of_bad_documents_removes_its_finding() -> None:
    assert sum(hold_repairs(text, checker) for text, checker in CASES) > 60


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_every_repair_in_a_made_up_flow_removes_its_finding(seed: int) -> None:
    random = Random(seed)
    flow = Maker(random, 0.7).make()
    for steps in (flow.document["procedures"], flow.document.get("on_failure", [])):
        for step in steps:
            if random.random() < 0.3:
                step[random.choice(["nam", "whenn", "parms", "retri"])] = {}
            if random.random() < 0.3:
                step.pop("params", None)
    hold_repairs(json.dumps(flow.document, indent=2), lambda text: check(text, flow.registry, flow.child_text))


@pytest.mark.parametrize(
    ("step", "repair", "mended"),
    [
        ({"params": {"number": "@made.nmber"}}, 'Write "@made.number"', {"params": {"number": "@made.number"}}),
        ({"params": {"number": "@mad.number"}}, 'Write "@made.number"', {"params": {"number": "@made.number"}}),
        ({"when": {"not": "@mad.ok"}}, 'Write not "@made.ok"', {"when": {"not": "@made.ok"}}),
        ({"foreach": "@made.rowz"}, 'Write "@made.rows"', {"foreach": "@made.rows"}),
        (
            {"params": {"number": 1, "text": "@made.rowz.0.name"}},
            'Write "@made.rows.0.name"',
            {"params": {"number": 1, "text": "@made.rows.0.name"}},
        ),
        ({"params": {"numbr": 1}}, 'Call it "number"', {"params": {"number": 1}}),
        ({"params": {}}, 'Add "number"', {"params": {"number": 0}}),
        ({"params": None}, 'Add "params"', {"params": {"number": 0}}),
        ({"parms": {"number": 1}, "params": None}, 'Call it "params"', {"params": {"number": 1}}),
        ({"colour": 1}, 'Call it "_colour"', {"_colour": 1}),
        ({"method": "tak"}, 'Write "take"', {"method": "take"}),
        ({"mod": "comon.Typed"}, 'Write "common.Typed"', {"mod": "common.Typed"}),
        ({"mod": "Typed"}, 'Write "common.Typed"', {"mod": "common.Typed"}),
        (
            {"params": {"number": 1, "text": "@ made.text"}},
            'Write "@made.text"',
            {"params": {"number": 1, "text": "@made.text"}},
        ),
        (
            {"params": {"number": 1, "text": "@a b..c"}},
            'Write "@@a b..c"',
            {"params": {"number": 1, "text": "@@a b..c"}},
        ),
    ],
)
def test_a_repair_says_what_it_does_and_does_it(
    step: dict[str, object], repair: str, mended: dict[str, object]
) -> None:
    wrong = {"name": "b", "mod": "common.Typed", "method": "take", "params": {"number": 1}} | step
    wrong = {key: value for key, value in wrong.items() if value is not None}
    text = json.dumps({"procedures": [{"name": "made", "mod": "common.Typed", "method": "make"}, wrong]}, indent=1)
    finding = next(one for one in of_scene(text).findings if str(one.repair) == repair)
    found = json.loads(repaired(text, finding, of_scene))["procedures"][1]
    assert {key: found[key] for key in mended} == mended
    assert found.keys() - mended.keys() == wrong.keys() - step.keys() - mended.keys()


def test_a_repair_changes_nothing_else_of_the_text() -> None:
    text = '{"_n":{"b":1.0,"a":12345678901234567},"procedures":[ {"name":"a","mod":"common.Ply","method" : "act"}\n]}'
    (finding,) = of_scene(text).findings
    assert repaired(text, finding, of_scene) == text.replace('"common.Ply"', '"common.Play"')


def test_a_finding_that_is_gone_is_not_mended() -> None:
    text = '{"procedures": []}'
    with pytest.raises(Refused, match="no longer finds this"):
        Workpiece(text, of_scene).repair("/procedures/0/mod", "whatever")


def test_removing_a_key_takes_its_comma_along() -> None:
    step = '{"name": "a", "mod": "common.Play", "method": "act", "continue_on_error": true, "params": {}}'
    text = f'{{"procedures": [], "on_failure": [{step}]}}'
    (finding,) = of_scene(text).findings
    assert repaired(text, finding, of_scene) == text.replace(', "continue_on_error": true', "")
    first = text.replace('"continue_on_error": true, ', "").replace('{"name"', '{"continue_on_error": true, "name"')
    (finding,) = of_scene(first).findings
    assert repaired(first, finding, of_scene) == text.replace(', "continue_on_error": true', "")
