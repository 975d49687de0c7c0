"""A run that goes on behind recorded steps ends as if it had never stopped, wherever it was cut."""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.engine import (
    Event,
    Finished,
    FlowDefinition,
    InChild,
    ItemSucceeded,
    RecordedError,
    RunFailed,
    RunSucceeded,
    StepFailed,
    StepReused,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    execute,
)
from flows.engine.finished import child_path, entry_path, kind_of_error
from flows.engine.text import describe
from tests.engine.made_flows import MadeFlow, Maker

BEGAN = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


class Record:
    """What a run left up to a point, by path: the plainest recorder there can be."""

    def __init__(self) -> None:
        self.finished: dict[str, Finished] = {}

    def take(self, event: Event, at: str = "") -> None:
        if isinstance(event, RunSucceeded | RunFailed):
            return
        path = child_path(at, event.step.name) if at else event.step.name
        if isinstance(event, InChild):
            self.take(event.event, path if event.number is None else entry_path(path, event.number))
        elif isinstance(event, StepSucceeded):
            self.finished[path] = Finished(json.loads(json.dumps(event.result)))
        elif isinstance(event, StepFailed):
            self.finished[path] = Finished(error=RecordedError(kind_of_error(event.error), describe(event.error)))
        elif isinstance(event, StepSkipped):
            self.finished[path] = Finished()
        elif isinstance(event, ItemSucceeded):
            self.finished[entry_path(path, event.number)] = Finished(json.loads(json.dumps(event.result)))


def started(event: Event, at: str = "") -> str | None:
    """Return the path of the step that an event starts, at any depth."""
    if isinstance(event, InChild):
        path = child_path(at, event.step.name) if at else event.step.name
        return started(event.event, path if event.number is None else entry_path(path, event.number))
    if not isinstance(event, StepStarted):
        return None
    return child_path(at, event.step.name) if at else event.step.name


def whole(flow: MadeFlow, definition: FlowDefinition, record: Record) -> tuple[list[Event], list[Any]]:
    """Run a flow; return its events, and the state of the procedures after each."""
    flow.registry.random = Random(1)
    events, states = [], []
    for event in execute(definition, flow.input_values(Random(1)), flow="made", start_time=BEGAN):
        events.append(event)
        states.append(flow.registry.random.getstate())
    return events, states


def end_of(events: list[Event]) -> tuple[Any, ...]:
    last = events[-1]
    if isinstance(last, RunSucceeded):
        return json.dumps(last.outputs), last.warnings
    assert isinstance(last, RunFailed)
    return last.step and last.step.name, kind_of_error(last.error), describe(last.error)


def results_of(events: list[Event]) -> str:
    results = {}
    for event in events:
        if isinstance(event, StepSucceeded):
            results[event.step.name] = event.result
        elif isinstance(event, StepReused) and event.outcome.result is not None:
            results[event.step.name] = event.outcome.result
    return json.dumps(results)


def test_a_run_that_was_cut_anywhere_ends_as_the_whole_one_and_executes_nothing_twice() -> None:
    cuts: Counter[str] = Counter()

    @settings(max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**48))
    def holds(seed: int) -> None:
        flow = Maker(Random(seed), bold=0.02).make()
        definition = flow.check().definition
        if definition is None:
            return
        events, states = whole(flow, definition, Record())
        executed = Counter(filter(None, map(started, events)))
        cut = Random(seed).randrange(len(events))
        record = Record()
        for event in events[: cut + 1]:
            record.take(event)
        flow.registry.random.setstate(states[cut])
        again = list(
            execute(
                definition,
                flow.input_values(Random(1)),
                flow="made",
                start_time=BEGAN,
                finished=record.finished,
            )
        )
        assert end_of(again) == end_of(events), flow.text
        assert results_of(again) == results_of(events), flow.text
        before = Counter(filter(None, map(started, events[: cut + 1])))
        after = Counter(filter(None, map(started, again)))
        # A step or sub-flow that was open at the cut starts once more, and nothing else does.
        for path, times in (before + after).items():
            assert times <= executed[path] + 1, (path, flow.text)
        cuts[type(events[cut]).__name__] += 1

    holds()
    assert cuts["StepSucceeded"] > 20
    assert cuts["StepStarted"] > 20
    assert cuts["InChild"] > 5
