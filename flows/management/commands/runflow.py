"""Run one flow and print what happens."""

import argparse
import getpass
import json
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, OutputWrapper

from flows import runs, services, tasks
from flows.engine.text import describe, quoted, visible
from flows.engine.values import InMemory, keep
from flows.log_signal import flushed_at_sigterm
from flows.management.errors import FAILED, REFUSED, reported
from flows.management.progress import Progress, write_line
from flows.models import Flow, Run, Status, Trigger
from flows.outcome import Observer, RunOutcome, unobserved

EXIT_CODES = (
    "Exit codes: 0 succeeded, 1 failed or cancelled, 2 refused before it began, 3 database unavailable, "
    "4 interrupted and resumable, 128+n ended by signal n."
)

MOST_PROCESSES = 256


class Command(BaseCommand):
    help = f"Run a flow. Without a name, list the flows. {EXIT_CODES}"
    # The checks of the whole site take longer than a short flow; the flow itself is checked always.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="the flow to run")
        parser.add_argument("--input", action="append", default=[], metavar="K=V", help="one input of the flow")
        parser.add_argument("--inputs", metavar="FILE", help="a file with the inputs as one JSON object; - for stdin")
        parser.add_argument("--key", default="", metavar="K", help="the same key gives the same run of a flow, once")
        parser.add_argument(
            "--each", metavar="FILE", help="one run for each line of a .jsonl or .csv file; - for stdin"
        )
        parser.add_argument("--processes", type=int, metavar="N", help="with --each: so many processes at once")
        parser.add_argument(
            "--retry-failed", action="store_true", help="with --each: let the runs of lines that failed go on"
        )
        parser.add_argument("--resume", type=int, metavar="RUN", help="go on with a run that did not come to its end")
        parser.add_argument(
            "--edited", action="store_true", help="with --resume: go on with the flow as it is stored now"
        )
        parser.add_argument(
            "--enqueue",
            action="store_true",
            help="have a worker run it, and do not wait for that (FLOWS_DISPATCH=celery)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document with the context")
        parser.add_argument("--plan", action="store_true", help="print what would run, and run nothing")
        parser.add_argument("--step", metavar="STEP", help="run only the procedure of this step, with --params")
        parser.add_argument("--params", metavar="JSON", help="the parameters for --step; default: the step's constants")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        _refuse_what_does_not_fit({**options, "name": name})
        with flushed_at_sigterm(), reported():
            if options["resume"] is not None:
                self._resume(name, options)
            elif name is None:
                self._list()
            elif options["each"] is not None:
                self._run_each(name, options)
            elif options["enqueue"]:
                self._enqueue(name, options)
            elif options["plan"]:
                self._plan(name, options)
            elif options["step"]:
                self._run_step(name, options["step"], options["params"])
            else:
                self._run(name, options)

    def _list(self) -> None:
        flows = Flow.objects.not_deleted().only("flow_name", "enabled")
        for flow in flows:
            state = self.style.SUCCESS("enabled") if flow.enabled else "disabled"
            self.stdout.write(f"{visible(flow.flow_name)}  {state}")
        if not flows:
            self.stdout.write("There are no flows. Add one in the admin, or: python manage.py importflows samples")

    def _plan(self, name: str, options: Mapping[str, Any]) -> None:
        for line in services.plan_flow(name, **_given(options)):
            self.stdout.write(line)

    def _run_step(self, name: str, step: str, params: str | None) -> None:
        given = None if params is None else _json_object(params, "--params")
        outcome = runs.run_step(name, step, given)
        if outcome.error is not None:
            raise CommandError(visible(outcome.summary), returncode=FAILED) from outcome.error
        self.stdout.write(json.dumps(_as_data(outcome)["context"][step], indent=2, ensure_ascii=False))

    def _run(self, name: str, options: Mapping[str, Any]) -> None:
        flow = services.runnable(name)
        inputs = services.inputs_for(flow.definition, **_given(options))
        asked = runs.Asked(Trigger.COMMAND, _user(), options["key"])
        try:
            self._follow(partial(runs.run_now, flow, inputs, asked), len(flow.definition.steps), options)
        except runs.RunEnded as ended:
            self._tell_ended(ended.run, options)

    def _run_each(self, name: str, options: Mapping[str, Any]) -> None:
        from flows.each import Batch  # noqa: PLC0415  (one run needs no pool)
        from flows.management.each import EachLine  # noqa: PLC0415

        batch = Batch(
            services.runnable(name),
            by=_user(),
            name=options["key"],
            retries_failed=options["retry_failed"],
            **_given(options),
        )
        EachLine(self.stdout, self.stderr, self.style, options).run(batch)

    def _enqueue(self, name: str, options: Mapping[str, Any]) -> None:
        flow = services.runnable(name)
        inputs = services.inputs_for(flow.definition, **_given(options))
        created = runs.create_run(flow, inputs, runs.Asked(Trigger.COMMAND, _user(), options["key"]))
        if created is None:
            raise CommandError("a run without a record cannot be handed over; see FLOWS_HISTORY", returncode=REFUSED)
        run, _ = created
        if run.is_ended:
            self._tell_ended(run, options)
            return
        tasks.enqueue(run, lambda text: self.stderr.write(self.style.WARNING(text)))
        if options["json"]:
            self.stdout.write(json.dumps({"flow": run.flow_name, "run_id": run.pk, "status": run.status}, indent=2))
        else:
            self.stdout.write(f"{run} is {run.status}; python manage.py listruns {shlex.quote(run.flow_name)}")

    def _tell_ended(self, run: Run, options: Mapping[str, Any]) -> None:
        """Tell how the run of a key ended; it is not executed again."""
        if options["json"]:
            told = {"flow": run.flow_name, "run_id": run.pk, "status": run.status, "outputs": json.loads(run.outputs)}
            _print_json(self.stdout, told)
        if run.status != Status.SUCCEEDED:
            at = f" at {run.failed_step}" if run.failed_step else ""
            why = f": {run.error_message}" if run.error_message else ""
            raise CommandError(visible(f"{run} {run.status} already{at}{why}"), returncode=FAILED)
        if not options["json"]:
            self.stdout.write(f"{run} succeeded already")

    def _resume(self, name: str | None, options: Mapping[str, Any]) -> None:
        run = runs.find_run(options["resume"])
        if name is not None and run.flow_name != name:
            raise CommandError(f"{run} is no run of flow {quoted(name)}", returncode=REFUSED)
        for change in runs.changes_since(run):
            self.stderr.write(self.style.WARNING(f"since {run} began: {change}"))
        asked = runs.Asked(Trigger.COMMAND, _user(), options["key"])
        take = runs.take_over_edited if options["edited"] else runs.resume_run
        waiting = take(run.pk, asked)
        if waiting.pk != run.pk:
            self.stderr.write(f"{waiting} goes on from {run}")
        self._follow(partial(runs.execute_when_free, waiting.pk), waiting.steps_total, options)

    def _follow(self, execute: Callable[[Observer], RunOutcome], steps: int, options: Mapping[str, Any]) -> None:
        """Execute a run and tell how it goes: its steps as they end, or one JSON document."""
        progress = Progress(self.stdout, self.style, steps)
        try:
            outcome = execute(unobserved if options["json"] else progress)
        finally:
            progress.close()
        if options["json"]:
            _print_json(self.stdout, _as_data(outcome))
        if outcome.error is not None:
            raise CommandError(visible(outcome.summary), returncode=FAILED) from outcome.error
        if not options["json"]:
            for warning in outcome.warnings:
                progress.write(self.style.WARNING(f"warning: {visible(warning)}"))
            progress.write(visible(outcome.summary))


