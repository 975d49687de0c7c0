"""The page that removes old log rows: it says what would go, removes a part of it, and says whether more is left."""

import logging
from collections import Counter

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from flows.engine.text import visible
from flows.models import SysLog
from flows.retention.ages import RetentionError
from flows.retention.log_rows import Rule, prune_some

logger = logging.getLogger(__name__)

PERMISSION = "flows.prune_syslog"
# About three seconds of work; the page is there again to go on.
RANGES_A_REQUEST = 20


class PruneForm(forms.Form):
    """Two ages, as `prunelogs` takes them."""

    older_than = forms.CharField(
        label="Older than", initial="90d", max_length=20, help_text="Hours, days or weeks: 12h, 90d or 8w."
    )
    keep_errors = forms.CharField(
        label="Keep errors for", required=False, max_length=20, help_text="Empty: no longer than the others."
    )

    def clean(self) -> None:
        super().clean()
        ages = (self.cleaned_data.get("older_than", ""), self.cleaned_data.get("keep_errors", ""))
        labels = (str(self.fields["older_than"].label), str(self.fields["keep_errors"].label))
        try:
            self.rule = Rule.of_ages(*ages, labels)
        except RetentionError as error:
            raise forms.ValidationError(str(error)) from error


@require_http_methods(["GET", "POST"])
def prune_view(request: HttpRequest, site: AdminSite) -> HttpResponseBase:
    """Show the form, or remove the rows of at most `RANGES_A_REQUEST` ranges."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = PruneForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        progress = prune_some(form.rule, RANGES_A_REQUEST)
        logger.info("%s removed %d old log rows", request.user, progress.rows.total())
        _tell(request, progress.rows, complete=progress.share == 1)
        if progress.share == 1:
            return redirect("admin:flows_syslog_changelist")
    context = site.each_context(request) | {"form": form, "opts": SysLog._meta, "title": "Remove old log rows"}
    return TemplateResponse(request, "admin/flows/syslog/prune.html", context)


def _tell(request: HttpRequest, rows: Counter[str], *, complete: bool) -> None:
    kinds = ", ".join(f"{count:,} {visible(level)}" for level, count in rows.most_common()) or "none"
    if complete:
        messages.success(request, f"Removed {rows.total():,} log rows ({kinds}). None is left that is so old.")
    else:
        messages.warning(request, f"Removed {rows.total():,} log rows ({kinds}). There are more: press Remove again.")
