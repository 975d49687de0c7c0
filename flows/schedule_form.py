"""The form of a schedule: its line of cron, zone and rules, beside the form of the flow's inputs."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from flows.engine.text import visible
from flows.models import Schedule
from flows.schedules.cron import InvalidCron, read_cron
from flows.schedules.due import plan, read_zone, zones

if TYPE_CHECKING:
    ScheduleModelForm = forms.ModelForm[Schedule]
else:
    ScheduleModelForm = forms.ModelForm

_DECIDE_WHEN = {"cron", "zone", "enabled"}


def _zone_choices() -> Iterator[tuple[str, str]]:
    return ((name, name) for name in zones())


class ScheduleForm(ScheduleModelForm):
    """When a flow is due, and what happens then."""

    zone = forms.ChoiceField(label="Time zone", choices=_zone_choices, help_text="Whose clocks the line of cron means.")

    class Meta:
        model = Schedule
        fields = ("cron", "zone", "overlap", "when_missed", "enabled", "note")
        widgets = {
            "cron": forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
            "note": forms.TextInput(attrs={"class": "vTextField"}),
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk is None:
            self.initial["zone"] = settings.TIME_ZONE

    def clean_cron(self) -> str:
        text = " ".join(self.cleaned_data["cron"].split())
        try:
            read_cron(text)
        except InvalidCron as error:
            raise ValidationError(visible(str(error))) from error
        return text

    def clean_zone(self) -> str:
        name: str = self.cleaned_data["zone"]
        try:
            read_zone(name)
        except InvalidCron as error:
            raise ValidationError(visible(str(error))) from error
        return name

    def store(self, flow_name: str, inputs: dict[str, Any] | None, now: datetime) -> list[str]:
        """Save what was changed, and nothing that a scheduler may have written since; return the names of it.

        Without `inputs` those that are stored stay.
        """
        schedule, is_new = self.instance, self.instance.pk is None
        changed = list(self.changed_data)
        text = schedule.inputs if inputs is None else json.dumps(inputs, ensure_ascii=False)
        if text != schedule.inputs:
            schedule.inputs = text
            changed.append("inputs")
        fields = list(changed)
        if is_new or _DECIDE_WHEN.intersection(changed):
            plan(schedule, now)
            fields.append("next_due")
        schedule.flow_name = flow_name
        schedule.save(update_fields=None if is_new else fields)
        return changed