def _print_json(stdout: OutputWrapper, value: Any) -> None:
    try:
        write_line(stdout, json.dumps(value, indent=2, ensure_ascii=False))
    except OSError as error:
        raise CommandError(
            f"run {value['run_id']} is {value['status']}, and this cannot be written: {error}"
        ) from error


def _refuse_what_does_not_fit(options: Mapping[str, Any]) -> None:
    if options["params"] is not None and not options["step"]:
        raise CommandError("--params goes with --step, which names the step to run", returncode=REFUSED)
    _refuse_what_does_not_fit_each(options)
    if options["enqueue"] and settings.FLOWS_DISPATCH == "thread":
        raise CommandError(
            "--enqueue needs workers, and FLOWS_DISPATCH=thread has none: leave it out, and the run is executed here",
            returncode=REFUSED,
        )
    if options["enqueue"] and (options["resume"] is not None or options["step"] or options["plan"]):
        raise CommandError("--enqueue starts a new run; leave out --resume, --step and --plan", returncode=REFUSED)
    if options["edited"] and options["resume"] is None:
        raise CommandError("--edited goes with --resume, which names the run to go on from", returncode=REFUSED)
    if options["resume"] is not None and (options["input"] or options["inputs"] or options["step"] or options["plan"]):
        raise CommandError("--resume takes the inputs and steps of its run; leave out the others", returncode=REFUSED)


