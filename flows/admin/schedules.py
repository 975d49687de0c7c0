"""The pages of the schedules of a flow: the list beside it, and the form of one."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET, require_http_methods

from flows.admin.due_times import has_scheduler, schedules_of
from flows.admin.flow_pages import FlowPages, View, note
from flows.engine import FlowError, Report, read_inputs
from flows.engine.inputs import Input
from flows.models import Flow, Schedule, local_text
from flows.run_form import RunForm
from flows.schedule_form import ScheduleForm
from flows.schedules.crontab import crontab_lines
from flows.schedules.due import times_of
from flows.schedules.ticking import inputs_of
from flows.services import check_document

PERMISSION = "flows.schedule_flow"
_UPCOMING = 5


class SchedulePages(FlowPages):
    """The schedules of one flow."""

    under = "schedules"

    def views(self) -> Iterable[tuple[str, View, str]]:
        return (
            ("", self.list_view, "schedules"),
            ("add/", self.add_view, "schedule_add"),
            ("<int:schedule_id>/", self.change_view, "schedule_change"),
            ("<int:schedule_id>/delete/", self.delete_view, "schedule_delete"),
        )

    @method_decorator(require_GET)
    def list_view(self, request: HttpRequest, flow: Flow) -> HttpResponseBase:
        report = check_document(flow.flow_json, flow.flow_name)
        declared = _declared(report)
        schedules = schedules_of([flow.flow_name]).get(flow.flow_name, [])
        context = {
            "title": f"Schedules of {flow}",
            "rows": [_Shown.of(schedule, declared) for schedule in schedules],
            "has_scheduler": has_scheduler(),
            "crontab": [] if has_scheduler() else crontab_lines(flow.flow_name, declared or {}),
            "trouble": _trouble_of(flow, report),
            "may_schedule": _may_schedule(request, flow),
            "may_view_runs": request.user.has_perm("flows.view_run"),
            "site_zone": settings.TIME_ZONE,
        }
        return self.page(request, flow, "schedules", context)

    @method_decorator(require_http_methods(["GET", "POST"]))
    def add_view(self, request: HttpRequest, flow: Flow) -> HttpResponseBase:
        _require_may_schedule(request, flow)
        return self._form_page(request, flow, Schedule())

    @method_decorator(require_http_methods(["GET", "POST"]))
    def change_view(self, request: HttpRequest, flow: Flow, schedule_id: int) -> HttpResponseBase:
        _require_may_schedule(request, flow)
        return self._form_page(request, flow, _schedule(flow, schedule_id))

    @method_decorator(require_http_methods(["GET", "POST"]))
    def delete_view(self, request: HttpRequest, flow: Flow, schedule_id: int) -> HttpResponseBase:
        _require_may_schedule(request, flow)
        schedule = _schedule(flow, schedule_id)
        if request.method == "GET":
            return self.page(request, flow, "schedule_delete", {"title": "Delete", "schedule": schedule})
        name = str(schedule).capitalize()
        schedule.delete()
        note(request, [flow], f"{name} deleted: {schedule.cron} {schedule.zone}.")
        messages.success(request, f"{name} of “{flow}” is deleted. Runs that it made stay.")
        return redirect("admin:flows_flow_schedules", flow.pk)

    def _form_page(self, request: HttpRequest, flow: Flow, schedule: Schedule) -> HttpResponseBase:
        declared = _declared(check_document(flow.flow_json, flow.flow_name))
        data = request.POST if request.method == "POST" else None
        form = ScheduleForm(data, instance=schedule)
        inputs = None if declared is None else RunForm(declared, data, _values(schedule))
        if form.is_valid() and (inputs is None or inputs.is_valid()):
            return _saved(request, flow, form, inputs)
        context = {
            "title": f"{str(schedule).capitalize()} of {flow}" if schedule.pk else f"Schedule {flow}",
            "schedule": schedule,
            "form": form,
            "inputs": inputs,
            "has_errors": bool(form.errors or (inputs and inputs.errors)),
            "upcoming": _upcoming(Schedule.objects.get(pk=schedule.pk)) if schedule.pk else [],
        }
        return self.page(request, flow, "schedule", context)


class _Shown(NamedTuple):
    """A schedule as the list shows it; `misfit` says why its inputs are none of the flow's."""

    schedule: Schedule
    next_due: str
    there: str
    last_due: str
    inputs: str
    misfit: str

    @classmethod
    def of(cls, schedule: Schedule, declared: dict[str, Input] | None) -> "_Shown":
        return cls(
            schedule,
            local_text(schedule.next_due_at, "minutes"),
            _there(schedule),
            local_text(schedule.last_due_at, "minutes"),
            schedule.inputs if schedule.inputs != "{}" else "",
            _misfit(schedule, declared),
        )


