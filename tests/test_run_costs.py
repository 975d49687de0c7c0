"""What a run asks of the database: commits, statements and connections are counted, so that they do not creep up."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from flows.engine import Event, StepRetrying, StepStarted, StepSucceeded
from flows.models import Flow, Run, StepRun, Trigger
from flows.outcome import RunOutcome
from flows.runs import Asked, run_now
from flows.runs.surroundings import undisturbed
from flows.services import Runnable, runnable

pytestmark = pytest.mark.django_db(transaction=True)

STEPS = 12


def chain(steps: int = STEPS) -> Runnable:
    document = {
        "procedures": [
            {"name": f"step{number}", "mod": "common.Kt", "method": "prt", "params": {"msg": f"message {number}"}}
            for number in range(steps)
        ]
    }
    Flow.objects.create(flow_name="chain", flow_json=json.dumps(document), enabled=True)
    return runnable("chain")


def executed(flow: Runnable, observe: Callable[[Event], None] = lambda event: None) -> RunOutcome:
    outcome = run_now(flow, {}, Asked(Trigger.API), observe)
    assert outcome.succeeded
    return outcome


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the statements that the server sees, by their first word: the driver's own COMMIT is one of them."""
    seen: Counter[str] = Counter()
    if connection.vendor == "mysql":
        before = _commands()
        yield seen
        seen.update(_commands() - before)
        return
    raw: Any = connection.connection
    raw.set_trace_callback(lambda sql: seen.update([sql.split()[0].upper()]))
    yield seen
    raw.set_trace_callback(None)


def _commands() -> Counter[str]:
    names = {"Com_commit": "COMMIT", "Com_insert": "INSERT", "Com_update": "UPDATE", "Com_set_option": "SET"}
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Com\\_%'")
        return Counter({names[name]: int(value) for name, value in cursor.fetchall() if name in names})


def test_a_run_of_n_steps_takes_n_plus_two_commits() -> None:
    flow = chain()
    connection.ensure_connection()
    with counted() as seen:
        executed(flow)
    assert seen["COMMIT"] == STEPS + 2
    assert StepRun.objects.count() == STEPS


def test_a_checkpoint_is_one_update_and_one_insert() -> None:
    flow = chain()
    executed(flow)
    with counted() as seen:
        executed(flow)
    assert (seen["INSERT"], seen["UPDATE"]) == (1 + STEPS, STEPS + 1)
    if connection.vendor == "sqlite":
        # None of them is committed by itself.
        assert seen["BEGIN"] == STEPS + 2


def test_a_run_keeps_the_connection_of_its_thread() -> None:
    flow = chain()
    executed(flow)
    raw: Any = connection.connection
    used = []
    executed(flow, lambda event: used.append(connection.connection))
    assert all(one is raw for one in used)
    assert connection.connection is raw


def test_the_start_of_a_step_stands_on_the_run_as_it_will_in_the_row_of_the_step() -> None:
    started = {}

    def look(event: Event) -> None:
        if isinstance(event, StepStarted):
            started[event.step.name] = Run.objects.get().step_started_at

    executed(chain(2), look)
    assert started == dict(StepRun.objects.values_list("path", "started_at"))


def _event(kind: type[Any]) -> Any:
    return kind(*[None] * len(kind._fields))


def test_nobody_watches_a_connection_when_a_run_is_stopped_between_two_attempts() -> None:
    def events() -> Iterator[Event]:
        yield _event(StepRetrying)
        assert connection.execute_wrappers
        raise KeyboardInterrupt

    connection.ensure_connection()
    with pytest.raises(KeyboardInterrupt):
        list(undisturbed(events(), lambda event, change: None))
    assert connection.execute_wrappers == []


def test_a_connection_is_watched_only_while_a_procedure_may_be_called() -> None:
    watched = []

    def events() -> Iterator[Event]:
        for kind in (StepStarted, StepSucceeded, StepStarted):
            watched.append(bool(connection.execute_wrappers))
            yield _event(kind)
        watched.append(bool(connection.execute_wrappers))

    connection.ensure_connection()
    list(undisturbed(events(), lambda event, change: None))
    assert watched == [False, True, False, True]


def test_a_connection_that_broke_in_a_step_is_replaced_before_the_next_checkpoint() -> None:
    def events() -> Iterator[Event]:
        yield _event(StepStarted)
        raw: Any = connection.connection
        raw.close()
        connection.errors_occurred = True
        yield _event(StepSucceeded)

    connection.ensure_connection()
    list(undisturbed(events(), lambda event, change: None))
    assert Run.objects.count() == 0
