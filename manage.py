#!/usr/bin/env python
"""Run a command of the site."""

import gc
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility
from django.core.management.base import BaseCommand


class _Utility(ManagementUtility):
    """Django's own; it looks for garbage from when the command is loaded, for nothing that is loaded becomes any."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        command = super().fetch_command(subcommand)
        gc.freeze()
        gc.enable()
        return command


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wfsite.settings")
    gc.disable()
    try:
        _Utility(sys.argv).execute()
    except ImproperlyConfigured as error:
        print(f"Settings: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
