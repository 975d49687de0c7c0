"""Every page of the admin: its address, and a site that has something to show on each."""

import json
from typing import Literal

from flows import runs, versions
from flows.log_handler import flush_database_log
from flows.models import Flow, Run, Schedule, SysLog

STEP = {"name": "load", "mod": "common.Kt", "method": "prt", "params": {"msg": "@_input.who"}}
EACH = {"name": "each", "mod": "common.Kt", "method": "prt", "foreach": ["north", "south"], "params": {"msg": "@_item"}}
FAIL = {"name": "print", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
INPUTS = {
    "who": {"type": "string", "default": "me", "description": "Who reads it"},
    "copies": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
    "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
    "dry": {"type": "boolean", "default": False},
}
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (1440, "light"),
    (1440, "dark"),
    (390, "light"),
    (390, "dark"),
)
WRONG = {"name": "mail", "mod": "common.Kt", "method": "prt", "params": {"msg": "@laod.msg"}}


def document(*steps: object) -> str:
    return json.dumps({"inputs": INPUTS, "procedures": steps}, indent=2) + "\n"


def make_site(name: str = "report") -> Flow:
    """Make a flow with versions that ran twice, the second time with success, and return it."""
    flow = Flow(flow_name=name, flow_json=document(STEP, EACH, FAIL), enabled=True)
    with versions.keeping(flow, author="mira", why="Begun"):
        flow.save()
    runs.run_flow(name)
    with versions.keeping(flow, author="jonas", why="Mended"):
        flow.flow_json = document(STEP, EACH)
        flow.save_fields(["flow_json"])
    runs.run_flow(name, inputs={"who": "you"})
    Schedule.objects.create(flow_name=name, cron="30 2 * * *", zone="Europe/Berlin", last_due=1, trouble="no room")
    Flow.objects.create(flow_name="gone", flow_json=document(STEP), deleted=True)
    Flow.objects.create(flow_name="wrong", flow_json=document(STEP, WRONG), enabled=False)
    flush_database_log(5)
    return flow


FOR_ALL = {
    "start": "/admin/",
    "app": "/admin/flows/",
    "flows": "/admin/flows/flow/",
    "flows, none": "/admin/flows/flow/?q=nothing",
    "add": "/admin/flows/flow/add/",
    "procedures": "/admin/flows/flow/procedures/",
    "procedure": "/admin/flows/flow/procedures/common.Kt/prt/",
    "workers": "/admin/flows/flow/workers/",
    "runs": "/admin/flows/run/",
    "runs, none": "/admin/flows/run/?flow=nothing",
    "log": "/admin/flows/syslog/",
    "log, none": "/admin/flows/syslog/?q=nothing",
    "prune": "/admin/flows/syslog/prune/",
}
"""The pages that there are on an empty site, too."""


def pages(flow: Flow) -> dict[str, str]:
    """Return the address of every page of a site that `make_site` made."""
    failed, done = Run.objects.filter(flow_name=flow.flow_name).order_by("pk")[:2]
    schedule = Schedule.objects.filter(flow_name=flow.flow_name).latest("pk")
    here, run = f"/admin/flows/flow/{flow.pk}", f"/admin/flows/run/{failed.pk}"
    ids = {other.flow_name: other.pk for other in Flow.objects.all()}
    return {
        **FOR_ALL,
        "change": f"{here}/change/",
        "change, wrong": f"/admin/flows/flow/{ids['wrong']}/change/",
        "change, deleted": f"/admin/flows/flow/{ids['gone']}/change/",
        "change, version": f"{here}/change/?version=1",
        "delete": f"{here}/delete/",
        "history": f"{here}/history/",
        "versions": f"{here}/versions/",
        "version": f"{here}/versions/1/",
        "compare": f"{here}/versions/compare/?old=1&new=2",
        "run form": f"{here}/run/",
        "run form, refused": f"/admin/flows/flow/{ids['wrong']}/run/",
        "outcome": f"{here}/outcome/",
        "settings": f"{here}/settings/",
        "schedules": f"{here}/schedules/",
        "schedules, none": f"/admin/flows/flow/{ids['wrong']}/schedules/",
        "schedule": f"{here}/schedules/{schedule.pk}/",
        "schedule, delete": f"{here}/schedules/{schedule.pk}/delete/",
        "schedule, new": f"{here}/schedules/add/",
        "run, failed": f"{run}/change/",
        "run, succeeded": f"/admin/flows/run/{done.pk}/change/",
        "resume": f"{run}/resume/",
        "origin": f"{run}/origin/load/",
        "diff, choice": f"/admin/flows/run/diff/?a={failed.pk}",
        "diff": f"/admin/flows/run/diff/?a={failed.pk}&b={done.pk}",
        "log, found": "/admin/flows/syslog/?q=paper&level=ERROR",
        "log row": f"/admin/flows/syslog/{SysLog.objects.order_by('pk')[0].pk}/change/",
    }
