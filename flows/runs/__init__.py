"""The use-cases of runs: what the command, the admin, a schedule and a worker ask for."""

from flows.recording.checkpoints import RunCancelled, RunInterrupted, RunLost, RunStopped
from flows.runs.creating import Asked, create_run, digest_of_key
from flows.runs.ending import RunNotTaken, cancel_run, interrupt_lost, reap_runs
from flows.runs.executing import (
    RunEnded,
    execute_run,
    execute_waiting,
    execute_when_free,
    run_flow,
    run_now,
    run_step,
    run_unrecorded,
)
from flows.runs.finding import UnknownRun, changes_since, definition_of, find_run, find_run_among
from flows.runs.resuming import resume_dropped, resume_run, run_again, runs_that_may_go_on
from flows.runs.room import FlowIsActive, MustWait, TooManyStarts, lets_wait
from flows.runs.taking_over import take_over_edited

__all__ = [
    "Asked",
    "FlowIsActive",
    "MustWait",
    "RunCancelled",
    "RunEnded",
    "RunInterrupted",
    "RunLost",
    "RunNotTaken",
    "RunStopped",
    "TooManyStarts",
    "UnknownRun",
    "cancel_run",
    "changes_since",
    "create_run",
    "definition_of",
    "digest_of_key",
    "execute_run",
    "execute_waiting",
    "execute_when_free",
    "find_run",
    "find_run_among",
    "interrupt_lost",
    "lets_wait",
    "reap_runs",
    "resume_dropped",
    "resume_run",
    "run_again",
    "run_flow",
    "run_now",
    "run_step",
    "run_unrecorded",
    "runs_that_may_go_on",
    "take_over_edited",
]
