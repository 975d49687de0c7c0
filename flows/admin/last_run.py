"""The last run of each flow, as the list of flows shows it."""

from collections.abc import Iterable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flows.admin.paging import query
from flows.models import Flow, Run
from flows.run_pages.listing import newest_of_each
from flows.tables import is_missing_table

_ATTRIBUTE = "newest_run"


def is_shown(request: HttpRequest) -> bool:
    return bool(settings.FLOWS_HISTORY) and request.user.has_perm("flows.view_run")


def runs_url(flow: Flow) -> str:
    """Return the address of the runs of a flow."""
    return reverse("admin:flows_run_changelist") + query({"flow": flow.flow_name})


def read(flows: Iterable[Flow]) -> None:
    """Read the newest run of each of these flows, by one query; none where `migrate` has not made the table."""
    rows = list(flows)
    try:
        newest = newest_of_each(flow.flow_name for flow in rows)
    except DatabaseError as error:
        if not is_missing_table(error):
            raise
        newest = {}
    for flow in rows:
        setattr(flow, _ATTRIBUTE, newest.get(flow.flow_name))


def shown(flow: Flow) -> SafeString:
    run: Run | None = getattr(flow, _ATTRIBUTE, None)
    if run is None:
        return format_html("{}", "—")
    url = reverse("admin:flows_run_change", args=[run.pk])
    status = run.shown_status
    return format_html(
        '<a href="{}"><span class="flow-status flow-{}">{}</span> <span class="log-time">{}</span></a>',
        url,
        status,
        status,
        run.began,
    )
