"""The proof is held to its word: what is proved never fails, and what is refused could never have worked."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flows.engine import (
    Certainty,
    FlowDefinition,
    InvalidCondition,
    RunFailed,
    RunSucceeded,
    StepFailed,
    UnresolvedReference,
    Verdict,
    execute,
)
from flows.engine.references import compile_value, look_up, resolve
from flows.engine.types import Fit, fit, from_annotation, type_of
from tests.engine.made_flows import ERROR, RUNTIME, Boom, MadeFlow, Maker, steps_of
from tests.engine.shapes import Record, Shape, shape

SEEDS = st.integers(0, 2**48)
RUNS = 8
"""How many times each proved flow is run, and each refused reference is tried, with other results."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def hold(law: Callable[[int], None], examples: int) -> None:
    """Try a law with made-up seeds: in the default run the same ones each time, in the long one new ones."""
    tried = given(SEEDS)(law)
    settings(
        max_examples=examples,
        derandomize=examples < 5_000,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )(tried)()


# --- types -----------------------------------------------------------------------------------------------------------


def hold_types_to_their_word(examples: int) -> Counter[str]:
    counts: Counter[str] = Counter()

    def holds(seed: int) -> None:
        random = Random(seed)
        given, wanted = shape(random), shape(random)
        source, target = from_annotation(given.annotation()), from_annotation(wanted.annotation())
        assert fit(source, source) is Fit.ALWAYS
        found = fit(source, target)
        counts[found.value] += 1
        event(found.value)
        for _ in range(RUNS):
            value = given.value(random)
            assert fit(type_of(value), source) is not Fit.NEVER, (value, source)
            assert found is Fit.SOMETIMES or wanted.holds(value) is (found is Fit.ALWAYS), (value, source, target)

    hold(holds, examples)
    return counts


def test_a_value_fits_where_its_type_always_fits_and_never_where_it_never_does() -> None:
    counts = hold_types_to_their_word(1500)
    assert min(counts[one.value] for one in Fit) > 50, counts


# --- proved ----------------------------------------------------------------------------------------------------------


def hold_proofs_to_their_word(examples: int) -> Counter[str]:
    """Run flows of which every reference is proved, with other results each time."""
    counts: Counter[str] = Counter()

    def holds(seed: int) -> None:
        flow = Maker(Random(seed), bold=0.02).make()
        report = flow.check()
        verdicts = list(all_verdicts(flow))
        counts["flows"] += 1
        proved = {verdict.certainty for verdict in verdicts} == {Certainty.PROVED}
        event(f"proved: {proved}")
        if report.definition is None or not proved:
            return
        counts["proved flows"] += 1
        counts["proved references"] += len(verdicts)
        counts.update(feature for feature in features(flow))
        for number in range(RUNS):
            run_once(flow, report.definition, number, counts)

    hold(holds, examples)
    return counts


def all_verdicts(flow: MadeFlow) -> Iterator[Verdict]:
    """Yield the verdicts on a flow and on those that it runs as steps; each has a report of its own."""
    yield from flow.check().verdicts
    for child in flow.children.values():
        yield from all_verdicts(child)


def run_once(flow: MadeFlow, definition: FlowDefinition, seed: int, counts: Counter[str]) -> None:
    flow.registry.random = Random(seed)
    events = list(execute(definition, flow.input_values(Random(seed)), flow="made"))
    errors = [one.error for one in events if isinstance(one, StepFailed | RunFailed)]
    for error in errors:
        if not isinstance(error, Boom):
            error.add_note(flow.text)
            raise error
    assert isinstance(events[-1], RunFailed if "on_failure" in flow.document else RunSucceeded)
    counts["runs"] += 1
    counts["steps"] += len(events) // 2


def features(flow: MadeFlow) -> Iterator[str]:
    for place, step in steps_of(flow.document):
        yield from (key for key in ("when", "foreach", "flow") if key in step)
        yield place.split("/")[1]
        if "@_item" in str(step):
            yield "_item"
    if flow.document["outputs"]:
        yield "outputs"


FEATURES = ("when", "foreach", "flow", "_item", "outputs", "on_failure")


def test_a_flow_of_which_all_references_are_proved_never_fails_with_an_unresolved_reference_or_a_wrong_type() -> None:
    counts = hold_proofs_to_their_word(500)
    assert counts["proved flows"] > 200, counts
    assert counts["proved references"] > 1000, counts
    assert min(counts[feature] for feature in FEATURES) > 10, counts


