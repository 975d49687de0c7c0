"""A real Chromium on the live server, watched: no error on its console, no request to another host."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests import needs

if TYPE_CHECKING:
    # This module is loaded before Django is set up.
    from django.contrib.auth.models import User

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class OpenPage(Protocol):
    """Open a page of its own, as a user who is logged in."""

    def __call__(
        self, user: "User | None" = None, *, dark: bool = False, width: int = 1280, scripts: bool = True
    ) -> Page:
        """Return the page; without a user it is nobody's."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # Playwright's loop runs in this thread while the browser lives; Django would refuse every query beside it.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=needs.browser(), headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser, live_server: LiveServer) -> Iterator[OpenPage]:
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_it(user: "User | None" = None, *, dark: bool = False, width: int = 1280, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=live_server.url,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            java_script_enabled=scripts,
        )
        contexts.append(context)
        if user:
            client = Client()
            client.force_login(user)
            value = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch(page, live_server.url, complaints)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def watch(page: Page, home: str, complaints: list[str]) -> None:
    """Collect what a page complains of, and what it asks of other hosts."""
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "response", lambda answer: complaints.append(f"{answer.status}: {answer.url}") if answer.status >= 500 else None
    )
    page.on("request", lambda request: complaints.append(request.url) if not _at_home(request.url, home) else None)


def _at_home(url: str, home: str) -> bool:
    return url.startswith((home, "data:", "blob:"))


@pytest.fixture
def admin(transactional_db: None) -> "User":
    return get_user_model().objects.create_superuser("admin", password="admin")
