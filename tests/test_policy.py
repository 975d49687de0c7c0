"""Every page forbids what is inline or from elsewhere."""

import pytest
from django.test import Client

POLICY = {
    "default-src 'self'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/", "/admin/", "/admin/login/", "/admin/flows/flow/add/", "/admin/flows/syslog/", "/nowhere/"]
)
def test_each_page_has_the_policy(admin_client: Client, address: str) -> None:
    assert set(admin_client.get(address)["Content-Security-Policy"].split("; ")) == POLICY
