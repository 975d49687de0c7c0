"""Take pictures of the admin for the documentation: `pytest tests/browser/screenshots.py`.

All of them go to the folder that SCREENSHOTS names (default: var/screenshots); those that the documentation shows go
to docs/images too.
"""

import json
import os
import shutil
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page
from pytest_django.fixtures import Settings

from flows import runs, versions
from flows.log_pages import pages
from flows.models import Flow, Run, Schedule, SysLog
from tests.browser.conftest import OpenPage

ROOT = Path(__file__).resolve().parents[2]
SHOWN_IN_DOCS = ("flows-light", "editor-light", "editor-dark", "editing-light", "log-light", "run-light")
STEP = {"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}}
WRONG = [
    STEP,
    {**STEP, "name": "step2", "params": {"msg": "@stp1.msg"}},
    {**STEP, "name": "step3", "method": "print", "params": {"text": "@step1.msg", "list": ["@later.x"]}},
]
FAILING = [STEP, {**STEP, "name": "step2", "params": {"msg": "@step1.text"}}, {**STEP, "name": "step3"}]
TRACEBACK = """step failed in 0.4 ms: missing key 'price'
Traceback (most recent call last):
  File "procedures/shop/Prices.py", line 31, in update
    total = row["price"] * row["amount"]
            ~~~^^^^^^^^^
KeyError: 'price'"""

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rows(transactional_db: None) -> None:
    for sample in sorted((ROOT / "samples").glob("*.json")):
        Flow.objects.create(flow_name=sample.stem, flow_json=sample.read_text(encoding="utf-8"), enabled=True)
    Flow.objects.create(flow_name="nightly-import", flow_json=json.dumps({"procedures": FAILING}), enabled=None)
    Flow.objects.create(flow_name="old-report", flow_json='{"steps": 3}', enabled=False)
    lines = [
        ("INFO", "flows.engine.runner", "run started, 2 steps"),
        ("DEBUG", "procedures.shop.Prices", "412 rows read"),
        ("INFO", "procedures.common.Kt", "{'msg': 'hello'}"),
        ("WARNING", "procedures.table.Csv", "3 rows of 344 were refused; they are in var/reports/refused.csv"),
        ("ERROR", "flows.engine.runner", TRACEBACK),
        ("CRITICAL", "flows.engine.runner", "run failed at step update: KeyError: missing key 'price'"),
        ("INFO", "flows.engine.runner", "run succeeded in 7.8 ms"),
        ("INFO", "procedures.common.Kt", "colours \x1b[31m and \u202e bidi are shown, not obeyed <b>"),
    ]
    for number, (level, logger, message) in enumerate(lines):
        SysLog.objects.create(
            created_at=timezone.now() - timedelta(seconds=97 * (len(lines) - number)),
            level=level,
            logger_name=logger,
            message=message,
        )


def take(page: Page, name: str) -> None:
    folder = Path(os.environ.get("SCREENSHOTS", ROOT / "var" / "screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)
    is_whole = page.viewport_size == {"width": 390, "height": 900} or name.startswith(("editor", "change"))
    page.screenshot(path=folder / f"{name}.png", full_page=is_whole)
    if name in SHOWN_IN_DOCS:
        (ROOT / "docs" / "images").mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / f"{name}.png", ROOT / "docs" / "images")


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures(open_page: OpenPage, admin: User, rows: None, look: str) -> None:
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1280)
    page.goto("/admin/flows/flow/")
    take(page, f"flows-{look}")
    page.goto("/admin/flows/flow/add/")
    page.fill("#id_flow_name", "nightly-prices")
    page.wait_for_selector(".flow-editor .ace_content")
    text = json.dumps({"procedures": WRONG}, indent=2) + "\n"
    page.locator(".flow-editor").evaluate("(holder, text) => holder.flowEditor.aceEditor.setValue(text, -1)", text)
    page.locator("input[name=_save]").click()
    page.wait_for_selector(".errorlist")
    take(page, f"editor-{look}")
    take_editing(page, look)
    page.goto(f"/admin/flows/flow/{Flow.objects.get(flow_name='penguins').pk}/change/")
    take(page, f"change-{look}")
    page.locator(".jsoneditor-modes > button").click()
    page.locator(".jsoneditor-contextmenu .jsoneditor-text", has_text="Tree").click()
    page.locator(".jsoneditor-expand-all").click()
    take(page, f"tree-{look}")
    for name in ("penguins", "nightly-import"):
        flow = Flow.objects.get(flow_name=name)
        flow.enable()
        page.goto(f"/admin/flows/flow/{flow.pk}/change/")
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_selector(".flow-summary.flow-succeeded, .flow-summary.flow-failed")
        take(page, f"outcome-{look}" if name == "penguins" else f"failed-{look}")
    flow.mark_deleted()
    page.goto(f"/admin/flows/flow/{flow.pk}/change/")
    take(page, f"deleted-{look}")
    page.goto("/admin/")
    take(page, f"index-{look}")
    Flow.objects.all().delete()
    page.goto("/admin/flows/flow/")
    take(page, f"empty-{look}")


def take_editing(page: Page, look: str) -> None:
    """Take a picture of a flow while a reference is completed."""
    compare = {"name": "enough", "mod": "common.Demo", "method": "compare", "params": {"value": 344, "at_least": 300}}
    tell = {**STEP, "name": "tell", "when": "@enough.hold", "params": {"msg": "@"}}
    text = json.dumps({"procedures": [STEP, compare, tell]}, indent=2) + "\n"
    flow = Flow.objects.create(flow_name="nightly-prices", flow_json=text, enabled=True)
    page.goto(f"/admin/flows/flow/{flow.pk}/change/")
    page.wait_for_selector(".flow-editor .ace_content")
    page.locator(".flow-editor").evaluate(
        """holder => {
            const { aceEditor } = holder.flowEditor;
            const at = aceEditor.getValue().lastIndexOf('"@"') + 2;
            aceEditor.moveCursorToPosition(aceEditor.session.doc.indexToPosition(at));
            aceEditor.focus();
            aceEditor.scrollToLine(12);
        }"""
    )
    page.wait_for_timeout(300)
    page.keyboard.press("Control+Space")
    page.wait_for_selector(".flow-completion:visible")
    take(page, f"editing-{look}")
    flow.delete()


@pytest.fixture
def log_of_a_night(transactional_db: None) -> None:
    """Twelve hours of a log: runs, some warnings, a bad quarter of an hour."""
    chance = Random(7)
    now = timezone.now()
    rows = []
    for number in range(4000):
        ago = timedelta(hours=12) * (1 - number / 4000)
        bad = 0.45 < number / 4000 < 0.48
        luck = chance.random()
        level = "ERROR" if bad and luck < 0.3 else "WARNING" if luck < 0.04 else "DEBUG" if luck < 0.3 else "INFO"
        flow, step, logger, text = chance.choice(LINES)
        message = f"[flow={flow} run={number // 40} step={step}] " + (TRACEBACK if level == "ERROR" else text)
        rows.append(SysLog(created_at=now - ago, level=level, logger_name=logger, message=message))
    SysLog.objects.bulk_create(rows)


LINES = (
    ("nightly-prices", "read", "procedures.shop.Prices", "412 rows read"),
    ("nightly-prices", "update", "procedures.shop.Prices", "step started"),
    ("nightly-prices", "update", "flows.engine.runner", "step succeeded in 7.8 ms"),
    ("penguins", "read", "procedures.table.Csv", "3 rows of 344 were refused; they are in var/reports/refused.csv"),
    ("penguins", "report", "procedures.table.Csv", "colours \x1b[31m and \u202e bidi are shown, not obeyed <b>"),
)


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures_of_the_log(
    open_page: OpenPage, admin: User, log_of_a_night: None, look: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1280)
    page.goto("/admin/flows/syslog/")
    take(page, f"log-{look}")
    page.goto("/admin/flows/syslog/?level=WARNING-up&time=24h")
    take(page, f"log-level-{look}")
    page.goto("/admin/flows/syslog/?q=price&level=ERROR&since=2020-01-01")
    take(page, f"log-found-{look}")
    page.locator("#result_list tbody a").first.click()
    page.wait_for_selector("pre.flow-text")
    take(page, f"log-row-{look}")
    monkeypatch.setattr(pages, "WINDOW", 1000)
    page.goto("/admin/flows/syslog/?q=disk+full&flow=penguins")
    take(page, f"log-search-{look}")


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures_of_the_runs(open_page: OpenPage, admin: User, database_logging: None, look: str) -> None:
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1280)
    page.goto("/admin/flows/run/")
    take(page, f"runs-empty-{look}")
    retried = {"name": "print", "mod": "common.Demo", "method": "fail", "params": {"message": "out of paper"}}
    entries = {**STEP, "name": "each", "foreach": ["north", "south", "west"], "params": {"msg": "@_item"}}
    steps = [STEP, entries, {**retried, "retry": {"max_attempts": 2, "delay": 0.1}}, {**STEP, "name": "mail"}]
    inputs = {"region": {"type": "string", "enum": ["all", "north"], "default": "all", "description": "What to report"}}
    document = json.dumps({"inputs": inputs, "procedures": steps})
    flow = Flow.objects.create(flow_name="nightly-report", flow_json=document, enabled=True)
    page.goto(f"/admin/flows/flow/{flow.pk}/run/")
    take(page, f"run-form-{look}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_selector(".flow-summary.flow-failed")
    page.wait_for_timeout(500)
    page.reload()
    take(page, f"run-{look}")
    page.get_by_role("link", name="Resume").click()
    take(page, f"run-resume-{look}")
    page.goto("/admin/flows/run/")
    take(page, f"runs-{look}")


@pytest.fixture
def two_runs(transactional_db: None) -> tuple[Run, Run]:
    """Two runs of a flow with a sub-flow and entries: the second was given another list, and fails."""
    kt = {"mod": "common.Kt", "method": "prt"}
    inner = [{"name": "rates", **kt, "params": {"msg": "@_input.day"}}]
    steps = [
        {"name": "open", **kt, "params": {"msg": "shop"}},
        {"name": "greet", **kt, "params": {"msg": "hello"}},
        {"name": "currency", "flow": "rates-of-a-day", "inputs": {"day": "@_input.day"}},
        {"name": "update", **kt, "foreach": "@_input.shops", "params": {"msg": "@_item"}},
        {"name": "enough", "mod": "common.Demo", "method": "compare", "params": {"value": "@_input.n", "at_least": 3}},
        {"name": "repeat", **kt, "params": {"msg": "@enough.holds"}},
        {"name": "close", **kt, "params": {"msg": "shop"}},
    ]
    day = {"day": {"type": "string"}}
    inputs = day | {"shops": {"type": "array"}, "n": {"type": "number"}}
    for name, document in (
        ("rates-of-a-day", {"inputs": day, "procedures": inner}),
        ("nightly-prices", {"inputs": inputs, "procedures": steps}),
    ):
        Flow.objects.create(flow_name=name, flow_json=json.dumps(document), enabled=True)
    shops = [{"name": f"shop {number}", "prices": [number, 2 * number]} for number in range(6)]
    runs.run_flow("nightly-prices", inputs={"day": "2026-01-31", "shops": shops, "n": 3})
    shops[4] = {"name": "shop 4 <b>\u202e", "prices": [4, 8.0], "note": "new here, " * 40}
    steps[-2] = {"name": "repeat", "mod": "common.Demo", "method": "fail", "params": {"message": "no price for shop 4"}}
    text = json.dumps({"inputs": inputs, "procedures": steps})
    Flow.objects.filter(flow_name="nightly-prices").update(flow_json=text)
    runs.run_flow("nightly-prices", inputs={"day": "2026-01-31", "shops": shops, "n": 3.5})
    new, old = Run.objects.order_by("-pk")[:2]
    return old, new


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures_of_a_comparison(open_page: OpenPage, admin: User, two_runs: tuple[Run, Run], look: str) -> None:
    old, new = two_runs
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1440)
    page.goto(f"/admin/flows/run/diff/?a={old.pk}&b={new.pk}")
    take(page, f"diff-{look}")
    page.locator("details summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("link", name="update[4]").click()
    take(page, f"diff-first-{look}")


@pytest.fixture
def flow_with_versions(transactional_db: None) -> Flow:
    """A flow that several people and programs changed."""
    read = {**STEP, "name": "read", "params": {"url": "https://shop.example/prices", "days": 7}}
    update = {**STEP, "name": "update", "params": {"rows": "@read.rows", "limit": 100}}
    report = {**STEP, "name": "report", "params": {"msg": "@update.text"}}
    flow = Flow(flow_name="nightly-prices", flow_json=document(read, update), enabled=False)
    with versions.keeping(flow, author="mira", why=""):
        flow.save()
    bidi = "\u202e" + "<script>alert(1)</script>"
    for author, why, text, enabled in (
        ("mira", "The shop wants the report by mail", document(read, update, report), False),
        ("jonas.with-a-very-long-user-name", "Ready", document(read, update, report), True),
        (
            "מיכל",
            "חנות חדשה: יותר שורות ביום, וגם שם אחר לצעד",
            document({**read, "params": {"url": "https://shop.example/v2/prices", "days": 14}}, report, update),
            True,
        ),
        ("importflows (command)", "Imported from flows-in-git/nightly-prices.json", "", True),
        (
            bidi,
            "because " * 20 + bidi,
            document({**read, "name": "fetch"}, {**update, "params": {"rows": [1, 2, 3], bidi: bidi * 4}}),
            True,
        ),
    ):
        with versions.keeping(flow, author=author, why=why):
            flow.flow_json = text or json.dumps(json.loads(flow.flow_json))
            flow.enabled = enabled
            flow.save_fields(["flow_json", "enabled"])
    Flow.objects.filter(pk=flow.pk).update(flow_json=document(read, report), deleted=None)
    return flow


def document(*steps: object) -> str:
    return json.dumps({"procedures": steps}, indent=2) + "\n"


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures_of_versions(open_page: OpenPage, admin: User, flow_with_versions: Flow, look: str) -> None:
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1440)
    here = f"/admin/flows/flow/{flow_with_versions.pk}/versions/"
    for name, address in (
        ("versions", here),
        ("version", f"{here}2/"),
        ("version-compare", f"{here}compare/?old=3&new=4"),
        ("version-hostile", f"{here}compare/?old=4&new=6"),
        ("version-same", f"{here}compare/?old=4&new=5"),
        ("version-edit", f"/admin/flows/flow/{flow_with_versions.pk}/change/?version=2"),
    ):
        page.goto(address)
        take(page, f"{name}-{look}")
    unknown = document({**STEP, "mod": "no.Such"}, {**STEP, "name": "b", "params": {"msg": "@later.x"}})
    for text in (unknown, document(STEP)):
        with versions.keeping(flow_with_versions, author="mira"):
            Flow.objects.filter(pk=flow_with_versions.pk).update(flow_json=text)
    page.goto(f"{here}8/")
    page.get_by_role("button", name="Restore this version").click()
    page.wait_for_selector("[role=alert]")
    take(page, f"version-refused-{look}")
    flow = Flow.objects.create(flow_name="empty", flow_json=document(STEP))
    page.goto(f"/admin/flows/flow/{flow.pk}/versions/")
    take(page, f"versions-empty-{look}")


