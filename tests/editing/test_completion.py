"""Completion: what it offers at a place of a text, whole or half typed, and that what it offers is right there."""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flows.editing.completion import MOST, Completion, Site, complete
from flows.editing.tree import find, parse_tree
from flows.engine import check
from flows.engine.catalogue import catalogue
from flows.engine.checker import no_flows
from tests.engine import keys_errors
from tests.engine.keyprocs import _scene
from tests.engine.made_flows import Maker

SITE = Site(_scene.REGISTRY, catalogue(_scene.REGISTRY), keys_errors.source, ("greet", "plain", "main"), "main")

MADE = '{"name": "made", "mod": "common.Typed", "method": "make"}'


def at_cursor(text: str, site: Site = SITE) -> Completion:
    """Complete where the bar stands."""
    return complete(text.replace("|", ""), text.index("|"), site)


def labels(text: str) -> list[str]:
    return [one.label for one in at_cursor(text).candidates]


def taking(rest: str) -> str:
    return f'{{"procedures": [{MADE}, {{"name": "b", "mod": "common.Typed", "method": "take", {rest}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"procedures": [{"name": "a", "mod": "|', ["common.Kt", "common.Play", "common.Typed"]),
        ('{"procedures": [{"name": "a", "mod": "common.T|"}]}', ["common.Typed"]),
        ('{"procedures": [{"mod": "common.Typed", "method": "|"}]}', ["make", "take"]),
        ('{"procedures": [{"method": "|", "mod": "common.Typed"}]}', ["make", "take"]),
        ('{"procedures": [{"mod": "nothing", "method": "|"}]}', []),
        ('{"procedures": [{"flow": "|', ["greet", "plain"]),
        ('{"procedures": [{"flow": "greet", "inputs": {"|', ["name", "times"]),
        (taking('"params": {"|'), ["number", "text", "mode", "rows", "ratio"]),
        (taking('"params": {"number": 1, "|": 2}}]}'), ["text", "mode", "rows", "ratio"]),
        (taking('"params": {"mode": "|"}}]}'), ["fast", "slow", "@made.text", "@_runtime.flow"]),
        (taking('"params": {"number": "@made.n|'), ["@made.number"]),
        (taking('"params": {"rows": "@m|'), ["@made.rows"]),
        (taking('"params": {"rows": [{"id": "@made.first.|'), ["@made.first.id"]),
        (taking('"params": {"rows": [{"|'), ["id", "name"]),
        (taking('"when": "@|"}]}'), ["@made.ok"]),
        (taking('"when": {"not": "@|"}}]}'), ["@made.ok"]),
        (taking('"foreach": "@m|"}]}'), ["@made.rows"]),
        (taking('"foreach": "@made.rows", "params": {"number": "@_item.|"}}]}'), ["@_item.id"]),
        (taking('"foreach": "@made.rows", "params": {"number": "@_in|"}}]}'), ["@_index"]),
        (taking('"params": {}}], "outputs": {"x": "@made.r|"'), ["@made.rows"]),
        ('{"on_failure": [{"name": "h", "mod": "common.Play", "method": "act", "params": {"x": "@_error.t|"',
         ["@_error.type"]),
        ('{"inputs": {"a": {"type": "|"}}}', ["string", "integer", "number", "boolean", "object", "array"]),
        ('{"inputs": {"a": {"type": "string"}}, "procedures": [{"mod": "common.Play", "params": {"x": "@_input.|',
         ["@_input.a"]),
        ('{"procedures": [{"continue_on_error": |', ["true", "false"]),
        ('{"procedures": [{"retry": {"max_attempts": 2, "d|', ["delay"]),
        ('{"d|', ["description"]),
        ('{"procedures": [{"mod": "x", "f|', ["foreach"]),
        ('{"procedures": [{"flow": "x", "m|', ["name", "timeout"]),
        ('{"procedures": [{"description": "m|', []),
        ('{"procedures": []}|', []),
        ('|{"procedures": []}', []),
        ('{"procedures": [{"name": "a"| }]}', []),
    ],
)  # fmt: skip
def test_what_is_offered(text: str, expected: list[str]) -> None:
    found = labels(text)
    assert [one for one in found if one in expected or not expected] == expected


def test_a_handler_reads_the_error_and_no_step() -> None:
    text = f'{{"procedures": [{MADE}], "on_failure": [{{"mod": "common.Play", "method": "act", "params": {{"x": "@|'
    assert labels(text) == [
        "@_error", "@_error.step", "@_error.type", "@_error.message",
        "@_runtime", "@_runtime.start_time", "@_runtime.flow", "@_runtime.run_id",
    ]  # fmt: skip