def _refuse_what_does_not_fit_each(options: Mapping[str, Any]) -> None:
    if options["each"] is None:
        if options["processes"] is not None or options["retry_failed"]:
            raise CommandError("--processes and --retry-failed go with --each, which names a file", returncode=REFUSED)
        return
    if options["resume"] is not None or options["step"] or options["plan"]:
        raise CommandError("--each starts runs; leave out --resume, --step and --plan", returncode=REFUSED)
    if options["name"] is None:
        raise CommandError("--each needs the name of the flow to run for each line", returncode=REFUSED)
    if options["processes"] is not None and not 1 <= options["processes"] <= MOST_PROCESSES:
        raise CommandError(f"--processes is a number from 1 to {MOST_PROCESSES}", returncode=REFUSED)


def _user() -> str:
    """Return the name of who calls the command, as far as the system knows it."""
    with suppress(OSError, KeyError, ImportError):
        return getpass.getuser()
    return ""


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of the command line: texts from --input, values from --inputs."""
    texts = {}
    for pair in options["input"]:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise CommandError(f"--input {quoted(pair)}: write it as name=value", returncode=REFUSED)
        texts[key] = text
    values = (
        {} if options["inputs"] is None else _json_object(_read(options["inputs"]), f"--inputs {options['inputs']}")
    )
    return {"texts": texts, "values": values}


def _read(path: str) -> str:
    try:
        return Path("/dev/stdin" if path == "-" else path).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"--inputs {quoted(path)} cannot be read: {error}", returncode=REFUSED) from error


def _json_object(text: str, option: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{option} is not JSON: {error}", returncode=REFUSED) from error
    if not isinstance(value, dict):
        raise CommandError(f"{option} must be one JSON object", returncode=REFUSED)
    return value


def _as_data(outcome: RunOutcome) -> dict[str, Any]:
    """Return the outcome as a JSON object; a result that is not storable is replaced by the reason."""
    warnings = {step.name: step.warning for step in outcome.steps if step.warning}
    return {
        "flow": outcome.flow,
        "run_id": outcome.run_id,
        "status": "succeeded" if outcome.succeeded else "failed",
        "error": None if outcome.error is None else describe(outcome.error),
        "failed_step": outcome.failed_step,
        "seconds": round(outcome.seconds, 6),
        "steps": [asdict(step) for step in outcome.steps],
        "warnings": list(outcome.warnings),
        "outputs": _storable(outcome.outputs),
        "context": {
            name: {"_not_storable": warnings[name]} if name in warnings else result
            for name, result in outcome.context.items()
        },
    }


def _storable(outputs: dict[str, Any]) -> dict[str, Any]:
    kept = keep(outputs)
    return {"_not_storable": str(kept.reason)} if isinstance(kept, InMemory) else kept
