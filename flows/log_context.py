"""Say in which flow, run and step a log record was made."""

import logging
import re
from functools import lru_cache
from typing import Any

from flows.engine.current import current_step
from flows.engine.text import visible

_LONGEST_NAME = 128
_PLAIN_NAME = re.compile(r'[^\s"\[\]=\\]+')
_IN_QUOTES = str.maketrans({"\\": r"\\", '"': r"\"", "[": r"\x5b", "]": r"\x5d"})
_NOWHERE = (None, None, None)


class RunContextFilter(logging.Filter):
    """Give each record the attributes `flow`, `run_id` and `step`; all None outside of a run.

    What a log call named itself (``extra={"flow": ..., "run_id": ..., "step": ...}``) stays as it is.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        # Called for each record and handler, so by attributes: the __dict__ of a record is costly until it exists.
        named = hasattr(record, "flow")
        if named and hasattr(record, "step") and hasattr(record, "run_id"):
            return True
        flow, run_id, step = (None if named else current_step.get()) or _NOWHERE
        record.flow = getattr(record, "flow", flow)
        record.run_id = getattr(record, "run_id", run_id)
        record.step = getattr(record, "step", step)
        return True


@lru_cache(maxsize=256)
def prefix(flow: Any, run_id: Any, step: Any) -> str:
    """Return what stands before a message: ``[flow=hello run=12 step=step1] ``; empty where there is no flow.

    A name that holds more than plain characters is quoted and escaped, so that it cannot pass for another one.
    """
    if flow is None:
        return ""
    named = [(key, str(value)) for key, value in (("flow", flow), ("run", run_id), ("step", step)) if value is not None]
    parts = [f"{key}={_name(value)}" for key, value in named if value]
    return f"[{' '.join(parts)}] " if parts else ""


def _name(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 1] + "…"
    if name.isprintable() and _PLAIN_NAME.fullmatch(name):
        return name
    return f'"{visible(name.translate(_IN_QUOTES))}"'
