"""The parent of the fault tests' workers: has Django loaded, and no connection or thread; it forks on request.

Reads one JSON object a line and answers with a number: `{"fork": {...}}` with the pid, `{"wait": pid}` with how it
ended, `{"warm": flow}`, which runs a flow here so that no worker has to load or compile anything, with 0.
"""

import gc
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

from tests.faults.steps.common.Marked import FOLDER

NOT_TAKEN = 3
STOPPED = 4
NO_DATABASE = 5
BROKEN = 9


def main() -> None:
    """Serve until the other end is closed."""
    django.setup()
    answers: dict[str, Callable[[Any], int]] = {"fork": _fork, "wait": _wait, "warm": _warm}
    for line in sys.stdin:
        [(kind, value)] = json.loads(line).items()
        sys.stdout.write(f"{answers[kind](value)}\n")
        sys.stdout.flush()


def _warm(flow: str) -> int:
    from django.db import connections  # noqa: PLC0415

    from flows import runs  # noqa: PLC0415

    runs.run_flow(flow)
    connections.close_all()
    # A child that collects garbage would copy all of the parent's memory.
    gc.freeze()
    assert threading.active_count() == 1
    return 0


def _fork(work: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = BROKEN
    try:
        output = os.open(work["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for number in (1, 2):
            os.dup2(output, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        code = _worked(work)
    except BaseException:  # noqa: BLE001  (told, and the child must not go on as a parent)
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int) -> int:
    """Return how a worker ended, as a shell would say it; 128 + 19 is one that is stopped, and lives."""
    _pid, status = os.waitpid(pid, os.WUNTRACED)
    return 128 + os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


def _worked(work: dict[str, Any]) -> int:
    from django.db import Error  # noqa: PLC0415

    from flows import failpoints, runs  # noqa: PLC0415
    from tests.faults.broken import CHANGES  # noqa: PLC0415

    os.environ[FOLDER] = work["journal"]
    if "project" in work:
        from procedures.common import _files  # noqa: PLC0415

        _files.PROJECT = Path(work["project"])
    for name in work.get("changes", ()):
        CHANGES[name]()
    failpoints.arm(work.get("failpoint", ""))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _done(work)
    except (runs.RunNotTaken, runs.FlowIsActive, runs.RunEnded) as error:
        _say(str(error))
        return NOT_TAKEN
    except runs.RunStopped as stopped:
        _say(repr(stopped))
        number = getattr(stopped, "signal", None)
        return 128 + number if number else STOPPED
    except Error as error:
        _say(repr(error))
        return NO_DATABASE


def _say(text: str) -> None:
    # One write, so that the lines of several workers do not mix: print makes two where Python does not buffer.
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _done(work: dict[str, Any]) -> int:
    from flows import runs  # noqa: PLC0415
    from flows.models import Trigger  # noqa: PLC0415
    from flows.services import runnable  # noqa: PLC0415

    if "reap" in work:
        return len(runs.reap_runs())
    if "flow" in work:
        outcome = runs.run_now(runnable(work["flow"]), {}, runs.Asked(Trigger.API, key=work.get("key", "")))
    elif "resume" in work:
        waiting = runs.resume_run(work["resume"], runs.Asked(Trigger.API))
        outcome = runs.execute_when_free(waiting.pk)
    else:
        for _ in range(work.get("again", 0)):
            _delivered_again(work["execute"])
        outcome = runs.execute_run(work["execute"])
    if "context" in work:
        Path(work["context"]).write_text(json.dumps(outcome.context, ensure_ascii=False))
    return 0 if outcome.succeeded else 1


def _delivered_again(run_id: int) -> None:
    from flows import runs  # noqa: PLC0415

    try:
        runs.execute_run(run_id)
    except (runs.RunNotTaken, runs.FlowIsActive):
        return


if __name__ == "__main__":
    main()
