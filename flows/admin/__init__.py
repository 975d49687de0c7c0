"""The admin's pages, one module a table."""

from flows.admin.flow import FlowAdmin
from flows.admin.run import RunAdmin
from flows.admin.syslog import SysLogAdmin

__all__ = ["FlowAdmin", "RunAdmin", "SysLogAdmin"]
