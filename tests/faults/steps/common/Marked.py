# ruff: noqa: N999  (the module bears the class's name)
"""Steps that leave a line in the journal of their run before and after their effect."""

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

FOLDER = "FLOWS_TEST_JOURNAL"


def note(run: int, path: str, phase: str) -> None:
    """Append one line in one write, so that lines of several processes do not mix and a kill tears none."""
    line = f"{run} {path} {phase} {os.getpid()} {time.time_ns()}\n".encode()
    file = os.open(Path(os.environ[FOLDER], str(run)), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def lines_of(run: int, path: str, phase: str) -> int:
    """Return how many lines of a step are in the journal of its run."""
    text = Path(os.environ[FOLDER], str(run)).read_text()
    return sum(line.split()[1:3] == [path, phase] for line in text.splitlines())


class Marked:
    """Procedures whose `at` says the path of their step, as the run records it."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def mark(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Take `ms` milliseconds between two lines; return `gives`."""
        run, path = _begin(context, params)
        time.sleep(params.get("ms", 1) / 1000)
        note(run, path, "after")
        return dict(params.get("gives", {"path": path}))

    def wait(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Wait until the file `until` is there, at most 60 seconds."""
        run, path = _begin(context, params)
        gives_up = time.monotonic() + 60
        while not Path(params["until"]).exists() and time.monotonic() < gives_up:
            time.sleep(0.005)
        note(run, path, "after")
        return {"path": path}

    def fail(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Raise the first `times` times."""
        run, path = _begin(context, params)
        if lines_of(run, path, "failed") < params["times"]:
            note(run, path, "failed")
            raise ValueError(f"{path} fails on purpose")
        note(run, path, "after")
        return {"path": path}

    def grow(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Return a text of `size` times `of`."""
        run, path = _begin(context, params)
        note(run, path, "after")
        return {"x": params["of"] * params["size"]}

    def die(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Kill its own process."""
        _begin(context, params)
        os.kill(os.getpid(), signal.SIGKILL)
        return {}


def _begin(context: dict[str, Any], params: dict[str, Any]) -> tuple[int, str]:
    run = context["_runtime"]["run_id"]
    path = f"{params['at']}[{params['n']}]" if "n" in params else params["at"]
    path = f"{path}/{params['below']}" if "below" in params else path
    note(run, path, "before")
    return run, path