@pytest.fixture
def scheduled(rows: None, settings: Settings) -> Flow:
    """A flow with three schedules, on a site with a scheduler: one is well, one was skipped, one is off."""
    settings.FLOWS_DISPATCH = "celery"
    inputs = {"region": {"type": "string", "enum": ["north", "south"], "description": "Which shops"}}
    flow = Flow.objects.get(flow_name="hello")
    Flow.objects.filter(pk=flow.pk).update(flow_json=json.dumps({"inputs": inputs, "procedures": [STEP]}))
    run = runs.run_flow("hello", inputs={"region": "north"}).run_id
    now = int(timezone.now().timestamp()) // 3600 * 3600
    waits = f"run {run} is running since 2026-11-28 02:30:00, and one run of a flow is active at a time"
    for values in (
        {"cron": "30 2 * * mon-fri", "zone": "Europe/Berlin", "last_run": run, "note": "The shops of Berlin \u202e<b>"},
        {"cron": "*/10 8-18 * * *", "zone": "Asia/Shanghai", "trouble": waits, "overlap": "queue", "inputs": "{}"},
        {"cron": "0 9 1 */3 *", "zone": "America/New_York", "enabled": False, "next_due": None},
    ):
        usual = {"next_due": now + 7200, "last_due": now, "inputs": '{"region": "north"}'}
        Schedule.objects.create(flow_name="hello", **usual | values)
    return flow


@pytest.mark.parametrize("look", ["light", "dark", "narrow", "narrow-dark"])
def test_pictures_of_schedules(
    open_page: OpenPage, admin: User, scheduled: Flow, look: str, settings: Settings
) -> None:
    page = open_page(admin, dark="dark" in look, width=390 if "narrow" in look else 1440)
    here = f"/admin/flows/flow/{scheduled.pk}/schedules/"
    page.goto("/admin/flows/flow/")
    take(page, f"flows-due-{look}")
    page.goto(here)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    take(page, f"schedules-{look}")
    page.get_by_role("link", name=str(Schedule.objects.order_by("pk")[0].pk), exact=True).click()
    take(page, f"schedule-{look}")
    page.get_by_label("Cron").fill("61 2 * *")
    page.get_by_role("button", name="Save").click()
    take(page, f"schedule-wrong-{look}")
    Schedule.objects.all().delete()
    page.goto(here)
    take(page, f"schedules-empty-{look}")
    settings.FLOWS_DISPATCH = "thread"
    page.goto(here)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    take(page, f"schedules-cron-{look}")
