"""What runs in the process of the queue benchmark that sends: it makes and sends so many runs, or no-op tasks."""
# ruff: noqa: E402  (models can be imported when Django is loaded)

import json
import sys
from time import perf_counter

import django

django.setup()

from flows import runs, services, tasks
from flows.models import Flow, FlowSettings, Run, StepRun, Trigger
from wfsite.celery import app

FLOW = "queue"
DOCUMENT = {"procedures": [{"name": "one", "mod": "Chain", "method": "echo", "params": {"msg": "hello"}}]}


def main() -> None:
    kind, number = sys.argv[1], int(sys.argv[2])
    began = perf_counter()
    if kind == "noop":
        for one in range(number):
            app.send_task("bench.noop", [one], queue="flows")
    else:
        _send_runs(number)
    print(json.dumps({"seconds": perf_counter() - began}))


def _send_runs(number: int) -> None:
    StepRun.objects.all().delete()
    Run.objects.all().delete()
    Flow.objects.update_or_create(flow_name=FLOW, defaults={"flow_json": json.dumps(DOCUMENT), "enabled": True})
    FlowSettings.objects.update_or_create(flow_name=FLOW, defaults={"max_active": 100, "when_active": "queue"})
    flow = services.runnable(FLOW)
    for _ in range(number):
        created = runs.create_run(flow, {}, runs.Asked(Trigger.API))
        if created is not None:
            tasks.enqueue(created[0])


if __name__ == "__main__":
    main()
