"""The flows in the admin: list, edit, run, delete and restore."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import DELETION
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows import versions
from flows.admin import due_times, editing, last_run, picture, running, starting, workers
from flows.admin.filters import DeletedFilter, EnabledFilter
from flows.admin.flow_pages import no_such_flow, note
from flows.admin.flow_settings import SettingsPage
from flows.admin.schedules import SchedulePages
from flows.admin.versions import VersionPages, version_to_edit
from flows.engine import FlowError
from flows.engine.text import visible
from flows.forms import FIRST_DOCUMENT, FlowForm, FlowModelForm, FlowRowForm, as_shown
from flows.models import Flow, FlowQuerySet, FlowSettings, Schedule, local_text
from flows.run_form import new_nonce
from flows.templatetags.flow_text import visible_lines

if TYPE_CHECKING:
    FlowModelAdmin = admin.ModelAdmin[Flow]
else:
    FlowModelAdmin = admin.ModelAdmin


@admin.register(Flow)
class FlowAdmin(FlowModelAdmin):
    """Everything a person does with a flow; what it means is decided by the form, the row and the services."""

    form = FlowForm
    list_display = ("name", "enabled", "steps", "last_run", "next_due", "last_due", "last_change")
    list_display_links = ("name",)
    list_editable = ("enabled",)
    list_filter = (EnabledFilter, DeletedFilter, "updated_at")
    list_per_page = 50
    search_fields = ("flow_name",)
    show_facets = admin.ShowFacets.NEVER
    ordering = ("flow_name",)
    actions = ("run_selected", "enable_selected", "disable_selected", "delete_selected", "restore_selected")

    class Media:
        css = {"all": ("flows/admin.css",)}

    # What is shown

    def get_queryset(self, request: HttpRequest) -> FlowQuerySet:
        rows = Flow.objects.order_by("flow_name")
        # A form's look at the stored document and its save are one transaction: nobody may write in between.
        return rows.select_for_update() if request.method == "POST" and connection.in_atomic_block else rows

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        hidden = [] if last_run.is_shown(request) else ["last_run"]
        hidden += [] if due_times.has_scheduler() else ["next_due", "last_due"]
        columns = [name for name in self.list_display if name not in hidden]
        if self.has_change_permission(request):
            return tuple(columns)
        return tuple("is_enabled" if column == "enabled" else column for column in columns)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        if last_run.is_shown(request):
            last_run.read(changelist.result_list)
        if due_times.has_scheduler():
            due_times.read(changelist.result_list, may_view_runs=request.user.has_perm("flows.view_run"))
        return changelist

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> type[FlowRowForm]:
        return FlowRowForm

    def get_fields(self, request: HttpRequest, obj: Flow | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("flow_name", "enabled", "flow_json", "why")
        if self.has_change_permission(request, obj):
            return ("flow_name", "enabled", "flow_json", "why", "created", "last_change")
        return ("name", "is_enabled", "document", "created", "last_change")

    def get_readonly_fields(self, request: HttpRequest, obj: Flow | None = None) -> tuple[str, ...]:
        return tuple(name for name in self.get_fields(request, obj) if name not in FlowForm.base_fields)

    def get_form(
        self, request: HttpRequest, obj: Flow | None = None, change: bool = False, **kwargs: Any
    ) -> type[FlowModelForm]:
        form = super().get_form(request, obj, change, **kwargs)
        version = version_to_edit(request, obj)
        return type(form.__name__, (form,), {"text_shown": version.document}) if version else form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"flow_json": FIRST_DOCUMENT, "enabled": True} | super().get_changeform_initial_data(request)

    @admin.display(description="name", ordering="flow_name")
    def name(self, flow: Flow) -> str:
        return str(flow)

    @admin.display(description="enabled", boolean=True, ordering="enabled")
    def is_enabled(self, flow: Flow) -> bool:
        return bool(flow.enabled)

    @admin.display(description="steps")
    def steps(self, flow: Flow) -> str | SafeString:
        count = flow.step_count
        return str(count) if count is not None else format_html('<span class="flow-bad">{}</span>', "not readable")

    @admin.display(description="last run")
    def last_run(self, flow: Flow) -> SafeString:
        return last_run.shown(flow)

    @admin.display(description="next due")
    def next_due(self, flow: Flow) -> SafeString:
        return due_times.next_due(flow)

    @admin.display(description="last due")
    def last_due(self, flow: Flow) -> SafeString:
        return due_times.last_due(flow)

    @admin.display(description="created")
    def created(self, flow: Flow) -> str:
        return local_text(flow.created_at)

    @admin.display(description="last change", ordering="updated_at")
    def last_change(self, flow: Flow) -> str:
        return local_text(flow.updated_at)

    @admin.display(description="document")
    def document(self, flow: Flow) -> SafeString:
        return format_html('<pre class="flow-text">{}</pre>', visible_lines(as_shown(flow.flow_json)))

    # Who may do what

    def has_change_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        # A deleted flow is restored before it is changed.
        return super().has_change_permission(request, obj) and not (obj and obj.deleted)

    def has_delete_permission(self, request: HttpRequest, obj: Flow | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.deleted)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("flows.run_flow")

    # Saving

    @method_decorator(transaction.non_atomic_requests)
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # Django answers 500 to a row that is no number, or one that the database cannot hold.
        if not all(map(_is_key, _rows_named_in(request.POST))):
            raise BadRequest("A row that was sent is no row of this list.")
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except IntegrityError:
            # Somebody took the name between the form's check and the save; the check now finds it and says so.
            return super().changeform_view(request, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        flow = context.get("original")
        context |= {
            "may_run": flow and not flow.deleted and self.has_run_permission(request),
            "runs_url": last_run.runs_url(flow) if flow and last_run.is_shown(request) else "",
            "nonce": new_nonce(),
            "may_set": flow and self.has_change_permission(request, flow),
            "may_restore": flow and flow.deleted and super().has_change_permission(request),
            "version": version_to_edit(request, flow),
        } | picture.on_page(context, request.GET.get(picture.PART, ""))
        if "flow_json" in context["adminform"].form.fields:
            context["adminform"].form.fields["flow_json"].widget.may_view = self.has_view_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Flow, form: Any, change: bool) -> None:
        with self._keeping(request, [obj], form.cleaned_data.get("why", "")):
            if not change:
                obj.save()
            elif form.changed_data:
                obj.save_fields(form.changed_data)
                if "flow_name" in form.changed_data:
                    FlowSettings.objects.rename(form.initial["flow_name"], obj.flow_name)
                    Schedule.objects.rename(form.initial["flow_name"], obj.flow_name)

    def _keeping(self, request: HttpRequest, flows: Iterable[Flow], why: str = "") -> AbstractContextManager[None]:
        return versions.keeping(*flows, author=request.user.get_username(), why=why)

    # Deleting, which is a mark, and restoring

    def delete_model(self, request: HttpRequest, obj: Flow) -> None:
        with self._keeping(request, [obj]):
            obj.mark_deleted()

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        self.message_user(
            request,
            f"The flow “{obj_display}” is deleted; it is kept, and the filter “deleted” shows it.",
            messages.SUCCESS,
        )
        may_list = self.has_view_or_change_permission(request)
        return redirect("admin:flows_flow_changelist" if may_list else "admin:index")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Flow]) -> None:
        with self._keeping(request, queryset):
            for flow in queryset:
                flow.mark_deleted()

    @admin.action(description="Delete selected flows (they can be restored)", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: FlowQuerySet) -> None:
        flows = list(queryset.not_deleted())
        note(request, flows, "", DELETION)
        self._change_flags(request, flows, deleted=True)
        self._tell(request, flows, "deleted; they are kept, and the filter “deleted” shows them")

    @admin.action(description="Restore selected flows", permissions=["change"])
    def restore_selected(self, request: HttpRequest, queryset: FlowQuerySet) -> None:
        flows = list(queryset.deleted())
        self._change_flags(request, flows, deleted=False)
        note(request, flows, "Restored.")
        self._tell(request, flows, "restored")

    @admin.action(description="Enable selected flows", permissions=["change"])
    def enable_selected(self, request: HttpRequest, queryset: FlowQuerySet) -> None:
        flows = list(queryset.not_deleted().switched_off())
        self._change_flags(request, flows, enabled=True)
        note(request, flows, "Enabled.")
        self._tell(request, flows, "enabled")

    @admin.action(description="Disable selected flows", permissions=["change"])
    def disable_selected(self, request: HttpRequest, queryset: FlowQuerySet) -> None:
        flows = list(queryset.not_deleted().switched_on())
        self._change_flags(request, flows, enabled=False)
        note(request, flows, "Disabled.")
        self._tell(request, flows, "disabled")

    def _change_flags(self, request: HttpRequest, flows: list[Flow], **flags: bool) -> None:
        with self._keeping(request, flows):
            Flow.objects.filter(pk__in=[flow.pk for flow in flows]).change_flags(**flags)

    def _tell(self, request: HttpRequest, flows: list[Flow], done: str) -> None:
        if flows:
            plural = "" if len(flows) == 1 else "s"
            self.message_user(request, f"{len(flows)} flow{plural} {done}.", messages.SUCCESS)
        else:
            self.message_user(request, "Nothing to do: no selected flow needed it.", messages.WARNING)

    # Pages and buttons of our own

    def get_urls(self) -> list[URLPattern]:
        pages = (("run", self.run_view), ("outcome", self.outcome_view), ("restore", self.restore_view))
        return [
            *VersionPages(self).urls(),
            *editing.urls(self),
            *picture.urls(self),
            *(
                path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"flows_flow_{name}")
                for name, view in pages
            ),
            *SettingsPage(self).urls(),
            *SchedulePages(self).urls(),
            *workers.urls(self),
            *super().get_urls(),
        ]

    @method_decorator([require_http_methods(["GET", "HEAD", "POST"]), transaction.non_atomic_requests])
    def run_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        if not self.has_run_permission(request):
            raise PermissionDenied
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            return no_such_flow(self, request, object_id)
        return starting.run_page(request, flow, self._context(request))

    @method_decorator(require_GET)
    def outcome_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        if not self.has_run_permission(request):
            raise PermissionDenied
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            return no_such_flow(self, request, object_id)
        outcome = running.kept_outcome(request, flow)
        context = self._context(request) | {
            "title": f"Run of {flow}",
            "flow": flow,
            "outcome": outcome,
            "log_url": self._log_url(request, outcome) if outcome else "",
        }
        return TemplateResponse(request, "admin/flows/flow/outcome.html", context)

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return self.admin_site.each_context(request) | {
            "opts": self.opts,
            "media": self.media,
        }

    @method_decorator(require_POST)
    def restore_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        if not super().has_change_permission(request):
            raise PermissionDenied
        flow = self.get_object(request, unquote(object_id))
        if flow is None:
            return no_such_flow(self, request, object_id)
        if flow.deleted:
            with self._keeping(request, [flow]):
                flow.restore()
            note(request, [flow], "Restored.")
        self.message_user(request, f"The flow “{flow}” is restored.", messages.SUCCESS)
        return redirect("admin:flows_flow_change", flow.pk)

    @admin.action(description="Run selected flows", permissions=["run"])
    def run_selected(self, request: HttpRequest, queryset: FlowQuerySet) -> None:
        for flow in list(queryset):
            self._run_one(request, flow)

    def _run_one(self, request: HttpRequest, flow: Flow) -> None:
        try:
            started = running.start(request, flow, {})
        except FlowError as refused:
            url = reverse("admin:flows_flow_run", args=[flow.pk])
            self._say_with_link(request, messages.ERROR, f"{flow}: {refused}", url, "See more")
            return
        if isinstance(started, dict):
            note(request, [flow], f"Run: {started['summary']}")
            level = messages.SUCCESS if started["status"] == "succeeded" else messages.ERROR
            # Django begins a message with a capital, and the name of a flow is no place for one.
            text = f"Run of {started['summary']}"
            self._say_with_link(request, level, text, self._log_url(request, started), "See more")
            return
        run, _ = started
        note(request, [flow], f"Run {run.pk} started.")
        url = reverse("admin:flows_run_change", args=[run.pk]) if request.user.has_perm("flows.view_run") else ""
        self._say_with_link(request, messages.SUCCESS, f"Run {run.pk} of {flow} is started.", url, "Watch it")

    def _say_with_link(self, request: HttpRequest, level: int, text: str, url: str, link: str) -> None:
        shown = visible(text.replace("\n", " "))
        self.message_user(request, format_html('{} <a href="{}">{}</a>', shown, url, link) if url else shown, level)

    def _log_url(self, request: HttpRequest, outcome: running.Outcome) -> str:
        return running.log_rows_url(outcome) if request.user.has_perm("flows.view_syslog") else ""


def _rows_named_in(data: QueryDict) -> list[str]:
    inline = [value for key, value in data.items() if key.startswith("form-") and key.endswith("-id")]
    return data.getlist(ACTION_CHECKBOX_NAME) + [str(value) for value in inline]


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
