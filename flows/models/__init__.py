"""The tables: the two of the owner's database, and those of the run history, which are ours."""

from flows.models.flow import Flow, FlowQuerySet
from flows.models.flow_settings import FlowSettings, Priority, WhenActive
from flows.models.flow_version import FlowVersion, FlowVersionQuerySet, document_hash
from flows.models.run import ACTIVE, ENDED, Run, RunQuerySet, Status, Trigger
from flows.models.schedule import Schedule, WhenMissed
from flows.models.step_run import StepRun, StepRunQuerySet, StepStatus
from flows.models.syslog import LEVELS, SysLog, SysLogQuerySet
from flows.models.times import local_text

__all__ = [
    "ACTIVE",
    "ENDED",
    "LEVELS",
    "Flow",
    "FlowQuerySet",
    "FlowSettings",
    "FlowVersion",
    "FlowVersionQuerySet",
    "Priority",
    "Run",
    "RunQuerySet",
    "Schedule",
    "Status",
    "StepRun",
    "StepRunQuerySet",
    "StepStatus",
    "SysLog",
    "SysLogQuerySet",
    "Trigger",
    "WhenActive",
    "WhenMissed",
    "document_hash",
    "local_text",
]
