"""Two hundred texts that try to become markup, in every stored field: on no page is one of them active."""

import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from itertools import product
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Flow, Run, Status, StepRun, SysLog, Trigger
from tests.every_page import Rows, address, every_url, make_rows

MARK = "zq"
ENDS = ("", '">', "'>", "-->", "</textarea>", "</script>", "</pre></code></td>", "]]>", "</title>", "&quot;&#39;>\\")
TRIES = (
    "<script>zq()</script>",
    "<img src=x onerror=zq()>",
    "<svg onload=zq()><animate onbegin=zq() attributeName=x>",
    '<a href="javascript:zq()">zq</a>',
    '" onfocus="zq()" autofocus zq="',
    "' onclick='zq()",
    "javascript:zq()",
    "data:text/html,<zq>",
    '<iframe srcdoc="<zq>"></iframe>',
    "<zq-x zq=1>",
    '{{7*7}}zq{% now "Y" %}${7*7}zq',
    '<style>@import "//zq";</style>',
    '<meta http-equiv=refresh content="0;url=//zq">',
    "<base href=//zq>",
    "<form action=javascript:zq()><button formaction=//zq>",
    '<math><mi xlink:href="//zq">',
    "<![CDATA[<zq>]]><!--zq",
    "&lt;zq&gt;&#x3c;zq&#60zq",
    "\u202e<zq>\u2066\x00\x1b[31m\x9b",
    "\uff1czq\uff1e\ufeff\u2028<zq\t/\x0bzq>",
)
PAYLOADS = ["".join(parts) for parts in product(ENDS, TRIES)]
ADDRESSES = {"href", "src", "action", "formaction", "data", "srcdoc", "srcset", "xlink:href", "poster", "content"}
# What a text must not do to its neighbours, or to a terminal.
A_PAGE = 50
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LOADED = re.compile(r"(?i)[\s\x00-\x20]*(javascript|data|vbscript|https?:|//)")

# What a page makes of a text does not depend on the database.
pytestmark = [pytest.mark.django_db, pytest.mark.no_database]


