"""Make the first account of a site that is tried out."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from flows.management.errors import reported

NAME = "admin"


class Command(BaseCommand):
    help = "With DEBUG on, and where there is no user: make the superuser 'admin' and print its random password, once."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        with reported():
            if not settings.DEBUG:
                self.stdout.write("No account was made: DEBUG is off. Use: python manage.py createsuperuser")
            elif users.exists():
                self.stdout.write("No account was made: there are users already.")
            else:
                password = secrets.token_urlsafe(12)
                users.create_superuser(NAME, password=password)
                self.stdout.write(f"Made the account {NAME} with the password {password} (shown only this once).")
