"""Flows and runs that tests of the admin make, the addresses of their pages, and what is read there."""

import json
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from flows import runs, services
from flows.models import Flow, Run, Status, StepRun, StepStatus, Trigger

LIST = "/admin/flows/run/"
STEP = {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hi"}}
HELLO = {"procedures": [STEP, {**STEP, "name": "b", "params": {"msg": "@a.msg"}}]}
FAIL = {"name": "bad", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
FAILS = {"procedures": [STEP, FAIL, {**STEP, "name": "c"}]}
ASKS = {
    "inputs": {
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How often"},
        "who": {"type": "string"},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "dry": {"type": "boolean", "default": False},
        "more": {"type": "object", "default": {}},
    },
    "procedures": [{**STEP, "params": {"msg": "@_input.who"}}],
}
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil"


def make_flow(name: str = "hello", document: Any = HELLO, **fields: Any) -> Flow:
    return Flow.objects.create(**{"flow_name": name, "flow_json": json.dumps(document), "enabled": True, **fields})


def make_run(name: str = "hello", document: Any = HELLO, status: str = Status.SUCCEEDED, **fields: Any) -> Run:
    now = timezone.now()
    values = {"definition": json.dumps(document), "definition_hash": "", "created_at": now, "started_at": now}
    values |= {"flow_name": name, "status": status, "trigger": Trigger.COMMAND, "steps_total": 2, "asked_by": "anna"}
    return Run.objects.create(**values | fields)


def add_step(run: Run, path: str, status: str = StepStatus.SUCCEEDED, **fields: Any) -> StepRun:
    values = {"attempt": 1, "procedure": "common.Kt.prt", "params": '{"msg": "hi"}', "result": '{"msg": "hi"}'}
    return StepRun.objects.create(run=run, path=path, status=status, **values | fields)


def recorded(name: str, document: Any, **inputs: Any) -> Run:
    """Run a new flow to its end, as the command does, and return its run."""
    make_flow(name, document)
    outcome = runs.run_now(services.runnable(name), inputs, runs.Asked(Trigger.COMMAND, "anna"))
    assert outcome.run_id
    return Run.objects.get(pk=outcome.run_id)


def page(run: Run, name: str = "change") -> str:
    return reverse(f"admin:flows_run_{name}", args=[run.pk])


def run_page(flow: Flow) -> str:
    return reverse("admin:flows_flow_run", args=[flow.pk])


def text_of(response: Any) -> str:
    assert response.status_code == 200
    text: str = response.content.decode()
    return text


def ids_of(response: Any) -> list[int]:
    return [row.id for row in response.context["rows"]]


def assert_harmless(text: str) -> None:
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b" in text


def queries_of(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)
