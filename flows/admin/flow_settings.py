"""The page beside a flow that says how it is run: its queue, priority and limits."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from flows.models import Flow, FlowSettings

if TYPE_CHECKING:
    SettingsForm = forms.ModelForm[FlowSettings]
else:
    SettingsForm = forms.ModelForm


class FlowSettingsForm(SettingsForm):
    class Meta:
        model = FlowSettings
        fields = ("queue", "priority", "max_active", "when_active", "starts_per_minute", "resume_lost")


def urls(flow_admin: "ModelAdmin[Flow]") -> list[URLPattern]:
    @require_http_methods(["GET", "POST"])
    def settings_view(request: HttpRequest, object_id: str) -> HttpResponseBase:
        return _settings_page(flow_admin, request, object_id)

    view = flow_admin.admin_site.admin_view(settings_view)
    return [path("<path:object_id>/settings/", view, name="flows_flow_settings")]


def _settings_page(flow_admin: "ModelAdmin[Flow]", request: HttpRequest, object_id: str) -> HttpResponseBase:
    flow = flow_admin.get_object(request, unquote(object_id))
    if not flow_admin.has_change_permission(request, flow):
        raise PermissionDenied
    if flow is None:
        return flow_admin._get_obj_does_not_exist_redirect(request, flow_admin.opts, object_id)  # type: ignore[attr-defined,no-any-return]
    form = FlowSettingsForm(request.POST or None, instance=FlowSettings.objects.of(flow.flow_name))
    if request.method == "POST" and form.is_valid():
        if form.has_changed():
            form.save()
            changed = ", ".join(form.changed_data)
            LogEntry.objects.log_actions(request.user.pk, [flow], CHANGE, f"Settings: {changed}.")  # type: ignore[arg-type]
        messages.success(request, f"The settings of “{flow}” are saved.")
        return redirect("admin:flows_flow_change", flow.pk)
    context = flow_admin.admin_site.each_context(request) | {
        "title": f"Settings of {flow}",
        "opts": flow_admin.opts,
        "flow": flow,
        "form": form,
        "media": flow_admin.media,
    }
    return TemplateResponse(request, "admin/flows/flow/settings.html", context)