def _there(schedule: Schedule) -> str:
    """Return what the clocks of the schedule's zone show at the next due time, where they differ from the site's."""
    if schedule.next_due_at is None or schedule.zone == settings.TIME_ZONE:
        return ""
    try:
        return f"{schedule.next_due_at.astimezone(times_of(schedule)[1]):%Y-%m-%d %H:%M}"
    except FlowError:
        return ""


def _misfit(schedule: Schedule, declared: dict[str, Input] | None) -> str:
    try:
        read_inputs(declared or {}, inputs_of(schedule) if declared is not None else {})
    except FlowError as error:
        return str(error)
    return ""


def _upcoming(schedule: Schedule) -> list[str]:
    """Return the next due times, by the clocks of the schedule's zone."""
    try:
        cron, zone = times_of(schedule)
    except FlowError:
        return []
    found: list[str] = []
    due = schedule.next_due_at
    while due is not None and len(found) < _UPCOMING:
        found.append(f"{due.astimezone(zone):%a %Y-%m-%d %H:%M %Z}")
        due = cron.first_after(due, zone)
    return found


def _values(schedule: Schedule) -> dict[str, Any]:
    try:
        return inputs_of(schedule)
    except FlowError:
        return {}


def _declared(report: Report) -> dict[str, Input] | None:
    """Return the inputs of a flow; None where it is invalid, and nobody knows them."""
    return None if report.definition is None else dict(report.definition.inputs)


def _trouble_of(flow: Flow, report: Report) -> str:
    """Say why no due time makes a run, whatever its schedule."""
    if flow.deleted:
        return "The flow is deleted"
    if not flow.enabled:
        return "The flow is disabled"
    return "The flow is invalid" if report.findings else ""


def _may_schedule(request: HttpRequest, flow: Flow) -> bool:
    # A deleted flow is restored before it is changed.
    return request.user.has_perm(PERMISSION) and not flow.deleted


def _require_may_schedule(request: HttpRequest, flow: Flow) -> None:
    if not _may_schedule(request, flow):
        raise PermissionDenied


def _schedule(flow: Flow, schedule_id: int) -> Schedule:
    rows = Schedule.objects.of_flow(flow.flow_name)
    schedule = rows.filter(pk=schedule_id).first() if schedule_id < 2**63 else None
    if schedule is None:
        raise Http404
    return schedule


def _saved(request: HttpRequest, flow: Flow, form: ScheduleForm, inputs: RunForm | None) -> HttpResponseBase:
    is_new = form.instance.pk is None
    changed = form.store(flow.flow_name, None if inputs is None else inputs.inputs, timezone.now())
    schedule = form.instance
    name = str(schedule).capitalize()
    if is_new:
        note(request, [flow], f"{name} added: {schedule.cron} {schedule.zone}.")
    elif changed:
        note(request, [flow], f"{name} changed: {', '.join(changed)}.")
    due = local_text(schedule.next_due_at, "minutes")
    messages.success(request, f"{name} is saved; {f'next due {due}' if due else 'it is off'}.")
    return redirect("admin:flows_flow_schedules", flow.pk)
