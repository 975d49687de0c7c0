"""The form of a run: one field for each input that the flow declares, and a nonce that makes a double click one run."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.engine import InvalidInputs, inputs_from_text, read_inputs
from flows.engine.inputs import Input
from flows.engine.text import visible
from flows.forms import with_line_feeds

_PREFIX = "input_"


def new_nonce() -> str:
    return uuid.uuid4().hex


class RunForm(forms.Form):
    """What a run is given. `values` are those of another run, to begin with; valid, it has `inputs`.

    A field that is left empty takes the default, except a text: that is taken as it stands.
    """

    nonce = forms.CharField(max_length=64, widget=forms.HiddenInput, required=False)

    def __init__(
        self, declared: Mapping[str, Input], data: Any = None, values: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial={"nonce": new_nonce()})
        for one in declared.values():
            self.fields[_PREFIX + one.name] = InputField(one)
            known = values if values and one.name in values else {one.name: one.default} if one.has_default else {}
            if one.name in known:
                self.initial[_PREFIX + one.name] = _as_typed(one, known[one.name])

    @property
    def inputs(self) -> dict[str, Any]:
        """Return the values by name; of a valid form."""
        given: dict[str, Any] = {}
        for name in self.fields:
            if name.startswith(_PREFIX):
                given |= self.cleaned_data[name]
        return given

    @property
    def input_fields(self) -> Iterator[forms.BoundField]:
        return (field for field in self if field.name.startswith(_PREFIX))

    @property
    def key(self) -> str:
        """Return the key of the run; of a valid form."""
        return self.cleaned_data["nonce"] or new_nonce()

    def renew_nonce(self) -> None:
        """Let the next try be another run."""
        self.data = {**dict(self.data.items()), "nonce": new_nonce()}


class InputField(forms.CharField):
    """One declared input, typed as text; its clean value is a dict that holds it, or nothing for the default."""

    def __init__(self, one: Input) -> None:
        self._one = one
        self._texts = {_as_json(value): value for value in one.enum}
        super().__init__(
            required=False, strip=False, label=one.name, help_text=_help(one), widget=_widget(one, list(self._texts))
        )
        self.widget.is_required = not one.has_default

    def clean(self, value: Any) -> dict[str, Any]:
        text = with_line_feeds(super().clean(value))
        try:
            return read_inputs({self._one.name: self._one}, self._given(text))
        except InvalidInputs as error:
            raise ValidationError([visible(finding.message) for finding in error.findings]) from error

    def _given(self, text: str) -> dict[str, Any]:
        name, one = self._one.name, self._one
        if not text and not (one.type == "string" and one.has_default and not one.enum):
            return {}
        if text in self._texts:
            return {name: self._texts[text]}
        return inputs_from_text({name: one}, {name: text})


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_typed(one: Input, value: Any) -> str:
    if one.enum:
        return _as_json(value)
    if isinstance(value, str) and one.type == "string":
        return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) and value else None)


def _widget(one: Input, allowed: list[str]) -> forms.Widget:
    none: list[tuple[str, str]] = [] if one.has_default else [("", "—")]
    if one.enum:
        shown = [visible(value if isinstance(value, str) else _as_json(value)) for value in one.enum]
        return forms.Select(choices=[*none, *zip(allowed, shown, strict=True)])
    if one.type == "boolean":
        return forms.Select(choices=[*none, ("true", "true"), ("false", "false")])
    if one.type in {"object", "array"}:
        return forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "run-json"})
    if one.type in {"integer", "number"}:
        return forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "vIntegerField"})
    is_long = isinstance(one.default, str) and "\n" in one.default
    return forms.Textarea(attrs={"rows": 4}) if is_long else forms.TextInput(attrs={"class": "vTextField"})


def _help(one: Input) -> str:
    kind = {"object": "a JSON object", "array": "a JSON list"}.get(one.type, one.type)
    parts = [kind, "required" if not one.has_default else ""]
    parts += [f"at least {one.minimum}" if one.minimum is not None else ""]
    parts += [f"at most {one.maximum}" if one.maximum is not None else ""]
    parts += [f"as {one.pattern}" if one.pattern else ""]
    facts = ", ".join(filter(None, parts))
    text = f"{one.description.rstrip('.')} ({facts})." if one.description else f"{facts[0].upper()}{facts[1:]}."
    return visible(text)
