"""People of the admin with just the permissions that a test names."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def client_with(*codenames: str) -> Client:
    """Return a browser in which somebody is logged in who has these permissions of ours, and no others."""
    name = "-".join(codenames)[:120] or "nobody"
    user = User.objects.filter(username=name).first() or User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames, content_type__app_label="flows"))
    client = Client()
    client.force_login(user)
    return client
