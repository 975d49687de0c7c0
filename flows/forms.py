"""The form of a flow: what a person may type, checked before it is stored."""

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from flows.engine import Finding, InvalidFlow
from flows.engine.text import quoted, visible
from flows.laid_out import laid_out_json
from flows.models import Flow
from flows.services import check_document
from flows.widgets import DocumentWidget

if TYPE_CHECKING:
    FlowModelForm = forms.ModelForm[Flow]
else:
    FlowModelForm = forms.ModelForm

FIRST_DOCUMENT = """{
  "procedures": [
    {
      "name": "step1",
      "mod": "common.Kt",
      "method": "prt",
      "params": {
        "msg": "hello"
      }
    }
  ]
}
"""


class DocumentField(forms.CharField):
    """Text as it was typed; only the line breaks that HTML forms write as CR LF are LF again."""

    widget = DocumentWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        return with_line_feeds(super().to_python(value) or "")


class FlowForm(FlowModelForm):
    """Name, switch and document of a flow.

    `changed_data` names what the user changed against the page that was shown, whatever others wrote meanwhile.
    """

    flow_name = forms.CharField(
        label="Name",
        max_length=128,
        strip=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="What you call it by: python manage.py runflow NAME",
    )
    enabled = forms.BooleanField(
        required=False,
        help_text="Only an enabled flow can be run.",
    )
    flow_json = DocumentField(
        label="Document",
        help_text="The steps in the order in which they run; a text such as @step1.msg reads an earlier result.",
    )
    why = forms.CharField(
        label="Why this change",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="Optional; kept with the version that this save makes.",
    )
    text_shown: str | None = None
    """A text that the page of a stored flow shows instead of the stored one."""

    class Meta:
        model = Flow
        fields = ("flow_name", "enabled", "flow_json")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["flow_json"] = as_shown(self.instance.flow_json)
        elif "why" in self.fields:
            self.fields["why"].label = "Why this flow"
        self.initial["enabled"] = bool(self.initial.get("enabled"))
        compare_with_what_was_shown(self)
        self._document.opened = self._opened or self._fingerprint_now
        if self.text_shown is not None:
            self.initial["flow_json"] = as_shown(self.text_shown)
        self._document.flow_name = str(self["flow_name"].value() or "")

    @property
    def _document(self) -> DocumentWidget:
        widget = self.fields["flow_json"].widget
        assert isinstance(widget, DocumentWidget)  # noqa: S101  (for the type checker)
        return widget

    @property
    def _opened(self) -> str:
        """The fingerprint of the text that stood on the page which the user filled in."""
        return str(self.data.get(DocumentWidget.opened_name(self.add_prefix("flow_json")), ""))

    @property
    def _fingerprint_now(self) -> str:
        return fingerprint(self.initial.get("flow_json", ""))

    @cached_property
    def changed_data(self) -> list[str]:
        changed: list[str] = [name for name in super().changed_data if name != "why"]
        if not self.instance.pk:
            return changed
        document = ["flow_json"] if self._document_was_touched() else []
        return [name for name in changed if name != "flow_json"] + document

    def _document_was_touched(self) -> bool:
        field = self["flow_json"]
        text = with_line_feeds(field.data or "")
        return fingerprint(text) != (self._opened or self._fingerprint_now)

    def clean_flow_name(self) -> str:
        name: str = self.cleaned_data["flow_name"]
        if name != name.strip():
            raise ValidationError("The name begins or ends with a space; remove it.")
        if visible(name) != name:
            raise ValidationError(f"The name holds an invisible character: {quoted(name)}; remove it.")
        holder = Flow.objects.holder_of(name, self.instance)
        if holder:
            raise ValidationError(_taken(holder))
        return name

    def clean_flow_json(self) -> str:
        text: str = self.cleaned_data["flow_json"]
        report = check_document(text, self.cleaned_data.get("flow_name", ""))
        errors = [_finding_error(finding) for finding in report.findings]
        untouched = self.instance.pk and "flow_json" not in self.changed_data
        if not untouched and self._somebody_changed_it():
            self._document.opened = self._fingerprint_now
            errors.insert(0, ValidationError(_changed_by_somebody(self.instance)))
        if errors:
            raise ValidationError(errors)
        return self.instance.flow_json if untouched else text

    def _somebody_changed_it(self) -> bool:
        return bool(self.instance.pk and self._opened) and self._opened != self._fingerprint_now


class FlowRowForm(FlowModelForm):
    """The switch in a row of the list: a checkbox, off for NULL, saved only where the user moved it."""

    enabled = forms.BooleanField(required=False)

    class Meta:
        model = Flow
        fields = ("enabled",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["enabled"] = bool(self.initial.get("enabled"))
        compare_with_what_was_shown(self)
        self.fields["enabled"].disabled = bool(self.instance.deleted)
        self.fields["enabled"].widget.attrs["aria-label"] = f"{self.instance} enabled"


def compare_with_what_was_shown(form: FlowModelForm) -> None:
    """Let a field count as changed only where it differs from the page, so that others' changes since stay."""
    for name in ("flow_name", "enabled"):
        if name in form.fields:
            sent = form.add_initial_prefix(name) in form.data
            form.fields[name].show_hidden_initial = sent or not form.is_bound


def as_shown(stored: str) -> str:
    """Return the stored text as the page shows it: laid out where it is one line of JSON, as it is otherwise."""
    text = with_line_feeds(stored)
    if "\n" in text.rstrip("\n"):
        return text
    try:
        return laid_out_json(text)
    except InvalidFlow:
        return text


def with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fingerprint(text: str) -> str:
    """Return a short hash that tells two texts apart."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _finding_error(finding: Finding) -> ValidationError:
    if not finding.pointer:
        return ValidationError(visible(finding.message))
    return ValidationError(format_html("<code>{}</code> {}", visible(finding.pointer), visible(finding.message)))


def _taken(holder: Flow) -> str:
    link = reverse("admin:flows_flow_change", args=[holder.pk])
    if holder.deleted:
        return format_html(
            "The deleted flow “{}” holds this name. Choose another name, or "
            '<a href="{}">open the deleted flow and restore it</a>.',
            str(holder),
            link,
        )
    return format_html('There is a flow of this name already: <a href="{}">{}</a>.', link, str(holder))


def _changed_by_somebody(flow: Flow) -> str:
    return format_html(
        "Somebody else changed this document after you opened the page. Your text stands here as you typed it, "
        'and nothing was saved. <a href="{}" target="_blank">See what is stored now</a>; '
        "saving again replaces that with your text.",
        reverse("admin:flows_flow_change", args=[flow.pk]),
    )
