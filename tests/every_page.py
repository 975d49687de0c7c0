"""Rows for every page of the admin, with one text in all that a row may hold, and the address of each page."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, reverse
from django.utils import timezone

import wfsite.urls  # noqa: F401  (loads the pages)
from flows.models import Flow, FlowVersion, Run, Schedule, Status, StepRun, StepStatus, SysLog, Trigger

NAMED_BY_WORDS = {"mod": "common.Kt", "method": "prt", "step": "load", "number": 1}
PREFIX = "flows_"


@dataclass(frozen=True)
class Rows:
    """One row of each table; a second run, so that two can be compared."""

    flow: Flow
    schedule: Schedule
    run: Run
    other_run: Run
    step_run: StepRun
    log_row: SysLog

    def values(self, name: str) -> dict[str, Any]:
        """Return what the address of a page may hold."""
        model = name.removeprefix(PREFIX).split("_")[0]
        row = {"flow": self.flow, "run": self.run, "syslog": self.log_row}[model]
        what = "params" if "step_text" in name else "inputs"
        numbers = {"object_id": row.pk, "run_id": self.run.pk, "step_run_id": self.step_run.pk, "what": what}
        return NAMED_BY_WORDS | numbers | {"schedule_id": self.schedule.pk}


def every_url() -> list[URLPattern]:
    """Return the named addresses of the flows in the admin, as the resolver knows them."""
    patterns = [pattern for entry in admin.site.get_urls() for pattern in getattr(entry, "url_patterns", ())]
    return [pattern for pattern in patterns if (pattern.name or "").startswith(PREFIX)]


def address(pattern: URLPattern, rows: Rows) -> str:
    """Return the address of a page that shows these rows."""
    values = rows.values(str(pattern.name))
    return reverse(f"admin:{pattern.name}", kwargs={key: values[key] for key in pattern.pattern.converters})


def make_rows(text: str) -> Rows:
    """Store rows that hold a text wherever one may stand; each is cut to the length of its column."""
    flow = _flow(text)
    run, other_run = _run(flow, text, 1), _run(flow, text, 2)
    step_runs = [_step_run(one, text, status) for one in (run, other_run) for status in StepStatus.values]
    _version(flow, text, 1, enabled=True)
    _version(flow, text + " ", 2, enabled=False)
    log = [SysLog.objects.create(created_at=timezone.now(), **_log(run, text, level)) for level in ("ERROR", text[:16])]
    return Rows(flow, _schedule(flow, text), run, other_run, step_runs[0], log[0])


def _document(text: str) -> str:
    """Return a document that is wrong in places, with the text in keys and in values."""
    step = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": text, text: [text, "@load." + text]}}
    inputs = {"who": {"type": "string", "description": text, "default": text}, text: {"type": "string"}}
    steps = [step, {**step, "name": text, "description": text}, {"name": "x", "mod": text, "method": text}]
    return json.dumps({"description": text, "inputs": inputs, "procedures": steps, text: text})


def _flow(text: str) -> Flow:
    return Flow.objects.create(flow_name=text[:128], flow_json=_document(text), enabled=True)


def _schedule(flow: Flow, text: str) -> Schedule:
    return Schedule.objects.create(
        flow_name=flow.flow_name,
        cron="30 2 * * *",
        zone="Europe/Berlin",
        inputs=json.dumps({"who": text, text: text}),
        note=text[:200],
        next_due=2**31,
        last_due=2**30,
        trouble=text,
    )


def _version(flow: Flow, text: str, number: int, *, enabled: bool) -> None:
    FlowVersion.objects.create(
        flow_id=flow.pk,
        number=number,
        author=text[:150],
        why=text[:200],
        changes=text[:200],
        flow_name=flow.flow_name,
        document=_document(text),
        document_hash=str(number),
        enabled=enabled,
        deleted=False,
    )


def _run(flow: Flow, text: str, number: int) -> Run:
    values = json.dumps({"who": text, text: number})
    return Run.objects.create(
        flow_id=flow.pk,
        flow_name=flow.flow_name,
        status=Status.INTERRUPTED if number == 1 else Status.FAILED,
        trigger=Trigger.COMMAND,
        asked_by=text[:150],
        cancel_asked_by=text[:150],
        key=text[:200],
        definition=flow.flow_json,
        definition_hash="",
        inputs=values,
        outputs=values,
        warnings=json.dumps([text]),
        created_at=timezone.now(),
        started_at=timezone.now(),
        steps_total=2,
        step=text[:400],
        step_attempt=1,
        failed_step=text[:400],
        error_type=text[:200],
        error_message=text,
    )


def _step_run(run: Run, text: str, status: str) -> StepRun:
    return StepRun.objects.create(
        run=run,
        path="load" if status == StepStatus.SUCCEEDED else f"{status}{text}"[:400],
        attempt=1,
        status=status,
        procedure=text[:255],
        params=json.dumps({text: text, "run": run.pk}),
        result=json.dumps({"msg": text}),
        not_storable=text,
        error_type=text[:200],
        error_message=text,
        traceback=text,
        started_at=timezone.now(),
        ended_at=timezone.now(),
    )


def _log(run: Run, text: str, level: str) -> dict[str, str]:
    place = f"[flow={run.flow_name} run={run.pk} step={text}] "
    return {"level": level, "logger_name": text[:64], "message": place + text}
