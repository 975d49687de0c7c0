"""The app: its name, and what it registers when Django is ready."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """Workflows that are stored as JSON and run in order."""

    name = "flows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from flows import checks  # noqa: F401, PLC0415  (registers the system checks)
