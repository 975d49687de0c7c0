"""The page beside a flow that says how it is run: its queue, priority and limits."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from flows.admin.flow_pages import FlowPages, View, note
from flows.models import Flow, FlowSettings

if TYPE_CHECKING:
    SettingsForm = forms.ModelForm[FlowSettings]
else:
    SettingsForm = forms.ModelForm


class FlowSettingsForm(SettingsForm):
    class Meta:
        model = FlowSettings
        fields = ("queue", "priority", "max_active", "when_active", "starts_per_minute", "resume_lost")


class SettingsPage(FlowPages):
    under = "settings"

    def views(self) -> Iterable[tuple[str, View, str]]:
        return (("", self.settings_view, "settings"),)

    @method_decorator(require_http_methods(["GET", "POST"]))
    def settings_view(self, request: HttpRequest, flow: Flow) -> HttpResponseBase:
        if not self.flow_admin.has_change_permission(request, flow):
            raise PermissionDenied
        form = FlowSettingsForm(request.POST or None, instance=FlowSettings.objects.of(flow.flow_name))
        if request.method == "POST" and form.is_valid():
            if form.has_changed():
                form.save()
                note(request, [flow], f"Settings: {', '.join(form.changed_data)}.")
            messages.success(request, f"The settings of “{flow}” are saved.")
            return redirect("admin:flows_flow_change", flow.pk)
        return self.page(request, flow, "settings", {"title": f"Settings of {flow}", "form": form})
