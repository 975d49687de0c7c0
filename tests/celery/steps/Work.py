"""Steps that leave a line in a file each time they are executed: run, step, process."""

import logging
import os
import time
from typing import Any


def note(context: Any, name: str) -> None:
    file = os.open(os.environ["WORK_FILE"], os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{context['_runtime']['run_id']} {name} {os.getpid()}\n".encode())
    os.close(file)


class Work:
    """What the flows of these tests do."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def do(self, context: Any, params: dict[str, Any]) -> dict[str, Any]:
        """Take some time."""
        note(context, params["name"])
        time.sleep(params.get("seconds", 0))
        return {"done": params["name"]}

    def die(self, context: Any, params: dict[str, Any]) -> dict[str, Any]:
        """End the process, as one that takes too much memory is ended."""
        note(context, params["name"])
        os.kill(os.getpid(), 9)
        return {}
