"""Take a picture of every page in every look, to be looked at: `pytest tests/browser/gallery.py`.

They go to the folder that GALLERY names (default: var/gallery): `many/1440-light/runs.png`.
"""

import os
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from flows import versions
from flows.models import Flow, Run, Schedule, Status, SysLog, Trigger
from tests.browser.conftest import OpenPage
from tests.browser.every_page import EACH, FOR_ALL, LOOKS, STEP, document, make_site, pages
from tests.browser.test_accessibility import open_all

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FOLDER = Path(os.environ.get("GALLERY", Path(__file__).resolve().parents[2] / "var" / "gallery"))
LONG = "a-name-without-any-space-" * 5
RIGHT_TO_LEFT = "تقرير-يومي-للمبيعات"
HOSTILE = "<script>alert(1)</script>\u202e&amp;"


def make_many(flow: Flow) -> None:
    """Make much of all that a page may show, with names that are hard to show."""
    chance, now = Random(7), timezone.now()
    names = [LONG, RIGHT_TO_LEFT, HOSTILE, *(f"flow-{number:03}" for number in range(200))]
    Flow.objects.bulk_create(
        Flow(flow_name=name, flow_json=document(STEP, EACH), enabled=chance.random() < 0.7)
        for name in names
        if name != flow.flow_name
    )
    for number in range(40):
        with versions.keeping(flow, author=chance.choice([*names[:3], "mira"]), why=f"{HOSTILE} {LONG} {number}"):
            flow.flow_json = document(STEP, {**EACH, "foreach": ["north"] * (number + 1)})
            flow.save_fields(["flow_json"])
    Schedule.objects.bulk_create(
        Schedule(flow_name=name, cron=f"{number} 2 * * *", zone="America/Argentina/Buenos_Aires")
        for number in range(20)
        for name in (flow.flow_name, RIGHT_TO_LEFT)
    )
    Run.objects.bulk_create(_run(chance.choice([*names[:9], flow.flow_name]), chance) for _ in range(400))
    texts = ("412 rows read", HOSTILE * 9, "x" * 3000, "Traceback\n  File\nKeyError: 1", RIGHT_TO_LEFT * 12)
    SysLog.objects.bulk_create(
        SysLog(
            created_at=now - timedelta(minutes=number / 3),
            level=chance.choices(["INFO", "WARNING", "ERROR"], [90, 8, 4])[0],
            logger_name=chance.choice(["flows.engine.runner", f"procedures.{LONG}"]),
            message=f"[flow={chance.choice(names[:9])} run={number} step=load] {chance.choice(texts)}",
        )
        for number in range(3000)
    )


def _run(name: str, chance: Random) -> Run:
    status = chance.choices([*Status], [1, 0, 2, 90, 6, 1])[0]
    began = timezone.now() - timedelta(minutes=chance.randrange(24 * 60))
    return Run(
        flow_name=name,
        status=status,
        trigger=chance.choice([*Trigger]),
        asked_by=chance.choice([LONG, RIGHT_TO_LEFT, "mira"]),
        definition=document(STEP, EACH),
        created_at=began,
        started_at=began,
        ended_at=began + timedelta(seconds=3),
        seconds=chance.uniform(0.001, 5000),
        steps_total=2,
        steps_done=2,
        failed_step="load" if status == Status.FAILED else "",
        error_message=chance.choice([HOSTILE, "out of paper"]) if status == Status.FAILED else "",
    )


@pytest.mark.parametrize("fill", ["nothing", "one", "many"])
def test_gallery(open_page: OpenPage, admin: User, database_logging: None, fill: str) -> None:
    page = open_page(admin)
    addresses = FOR_ALL
    if fill != "nothing":
        flow = make_site(LONG if fill == "many" else "report")
        addresses = pages(flow)
        if fill == "many":
            make_many(flow)
    for name, address in addresses.items():
        page.goto(address)
        open_all(page)
        for width, look in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=look)
            page.wait_for_timeout(250)
            picture = FOLDER / fill / f"{width}-{look}" / f"{name.replace(', ', '-').replace(' ', '-')}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            height = page.evaluate("document.documentElement.scrollHeight")
            page.screenshot(
                path=picture, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": min(height, 1800)}
            )
