"""The admin of this site."""

from django.contrib.admin.apps import AdminConfig


class WorkflowsAdminConfig(AdminConfig):
    """Django's admin with our start page."""

    default_site = "flows.site.WorkflowsSite"