# --- wrong -----------------------------------------------------------------------------------------------------------


def hold_refusals_to_their_word(examples: int) -> Counter[str]:
    """Try each reference that is refused with results of the declared types."""
    counts: Counter[str] = Counter()

    def holds(seed: int) -> None:
        random = Random(seed)
        flow = Maker(random, bold=0.5).make()
        report = flow.check()
        wrong = {
            verdict.pointer: verdict.reference
            for verdict in report.verdicts
            if verdict.certainty is Certainty.WRONG and verdict.reference is not None
        }
        counts.update(verdict.certainty.value for verdict in report.verdicts)
        event(f"wrong: {bool(wrong)}")
        for _ in range(RUNS if wrong else 0):
            results = sample(flow, random)
            for pointer, reference in wrong.items():
                for scope in scopes(flow, pointer, results):
                    counts["tried"] += 1
                    refute(reference, flow.wanted.get(pointer), scope, f"{pointer} of {flow.text}")
            for place, step in steps_of(flow.document):
                if "mod" in step and any(pointer.startswith(f"{place}/params/") for pointer in wrong):
                    for scope in scopes(flow, place, results):
                        refute_params(flow, step, scope)

    hold(holds, examples)
    return counts


def refute(reference: Any, wanted: Shape | None, scope: dict[str, Any], place: str) -> None:
    if wanted is None:
        return
    try:
        value = look_up(reference, scope)
    except UnresolvedReference:
        return
    assert not wanted.holds(value), f"{reference} = {value} is a {wanted}: {place}"


def refute_params(flow: MadeFlow, step: dict[str, Any], scope: dict[str, Any]) -> None:
    """Hold a refused step to it that no results let its procedure be called with what it accepts."""
    accepts, _ = flow.registry.shapes[step["mod"]]
    try:
        params = resolve(compile_value(step["params"], (), [], lambda *_: None), scope)
    except UnresolvedReference:
        return
    assert not accepts.holds(params), f"{params} is a {accepts}: {step} of {flow.text}"


def sample(flow: MadeFlow, random: Random) -> dict[str, Any]:
    """Return results of the declared types for every step, whether or not the flow could run."""
    results: dict[str, Any] = {"_runtime": RUNTIME.value(random), "_error": ERROR.value(random)}
    results["_input"] = Record(tuple(flow.inputs.items())).value(random)
    for _, step in steps_of(flow.document):
        items = [one_result(flow, step, random) for _ in range(random.choice((0, 1, 2)))] if "foreach" in step else []
        one = {"items": items, "count": len(items)} if "foreach" in step else one_result(flow, step, random)
        results[step["name"]] = one
    return results


def one_result(flow: MadeFlow, step: dict[str, Any], random: Random) -> Any:
    if "mod" in step:
        return flow.registry.shapes[step["mod"]][1].value(random)
    child = flow.children[step["flow"]]
    definition = child.check().definition
    assert definition is not None
    flow.registry.random = random
    for _ in range(10):
        *_, last = execute(definition, child.input_values(random))
        if isinstance(last, RunSucceeded):
            return last.outputs
    return {}


def scopes(flow: MadeFlow, pointer: str, results: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a place sees: in a repeated step once for each entry."""
    place = "/".join(pointer.split("/")[:3])
    step = dict(steps_of(flow.document)).get(place, {})
    if "foreach" not in step or pointer.startswith((f"{place}/foreach", f"{place}/when")):
        yield results
        return
    try:
        entries = resolve(compile_value({"": step["foreach"]}, (), [], lambda *_: None), results)[""]
    except (UnresolvedReference, InvalidCondition):
        return
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        yield results | {"_item": entry, "_index": index}


def test_no_result_of_the_declared_types_makes_a_refused_reference_work() -> None:
    counts = hold_refusals_to_their_word(300)
    assert counts["wrong"] > 200, counts
    assert counts["tried"] > 2000, counts
    assert counts["proved"] > 200, counts
    assert counts["assumed"] > 100, counts


@pytest.mark.faults
def test_the_laws_hold_for_many_more_types_and_flows() -> None:
    print(hold_types_to_their_word(50_000))
    print(hold_proofs_to_their_word(20_000))
    print(hold_refusals_to_their_word(10_000))
