"""The field in which a flow's document is edited."""

from typing import Any

from django.forms.renderers import BaseRenderer, TemplatesSetting
from django.utils.safestring import SafeString
from django_json_widget.widgets import JSONEditorWidget

from flows.editor import check_panel
from flows.engine.document import MAX_BYTES
from flows.services import procedures


class DocumentWidget(JSONEditorWidget):  # type: ignore[misc]  # the package has no types
    """django-json-widget's editor over a text field that works without it.

    The package's own widget loses invalid text in silence, answers it with a 500 on the way back, and writes inline
    scripts. This one hands text through as it is; document_editor.js lays the editor over the field. No schema is
    given to the editor: its validator needs `eval`, which a strict Content-Security-Policy forbids.
    """

    template_name = "admin/flows/flow/document_widget.html"
    opened = ""
    """The fingerprint of the text that the user was shown."""
    flow_name = ""
    """The name of the flow, which its document may not contain."""
    may_view = True
    """Whether the user may see where a procedure is used."""

    class Media:
        css = {"all": ("flows/editor.css",)}
        js = (
            "flows/constructed_styles.js",
            *JSONEditorWidget.Media.js,
            "flows/document_editor.js",
            "flows/check_panel.js",
            "flows/completion.js",
            "flows/step_tools.js",
        )

    def __init__(self) -> None:
        super().__init__(attrs={"rows": 24, "spellcheck": "false", "autocomplete": "off"}, mode="code")
        self.options = {
            "mode": "code",
            "modes": ["code", "tree"],
            "search": True,
            "enableSort": False,
            "enableTransform": False,
            "maxBytes": MAX_BYTES,
        }

    def format_value(self, value: Any) -> str:
        return "" if value is None else str(value)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["widget"] |= {
            "options": self.options,
            "opened": self.opened,
            "opened_name": self.opened_name(name),
            "panel": check_panel(context["widget"]["value"], self.flow_name),
            "catalogue": procedures(),
            "may_view": self.may_view,
        }
        return context

    @staticmethod
    def opened_name(name: str) -> str:
        """Return the name under which the fingerprint comes back."""
        return f"{name}-opened"

    def use_required_attribute(self, initial: Any) -> bool:
        # The browser would refuse to submit a required field that the editor hides, and could not say where.
        return False

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        # The site's templates; the forms' own renderer looks into the apps only.
        rendered: SafeString = super().render(name, value, attrs, TemplatesSetting())
        return rendered
