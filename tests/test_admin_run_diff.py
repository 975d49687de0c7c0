"""The page that compares two runs: who sees it, what it shows, and that nothing in it is obeyed."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.admin import run_diff
from flows.models import Run, Status, StepRun, Trigger
from tests.acting import Acting, acting
from tests.test_run_diff import a_row, run_once, store
from tests.users import client_with

__all__ = ["acting"]

URL = "/admin/flows/run/diff/"

pytestmark = pytest.mark.django_db


def record(*rows: StepRun, flow: str = "nightly", **values: Any) -> Run:
    defaults = {"status": Status.SUCCEEDED, "trigger": Trigger.COMMAND, "definition": "{}", "seconds": 1.5}
    run = Run.objects.create(flow_name=flow, created_at=timezone.now(), **(defaults | values))
    for row in rows:
        row.run = run
    StepRun.objects.bulk_create(rows)
    return run


@pytest.fixture
def reader() -> Client:
    return client_with("view_run")


def shown(client: Client, old: Run, new: Run | None = None, status: int = 200) -> str:
    """Return the page as its reader sees it: without the runs of white space."""
    response = client.get(URL, {"a": old.pk} | ({"b": new.pk} if new else {}))
    assert response.status_code == status
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_page_wants_the_permission_to_view_runs(client: Client) -> None:
    run = record()
    assert client.get(URL, {"a": run.pk}).status_code == 302
    assert client_with("view_flow", "run_flow", "resume_run").get(URL, {"a": run.pk}).status_code == 403
    assert client_with("view_run").get(URL, {"a": run.pk}).status_code == 200


def test_the_page_is_only_read(reader: Client) -> None:
    assert reader.post(URL, {"a": record().pk}).status_code == 405


@pytest.mark.parametrize("query", ["", "?a=x", "?a=-1", "?a=٣", "?a=9999999999999999999999", "?a=4711", "?a={}&b=4711"])
def test_a_run_that_is_not_there_is_a_page_that_is_not_there(reader: Client, query: str) -> None:
    assert reader.get(URL + query.format(record().pk)).status_code == 404


def test_without_a_second_run_one_of_the_newest_of_the_flow_is_chosen(reader: Client) -> None:
    run = record()
    others = [record() for _ in range(22)]
    stranger = record(flow="other")
    page = shown(reader, run)
    offered = re.findall(r'<option value="(\d+)"', page)
    assert offered == [str(other.pk) for other in reversed(others[-20:])]
    assert str(stranger.pk) not in offered
    assert "selected" in shown(reader, run, others[0])


def test_a_run_that_is_the_only_one_of_its_flow_has_nothing_to_choose(reader: Client) -> None:
    assert "There is no other run of this flow" in shown(reader, record())


def test_runs_of_different_flows_are_refused(reader: Client) -> None:
    page = shown(reader, record(), record(flow="other"), status=400)
    assert "are runs of different flows" in page


def test_the_first_divergence_is_marked_and_linked_and_equal_steps_are_folded(reader: Client) -> None:
    old = record(a_row("a", {}), a_row("b", {}), a_row("c", {"n": 1}), a_row("d", {"n": 1}), inputs='{"n": 1}')
    new = record(a_row("a", {}), a_row("b", {}), a_row("c", {"n": 2}), a_row("d", {"n": 2}), inputs='{"n": 2}')
    page = shown(reader, old, new)
    assert '<a href="#first-divergence">c</a>' in page
    assert page.count('id="first-divergence"') == page.count("first divergence</span>") == 1
    assert "<summary>2 equal steps</summary>" in page
    assert 'inputs <code>/n</code></th> <td data-run="Run' in page
    assert "<code>1</code>" in page
    assert "<code>2</code>" in page


def test_equal_runs_are_said_to_be_equal(reader: Client) -> None:
    old, new = (record(a_row("a", {}, seconds=seconds)) for seconds in (1.0, 3.0))
    page = shown(reader, old, new)
    assert "<b>Equal.</b>" in page
    assert "×3.00" in page  # noqa: RUF001  (the sign that the page shows)
    assert "first-divergence" not in page


def test_a_step_of_one_run_alone_is_shown_on_its_side(reader: Client) -> None:
    page = shown(reader, record(a_row("a", {})), record())
    assert "only in the first" in page
    assert "no outcome of this step" in page


def test_hostile_texts_are_shown_and_not_obeyed(reader: Client) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    wrong = {"status": "failed", "error_type": evil, "error_message": evil}
    values = {"flow": evil, "inputs": '{"<script>k": 1}', "asked_by": evil}
    old = record(a_row(evil, {evil: evil}, {evil: 1}), **values)
    new = record(a_row(evil, None, {evil: 2}, **wrong), **(values | {"inputs": "{}", "status": Status.FAILED}))
    page = shown(reader, old, new)
    assert "<script>alert" not in page
    assert "<script>k" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_page_of_very_many_steps_is_bounded_and_says_so(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_diff, "MOST_BLOCKS", 3)
    monkeypatch.setattr(run_diff, "MOST_EQUAL", 2)
    same = [f"same{number}" for number in range(5)]
    old, new = (record(*[a_row(n, {}) for n in same], *[a_row(f"s{n}", {"n": r}) for n in range(9)]) for r in (1, 2))
    page = shown(reader, old, new)
    assert page.count("<article") == 2
    assert "and 3 more" in page
    assert f"7 more steps differ; <code>python manage.py diffruns {old.pk} {new.pk}</code>" in page


def test_the_number_of_queries_does_not_depend_on_runs_and_steps(reader: Client, acting: Acting) -> None:
    counts = []
    for steps in (1, 10):
        store(*[acting.step(f"s{number}", params={"n": steps}) for number in range(steps)])
        for _ in range(steps):
            run_once()
        old, new = Run.objects.order_by("pk")[0], Run.objects.order_by("-pk")[0]
        with CaptureQueriesContext(connection) as queries:
            shown(reader, old, new if steps > 1 else old)
        counts.append(len(queries))
    assert counts[0] == counts[1] < 14
