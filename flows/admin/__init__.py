"""The admin's pages, one module a table."""

from django.contrib import admin

from flows.admin.flow import FlowAdmin
from flows.admin.run import RunAdmin
from flows.admin.syslog import SysLogAdmin

__all__ = ["FlowAdmin", "RunAdmin", "SysLogAdmin"]

admin.site.site_header = "Workflows"
admin.site.site_title = "Workflows"
admin.site.index_title = "Overview"
