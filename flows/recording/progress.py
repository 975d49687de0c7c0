"""Read what is recorded of a run: how far it came, and what a run that goes on may take over."""

import json
from collections import Counter
from typing import NamedTuple

from flows.engine import Finished, RecordedError
from flows.models.run import Run
from flows.models.step_run import StepRun, StepStatus

MOST_INTERRUPTIONS = 3
"""A step that was interrupted so often is taken for one that kills its process."""


class Progress(NamedTuple):
    """How far a run came, by path: outcomes with the ids of their rows, attempts that failed and are tried again, the
    number of the last execution, and interruptions."""

    finished: dict[str, Finished]
    rows: dict[str, int]
    failed_attempts: dict[str, int]
    attempts_made: dict[str, int]
    interruptions: dict[str, int]


NO_PROGRESS = Progress({}, {}, {}, {}, {})

_COLUMNS = (
    "id",
    "path",
    "attempt",
    "status",
    "result",
    "not_storable",
    "error_type",
    "error_message",
    "retry_in",
)


def read_progress(run: Run) -> Progress:
    """Return how far a run came, by its rows in the order in which they were written."""
    finished: dict[str, Finished] = {}
    ids: dict[str, int] = {}
    failed: Counter[str] = Counter()
    made: dict[str, int] = {}
    interrupted: Counter[str] = Counter()
    rows = StepRun.objects.filter(run=run).in_order().values_list(*_COLUMNS)
    for pk, path, attempt, status, result, not_storable, error_type, error_message, retry_in in rows.iterator():
        made[path], ids[path] = attempt, pk
        if status == StepStatus.INTERRUPTED:
            interrupted[path] += 1
            continue
        # Who came to an end since is no step that ends its process each time.
        interrupted.pop(path, None)
        if retry_in is not None:
            failed[path] += 1
            forget_below(path, finished, failed)
        elif not_storable:
            # It lives in the memory of a process that is gone, so the step has to be executed again.
            finished.pop(path, None)
        elif error_type:
            finished[path] = Finished(error=RecordedError(error_type, error_message))
        else:
            finished[path] = Finished(json.loads(result) if result else None)
    return Progress(finished, ids, dict(failed), made, dict(interrupted))


def forget_below(path: str, *maps: dict[str, object] | Counter[str] | dict[str, Finished]) -> None:
    """Forget what happened in the sub-flow of a step that begins anew."""
    for each in maps:
        for known in [known for known in each if known.startswith((f"{path}/", f"{path}["))]:
            del each[known]