def test_only_earlier_steps_are_offered_the_nearest_first_and_none_that_may_be_missing() -> None:
    play = '"mod": "common.Typed", "method": "make"'
    steps = [
        f'{{"name": "one", {play}}}',
        f'{{"name": "fragile", {play}, "continue_on_error": true}}',
        f'{{"name": "maybe", {play}, "when": "@one.ok"}}',
        f'{{"name": "two", {play}}}',
    ]
    before = '{"procedures": [' + ", ".join(steps)
    last = ', {"name": "now", "mod": "common.Play", "method": "act"%s, "params": {"x": "@|"}}, {"name": "later"}]}'
    plain = [one for one in labels(before + last % "") if "." not in one]
    assert plain == ["@two", "@one", "@_runtime"]
    with_when = [one for one in labels(before + last % ', "when": "@one.ok"') if "." not in one]
    assert with_when == ["@two", "@maybe", "@one", "@_runtime"]


def test_what_is_assumed_stands_last_and_says_so() -> None:
    found = at_cursor(taking('"params": {"text": "@|')).candidates
    told = [(one.label, one.detail) for one in found]
    assert told[0] == ("@made.text", "string")
    assert ("@made.extra", "string, assumed") in told[2:]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('{"procedures": [{"mod": "common.K|', '{"procedures": [{"mod": "common.Kt"'),
        ('{"procedures": [{"mod": "com|x.y"}]}', '{"procedures": [{"mod": "common.Kt"}]}'),
        ('{"procedures": [{"mod": "xy|x.y"}]}', None),
        ('{"procedures": [{"mod": |}]}', '{"procedures": [{"mod": "common.Kt"}]}'),
        ('{"procedures": [{"mod": "common.K|\n}]}', '{"procedures": [{"mod": "common.Kt"\n}]}'),
        ('{"procedures": [{"mod": "common.K|t"}]}', '{"procedures": [{"mod": "common.Kt"}]}'),
        ('{"out|}', '{"outputs": '),
        ('{"out|": {}}', '{"outputs": {}}'),
        ("{|}", '{"$schema": }'),
        ('{"procedures": [{"continue_on_error": f|}]}', '{"procedures": [{"continue_on_error": false}]}'),
    ],
)
def test_a_candidate_replaces_the_string_or_word_at_the_cursor(text: str, written: str | None) -> None:
    plain = text.replace("|", "")
    start, end, candidates = at_cursor(text)
    result = plain[:start] + candidates[0].text + plain[end:] if candidates else None
    assert result is None if written is None else str(result).startswith(written)


def test_of_many_candidates_a_hundred_are_offered() -> None:
    steps = [{"name": f"s{number}", "mod": "common.Typed", "method": "make"} for number in range(200)]
    text = json.dumps({"procedures": [*steps, {"mod": "common.Play", "method": "act", "params": {"x": "@"}}]})
    found = complete(text, text.index('"@"') + 2, SITE).candidates
    assert len(found) == MOST
    assert found[0].label == "@s199"


def test_what_is_too_large_is_not_looked_at() -> None:
    assert complete('{"' + "x" * 2_000_000, 2, SITE) == Completion(2, 2)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_every_reference_that_is_offered_may_stand_there(seed: int) -> None:
    flow = Maker(Random(seed), 0.0).make()
    site = Site(flow.registry, catalogue(flow.registry), flow.child_text)
    report = flow.check()
    assume(report.definition is not None)
    text = flow.text
    for verdict in report.verdicts[:6]:
        node = find(parse_tree(text), verdict.path)
        if node is None or text[node.start : node.start + 2] != '"@':
            continue
        start, end, candidates = complete(text, node.start + 2, site)
        for one in candidates[:8]:
            after = check(text[:start] + one.text + text[end:], flow.registry, flow.child_text)
            # A `when` or `foreach` that changes may spoil what hangs on it, elsewhere.
            assert verdict.pointer not in [finding.pointer for finding in after.findings]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_no_beginning_of_a_flow_and_no_offset_is_too_odd(seed: int) -> None:
    random = Random(seed)
    text = json.dumps(Maker(random, 0.5).make().document, indent=random.choice([None, 2]))
    for _ in range(40):
        begun = text[: random.randrange(len(text))]
        offset = random.randrange(len(begun) + 1)
        start, end, _ = complete(begun, offset, Site(_scene.REGISTRY, SITE.catalogue, no_flows))
        assert 0 <= start <= offset <= end <= len(begun)