class Page(HTMLParser):
    """What a page is made of, and the faults of it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.inside = ""
        self.made_of: set[tuple[str, str]] = set()
        self.faults: list[str] = []
        self.shown = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.made_of |= {(tag, name) for name, _ in attrs} | {(tag, "")}
        for name, value in attrs:
            if name.startswith("on") or MARK in tag + name or (name in ADDRESSES and self._is_active(value or "")):
                self.faults.append(f"<{tag} {name}={value!r}>")
        if tag == "script" and not dict(attrs).get("src") and dict(attrs).get("type") != "application/json":
            self.faults.append("an inline script")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside in {"script", "style"} and ("<" in data or (MARK in data and self.inside == "style")):
            self.faults.append(f"<{self.inside}>{data}")
        if self.inside not in {"script", "textarea"}:
            self.shown += data

    def handle_comment(self, data: str) -> None:
        self.faults += [f"<!--{data}-->"] if MARK in data else []

    def handle_decl(self, decl: str) -> None:
        self.faults += [f"<!{decl}>"] if MARK in decl else []

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}]>")

    @staticmethod
    def _is_active(value: str) -> bool:
        return MARK in value and bool(LOADED.match(value))


def in_parts(size: int) -> Iterator[str]:
    """Return the payloads in texts of so many, each text with another one first."""
    for start in range(0, len(PAYLOADS), size):
        yield " ".join(PAYLOADS[start : start + size])


def bulk(texts: Iterable[str]) -> None:
    """Store a row of the lists for each text."""
    now = timezone.now()
    for number, text in enumerate(texts):
        Flow.objects.create(flow_name=f"{text[:120]}{number}", flow_json=json.dumps(text), enabled=True)
        SysLog.objects.create(created_at=now, level=text[:16], logger_name=text[:64], message=text)
        values: dict[str, Any] = {"status": Status.FAILED, "trigger": Trigger.COMMAND, "definition": "{}"}
        Run.objects.create(flow_name=text[:128], asked_by=text, key=text, created_at=now, **values)


def flow_with_inputs(text: str) -> Flow:
    inputs = {"who": {"type": "string", "description": text, "default": text}, "mode": {"enum": [text, "x"]}}
    steps = [{"name": "a", "mod": "common.Kt", "method": "prt", "description": text, "params": {"msg": text}}]
    document = json.dumps({"description": text, "inputs": inputs, "procedures": steps})
    return Flow.objects.create(flow_name=text[:120] + "inputs", flow_json=document, enabled=True)


def answers(client: Client, rows: Rows) -> Iterator[tuple[str, Any]]:
    """Ask for every page that these rows stand on."""
    query = {"a": rows.run.pk, "b": rows.other_run.pk}
    for pattern in every_url():
        asked = (
            {"old": "1", "new": "2"} if "compare" in str(pattern.name) else query if "diff" in str(pattern.name) else {}
        )
        yield str(pattern.name), client.get(address(pattern, rows), asked)
    for page in ("picture", "check"):
        data = {"flow_json": rows.flow.flow_json, "document": rows.flow.flow_json, "flow_name": rows.flow.flow_name}
        yield f"POST {page}", client.post(f"/admin/flows/flow/{page}/", data)
    yield "start page", client.get("/admin/")
    yield "refused", client.post(f"/admin/flows/run/{rows.other_run.pk}/resume/", {"way": "edited", "nonce": "x"})


def text_of(answer: Any) -> str:
    text: str = b"".join(answer).decode()
    return text


def faults_of(name: str, answer: Any) -> tuple[Page | None, list[str]]:
    """Return what a page is made of, and what is wrong with it; a file must not be shown as a page."""
    if answer.status_code in {302, 403, 404, 405}:
        return None, []
    kind, text = answer["Content-Type"].split(";")[0], text_of(answer)
    if kind == "image/svg+xml":
        return None, [f"{name}: {fault}" for fault in faults_of_picture(text)]
    if kind != "text/html":
        return None, [] if "attachment" in answer["Content-Disposition"] else [f"{name}: {kind}, shown"]
    page = Page(text)
    faults = [*page.faults, *(f"unseen: {one!r}" for one in UNSEEN.findall(page.shown))]
    faults += [f"a template's result: {page.shown}"] if f"49{MARK}" in page.shown else []
    return page, [f"{name}: {fault}" for fault in faults]


def faults_of_picture(text: str) -> Iterator[str]:
    for element in ElementTree.fromstring(text).iter():
        tag = str(element.tag).rpartition("}")[2]
        if MARK in tag or tag in {"script", "image", "foreignObject", "use", "animate", "set", "iframe"}:
            yield f"<{tag}>"
        yield from (f"{name}={value}" for name, value in element.items() if name.startswith("on") or "href" in name)


def made_of(client: Client, text: str) -> tuple[set[tuple[str, str]], list[str], set[str]]:
    """Return what all pages are made of with a text in every field, their faults, and which pages showed the text."""
    rows = make_rows(text)
    form = flow_with_inputs(text)
    parts: set[tuple[str, str]] = set()
    faults: list[str] = []
    shown = set()
    for name, answer in [*answers(client, rows), ("form", client.get(f"/admin/flows/flow/{form.pk}/run/"))]:
        page, wrong = faults_of(name, answer)
        faults += wrong
        if page:
            parts |= page.made_of
            shown |= {name} if text[:12] in page.shown else set()
    return parts, faults, shown


def test_no_page_is_made_of_what_a_row_holds(admin_client: Client) -> None:
    plain, faults, _ = made_of(admin_client, "plain text of a row " * 100)
    assert faults == []
    for text in in_parts(40):
        parts, faults, shown = made_of(admin_client, text)
        assert faults == []
        assert parts <= plain
        assert len(shown) > 20


@pytest.mark.parametrize("page", ["flow", "run", "syslog"])
def test_no_list_is_made_of_what_its_rows_hold(admin_client: Client, page: str) -> None:
    for start in range(0, len(PAYLOADS), A_PAGE):
        bulk(PAYLOADS[start : start + A_PAGE])
        shown, faults = faults_of(page, admin_client.get(f"/admin/flows/{page}/"))
        assert faults == []
        assert shown
        assert shown.shown.count(MARK) >= A_PAGE
        Flow.objects.all().delete()
        Run.objects.all().delete()
        SysLog.objects.all().delete()


def test_a_path_that_no_run_could_have_is_shown_as_it_is(admin_client: Client) -> None:
    run = make_rows("plain").run
    for path in ("a/" * 199 + "b", "a" + "[1]" * 120, "/" * 399 + "]", "]["):
        StepRun.objects.create(run=run, path=path, attempt=1, status="succeeded", params="{}")
        Run.objects.filter(pk=run.pk).update(step=path)
        assert admin_client.get(f"/admin/flows/run/{run.pk}/change/").status_code == 200
