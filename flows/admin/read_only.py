"""What is read in the admin and never written there."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Before `ModelAdmin`: nobody adds, changes or deletes a row, whatever their permissions."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
