"""The log pages in a real browser: followed, narrowed by the histogram, searched, on a phone, in the dark."""

import re
from datetime import timedelta
from itertools import count

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from flows.log_pages import pages
from flows.models import SysLog
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/flows/syslog/"
ROWS = "#result_list tbody tr"


def write(message: str, level: str = "INFO", ago: timedelta = timedelta(0)) -> SysLog:
    return SysLog.objects.create(
        created_at=timezone.now() - ago, level=level, logger_name="procedures.common.Kt", message=message
    )


@pytest.fixture
def some_rows(transactional_db: None) -> None:
    for minute in range(120, 0, -1):
        level = "ERROR" if minute == 60 else "INFO"
        write(f"[flow=hello run=3 step=step1] row {minute}", level, timedelta(minutes=minute))


def fits(page: Page) -> bool:
    """Tell whether nothing makes the page wider than the screen."""
    width: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return width


def test_new_rows_come_on_top_while_the_log_is_followed_and_not_while_it_is_paused(
    open_page: OpenPage, admin: User, some_rows: None
) -> None:
    page = open_page(admin)
    page.goto(f"{LIST}?level=INFO-up")
    expect(page.locator(ROWS)).to_have_count(100)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("status")).to_have_text("Following.")
    write("<b>fresh</b> one")
    write("not wanted", "DEBUG")
    expect(page.locator(ROWS).first).to_contain_text("<b>fresh</b> one")
    expect(page.locator(ROWS)).to_have_count(101)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_have_text("Paused.")
    write("fresh two")
    page.wait_for_timeout(3000)
    expect(page.locator(ROWS)).to_have_count(101)
    page.get_by_role("button", name="Follow").click()
    expect(page.locator(ROWS).first).to_contain_text("fresh two")


def test_a_row_that_is_committed_late_is_shown_in_its_place(open_page: OpenPage, admin: User, some_rows: None) -> None:
    page = open_page(admin)
    page.goto(LIST)
    top = SysLog.objects.order_by("-id")[0].pk
    page.get_by_role("button", name="Follow").click()
    SysLog(pk=top + 10, created_at=timezone.now(), level="INFO", logger_name="x", message="early").save()
    expect(page.locator(ROWS).first).to_contain_text("early")
    SysLog(pk=top + 5, created_at=timezone.now(), level="INFO", logger_name="x", message="late").save()
    expect(page.locator(ROWS).nth(1)).to_contain_text("late", timeout=15_000)


def test_an_empty_log_fills_while_it_is_followed(open_page: OpenPage, admin: User) -> None:
    page = open_page(admin)
    page.goto(LIST)
    expect(page.get_by_text("No log rows yet")).to_be_visible()
    page.get_by_role("button", name="Follow").click()
    write("the first")
    expect(page.locator(ROWS)).to_have_count(1, timeout=15_000)
    expect(page.get_by_text("No log rows yet")).to_have_count(0)


def test_following_says_when_the_server_is_away_asks_less_often_and_goes_on(
    open_page: OpenPage, admin: User, some_rows: None
) -> None:
    page = open_page(admin)
    page.goto(LIST)
    asked = count()

    def not_there(route: Route) -> None:
        next(asked)
        # Not abort(): the browser would put that on the console, which the test watches.
        route.fulfill(status=200, content_type="text/html", body="<p>Out of order</p>")

    page.route("**/rows/**", not_there)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("does not answer; trying again in [48] seconds"))
    page.wait_for_timeout(5000)
    assert next(asked) <= 3
    page.unroute("**/rows/**")
    write("back again")
    expect(page.locator(ROWS).first).to_contain_text("back again", timeout=20_000)
    expect(page.get_by_role("status")).to_have_text("Following.")


def test_a_hidden_page_does_not_ask(open_page: OpenPage, admin: User, some_rows: None) -> None:
    page = open_page(admin)
    page.goto(LIST)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/rows/" in request.url else None)
    page.get_by_role("button", name="Follow").click()
    page.wait_for_timeout(500)
    set_hidden = "value => { Object.defineProperty(document, 'hidden', {value, configurable: true});"
    page.evaluate(set_hidden + " document.dispatchEvent(new Event('visibilitychange')); }", True)
    before = len(asked)
    page.wait_for_timeout(4000)
    assert len(asked) == before
    page.evaluate(set_hidden + " document.dispatchEvent(new Event('visibilitychange')); }", False)
    page.wait_for_timeout(1000)
    assert len(asked) == before + 1


def test_following_stops_when_the_user_is_logged_out(open_page: OpenPage, admin: User, some_rows: None) -> None:
    page = open_page(admin)
    page.goto(LIST)
    page.context.clear_cookies()
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("status")).to_contain_text("no longer logged in")
    expect(page.get_by_role("button", name="Follow")).to_be_visible()


def test_a_click_on_a_bar_narrows_the_log_to_its_time(open_page: OpenPage, admin: User, some_rows: None) -> None:
    page = open_page(admin)
    page.goto(LIST)
    page.locator(".log-histogram svg a[aria-label*='ERROR']").click()
    expect(page.locator(".log-chosen")).to_contain_text("from")
    assert page.locator(ROWS).count() < 10
    expect(page.locator(f"{ROWS} .log-error")).to_have_count(1)
    page.get_by_role("link", name=re.compile("^Remove: from")).click()
    expect(page.locator(".log-chosen li", has_text="from")).to_have_count(0)


def test_a_search_says_its_window_and_steps_to_older_rows(
    open_page: OpenPage, admin: User, some_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 50)
    page = open_page(admin)
    page.goto(LIST)
    page.get_by_label("Text in the message").fill("ROW 118")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".log-searched")).to_contain_text("Searched so far")
    expect(page.get_by_role("heading", name="Nothing found so far")).to_be_visible()
    for _ in range(2):
        page.locator(".log-searched a").click()
    expect(page.locator(f"{ROWS} mark")).to_have_text("row 118")
    expect(page.locator(".log-searched")).to_contain_text("Searched to the oldest row")
    page.locator(f"{ROWS} a").first.click()
    expect(page.locator("pre.flow-text mark")).to_have_text("row 118")
    expect(page.locator("#neighbours tbody tr")).to_have_count(8)


def test_the_log_is_read_without_scripts(open_page: OpenPage, admin: User, some_rows: None) -> None:
    page = open_page(admin, scripts=False)
    page.goto(LIST)
    expect(page.get_by_role("button", name="Follow")).to_be_hidden()
    page.get_by_role("link", name="Older").first.click()
    expect(page.locator(ROWS)).to_have_count(20)


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_a_narrow_screen(open_page: OpenPage, admin: User, some_rows: None, dark: bool) -> None:
    row = write("x" * 3000 + "\n" + "y" * 300, "CRITICAL")
    page = open_page(admin, dark=dark, width=390)
    for address in (LIST, f"{LIST}?q=yyy&since=2020-01-01", f"{LIST}{row.pk}/change/", f"{LIST}?q=absent"):
        page.goto(address)
        assert fits(page), address


def test_the_bars_can_be_told_from_the_ground_in_the_dark(open_page: OpenPage, admin: User, some_rows: None) -> None:
    fills = set()
    for dark in (False, True):
        page = open_page(admin, dark=dark)
        page.goto(LIST)
        bar = page.locator(".log-fill-error").first
        fills.add(bar.evaluate("bar => getComputedStyle(bar).fill"))
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert bar.evaluate("bar => getComputedStyle(bar).fill") != ground
    assert len(fills) == 2
