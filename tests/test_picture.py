"""The picture of a flow: what it shows, what it is written as, and who may see it."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from flows.engine import Finding, Registry, check
from flows.models import Flow
from flows.picture import Node, Picture, drawn_in_part, parts_of, picture_of, to_svg, to_svg_file
from flows.picture.file import stylesheet
from flows.picture.lanes import MAX_LANES, Span, lanes_of
from flows.picture.layout import RIGHT, Layout, lay_out
from flows.picture.measure import fitted, wrapped
from tests.engine.bad_documents import ALL, Bad
from tests.pictures import SHOWN
from tests.pictures import drawn as drawn_for_docs
from tests.users import client_with

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = [*sorted((ROOT / "samples").glob("*.json")), *sorted((ROOT / "docs" / "samples").glob("*.json"))]
REDRAW = "/admin/flows/flow/picture/"
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202eevil&\"'\ud800"
SVG = "{http://www.w3.org/2000/svg}"

without_database = pytest.mark.no_database


def step(name: str, params: Any = None, **options: Any) -> dict[str, Any]:
    return {"name": name, "mod": "common.Kt", "method": "prt", "params": params or {}, **options}


def drawn(*steps: Any, **document: Any) -> Picture:
    """Return the picture of these steps, with what the checker finds of them."""
    text = json.dumps({"procedures": list(steps), **document})
    report = check(text, Registry(["procedures"]))
    return picture_of(text, report.findings, report.hints)


def named(picture: Picture, name: str) -> Node:
    return next(node for node in picture.nodes if node.name == name)


def reads_of(picture: Picture, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(read.role, read.source, read.keys) for read in named(picture, name).reads]


def tree_of(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg_file(picture, "hello"))


def boxes_in(tree: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in tree.iter(f"{SVG}g") if "flow-box" in group.get("class", "").split()]


def boxes_with(name: str, picture: Picture) -> list[str]:
    """Return the pointers of the boxes of that class."""
    boxes = boxes_in(tree_of(picture))
    return [box.get("data-pointer", "") for box in boxes if name in box.get("class", "").split()]


def texts_in(tree: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in tree.iter(f"{SVG}text")]


def many(number: int, reads: int) -> Picture:
    """Return a flow in which each step reads from those before it, near and far."""
    steps = [
        step(f"s{place}", {f"p{far}": f"@s{place - far * far - 1}.msg" for far in range(reads) if far * far < place})
        for place in range(number)
    ]
    return drawn(*steps)


# What it shows


@without_database
def test_arrows_carry_the_keys_of_one_source_together_in_the_order_of_the_document() -> None:
    picture = drawn(
        step("a"), step("b", {"x": "@a.msg", "y": [{"z": "@a"}, "@a.msg", "@@a.no"], "t": "@_runtime.flow"})
    )
    assert reads_of(picture, "b") == [("", "a", ("msg", "")), ("", "_runtime", ("flow",))]
    assert [picture.nodes[place].name for place in named(picture, "a").read_by] == ["b"]


@without_database
def test_conditions_repetitions_and_outputs_say_what_they_are() -> None:
    picture = drawn(
        step("a"),
        step("b", when="@a.msg"),
        step("c", {"x": "@_item.id", "n": "@_index"}, when={"not": "@a.msg"}, foreach="@a.msg"),
        outputs={"last": "@a.msg", "unit": "m"},
    )
    assert reads_of(picture, "b") == [("when", "a", ("msg",))]
    assert reads_of(picture, "c")[:2] == [("when not", "a", ("msg",)), ("foreach", "a", ("msg",))]
    assert {source for _, source, _ in reads_of(picture, "c")} == {"a", "_item", "_index"}
    assert reads_of(picture, "Outputs") == [("last", "a", ("msg",))]
    assert named(picture, "Outputs").entries == ("unit",)
    assert (named(picture, "c").is_conditional, named(picture, "c").is_repeated) == (True, True)


@without_database
def test_options_stand_on_the_box_in_the_words_of_the_document() -> None:
    options = {"retry": {"max_attempts": 4}, "timeout": 2.5, "continue_on_error": True, "foreach": [1, 2]}
    picture = drawn(step("a", **options), {"name": "b", "flow": "other", "inputs": {"x": 1}})
    assert named(picture, "a").marks == ("foreach 2 entries", "retry 4", "timeout 2.5 s", "continue_on_error")
    assert named(picture, "b").call == "flow other"
    assert named(picture, "b").is_flow


@without_database
def test_inputs_and_handlers_have_boxes_and_handlers_read_the_error() -> None:
    picture = drawn(
        step("a", {"x": "@_input.day"}),
        inputs={"day": {"type": "string", "default": "today"}},
        on_failure=[step("tell", {"x": ["@_error.step", "@_input.day"]})],
    )
    assert [(node.kind, node.name) for node in picture.nodes] == [
        ("inputs", "Inputs"),
        ("step", "a"),
        ("failure", "After a failure"),
        ("handler", "tell"),
    ]
    assert named(picture, "Inputs").entries == ('day: string = "today"',)
    assert named(picture, "Inputs").read_by == (1, 3)
    assert named(picture, "After a failure").read_by == (3,)


@without_database
@pytest.mark.parametrize(
    "reader",
    [
        {"procedures": [step("a"), step("b", {"x": ["@a"]})]},
        {"procedures": [step("a"), step("b", when="@a.msg")]},
        {"procedures": [step("a"), step("b", foreach="@a.msg")]},
        {"procedures": [step("a"), step("b")], "outputs": {"x": "@a.msg"}},
    ],
)
def test_a_result_that_anything_reads_is_not_grey(reader: dict[str, Any]) -> None:
    assert [node.is_unread for node in picture_of(json.dumps(reader)).nodes if node.kind == "step"] == [False, False]


@without_database
def test_a_result_that_nobody_reads_is_grey_unless_it_is_the_last() -> None:
    picture = drawn(step("a"), step("b", {"x": "@a.msg"}), step("c"), on_failure=[step("h"), step("i")])
    assert [node.name for node in picture.nodes if node.is_unread] == ["b"]
    assert boxes_with("flow-unread", picture) == ["/procedures/1"]


# Documents that are wrong


@without_database
def test_each_finding_stands_in_red_at_its_step_and_the_others_are_drawn_as_ever() -> None:
    picture = drawn(step("a"), step("b", {"x": "@aa.msg"}), step("c", {"x": "@a.msg", "y": "@d.msg"}), step("d"))
    assert [len(node.findings) for node in picture.nodes] == [0, 1, 1, 0]
    assert [(read.source, read.is_wrong) for read in named(picture, "c").reads] == [("a", False), ("d", True)]
    red = [
        box.get("data-pointer") for box in boxes_in(tree_of(picture)) if "flow-wrong" in box.get("class", "").split()
    ]
    assert red == ["/procedures/1", "/procedures/2"]
    assert any('no step is named "aa"' in text for text in texts_in(tree_of(picture)))


@without_database
def test_what_is_wrong_with_the_document_itself_has_a_box_on_top() -> None:
    picture = drawn(step("a"), outputs=3, extra=1, inputs={"1": {"type": "string"}})
    told = {node.kind: [finding.pointer for finding in node.findings] for node in picture.nodes}
    assert told == {"document": ["/extra"], "inputs": ["/inputs/1"], "step": [], "outputs": ["/outputs"]}


@without_database
@pytest.mark.parametrize("text", ["", "{", "null", "[1]", '"@a"', "[" * 100_000, "\ufeff{}", '{"a": "\t"}', "\ud800"])
def test_a_text_that_is_no_object_gives_a_message_and_a_small_picture(text: str) -> None:
    report = check(text, Registry(["procedures"]))
    picture = picture_of(text, report.findings)
    assert (picture.nodes, picture.message) == ((), str(report.findings[0]))
    assert texts_in(tree_of(picture))


@without_database
@pytest.mark.parametrize("bad", ALL, ids=lambda bad: bad.title)
def test_every_bad_document_is_drawn_or_told_why_not(bad: Bad) -> None:
    readable = bad.text if isinstance(bad.text, str) else bad.text.decode(errors="replace")
    report = check(readable, Registry(["procedures"]))
    picture = picture_of(readable, report.findings, report.hints)
    assert picture.message or picture.findings == len(report.findings)
    assert len(boxes_in(tree_of(picture))) == len(picture.nodes)


@without_database
@pytest.mark.parametrize("value", [None, 1, True, "@", "@a.", [], {}, [None, 1, "x"], {"not": 3}, "@b.x", [[["@a"]]]])
def test_a_wrong_value_at_any_key_spoils_no_picture(value: Any) -> None:
    for key in (
        "name",
        "mod",
        "method",
        "params",
        "flow",
        "inputs",
        "when",
        "foreach",
        "retry",
        "timeout",
        "description",
    ):
        tree = tree_of(drawn(step("a"), {**step("b"), key: value}, value))
        assert len(boxes_in(tree)) >= 3
    for key in ("procedures", "inputs", "outputs", "on_failure", "description", "timeout"):
        assert tree_of(picture_of(json.dumps({"procedures": [step("a")], key: value}))) is not None


@without_database
def test_of_two_steps_of_one_name_the_first_is_meant_and_handlers_read_no_step() -> None:
    picture = drawn(step("a"), step("a"), step("b", {"x": "@a.msg"}), on_failure=[step("h", {"x": "@a.msg"})])
    assert [node.read_by for node in picture.nodes] == [(2,), (), (), (), ()]
    assert [(read.node, read.is_wrong) for read in named(picture, "h").reads] == [(None, True)]


# What is written


@without_database
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_steps_of_a_sample_stand_in_their_order_from_top_to_bottom(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    steps = [entry["name"] for entry in json.loads(text)["procedures"]]
    picture = picture_of(text)
    layout = lay_out(picture)
    assert [box.node.name for box in layout.boxes if box.node.kind == "step"] == steps
    lower = [box.top for box in layout.boxes[1:]]
    assert all(box.top + box.height < top for box, top in zip(layout.boxes, lower, strict=False))
    shown = [text for text in texts_in(tree_of(picture)) if text in steps]
    assert shown == steps


@without_database
def test_each_arrow_leads_from_the_box_that_is_read_to_the_row_that_reads() -> None:
    layout = lay_out(many(30, 4))
    for arrow in layout.arrows:
        source, target = layout.boxes[arrow.source], layout.boxes[arrow.target]
        assert source.top < arrow.begins < source.top + source.height < arrow.ends
        row = next(row for row in target.rows if row.middle == arrow.ends)
        assert row.text == f"@{source.node.name}.msg"
    assert len(layout.arrows) == sum(len(node.reads) for node in many(30, 4).nodes)


@without_database
def test_no_arrow_crosses_a_box_and_no_two_sources_share_a_place() -> None:
    layout = lay_out(many(100, 5))
    assert all(arrow.x > RIGHT for arrow in layout.arrows)
    assert overlaps(layout) == []


def overlaps(layout: Layout) -> list[tuple[int, int]]:
    upright = {(arrow.source, arrow.lane, arrow.begins) for arrow in layout.arrows if arrow.lane is not None}
    ends = {source: max(arrow.ends for arrow in layout.arrows if arrow.source == source) for source, _, _ in upright}
    return [
        (one, other)
        for one, lane, begins in upright
        for other, its_lane, its_begin in upright
        if one != other and lane == its_lane and begins <= its_begin <= ends[one]
    ]


@without_database
def test_lanes_are_used_again_and_short_lines_lie_within_long_ones() -> None:
    spans = {0: Span(0, 1000), 1: Span(100, 200), 2: Span(300, 400), 3: Span(150, 350)}
    assert lanes_of(spans) == {1: 0, 2: 0, 3: 1, 0: 2}


@without_database
def test_what_finds_no_lane_is_a_stub_and_the_picture_says_so() -> None:
    names = [f"s{place}" for place in range(60)]
    picture = drawn(*map(step, names), step("all", {"x": [f"@{name}.msg" for name in names]}))
    layout = lay_out(picture)
    assert len({arrow.lane for arrow in layout.arrows} - {None}) <= MAX_LANES
    assert "long arrows not drawn: the rows name the steps" in layout.footer
    assert layout.width < 700


@without_database
@pytest.mark.parametrize(("steps", "reads"), [(2, 1), (100, 5), (500, 8)])
def test_the_picture_grows_with_its_steps_and_no_faster(steps: int, reads: int) -> None:
    picture = many(steps, reads)
    text = to_svg_file(picture)
    elements = sum(1 for _ in ElementTree.fromstring(text).iter())
    assert len(boxes_in(ElementTree.fromstring(text))) == steps
    assert elements <= 40 + steps * (12 + 5 * reads)
    assert len(text) <= 20_000 + steps * (2_000 + 500 * reads)


@without_database
def test_a_document_full_of_references_stays_bounded() -> None:
    names = [f"s{place}" for place in range(250)]
    everything = [f"@{name}" for name in names] * 2
    steps = [step(name) for name in names] + [step(f"t{place}", {"x": everything}) for place in range(150)]
    text = to_svg_file(picture_of(json.dumps({"procedures": steps})))
    assert sum(1 for _ in ElementTree.fromstring(text).iter()) < 400 * 120
    assert "and from 239 more sources" in text


@without_database
def test_a_text_of_a_megabyte_is_not_written_into_the_picture() -> None:
    huge = "x" * 200_000
    entry = {**step(huge, [f"@a.{place}" for place in range(20_000)]), "mod": huge, "description": f"{huge} {huge}"}
    picture = picture_of(json.dumps({"procedures": [step("a"), entry]}))
    assert picture.steps == 2
    assert len(to_svg(picture)) < 20_000


@without_database
def test_more_steps_than_a_flow_may_have_are_counted_and_not_drawn() -> None:
    picture = drawn(*(step(f"s{place}") for place in range(600)))
    assert (picture.steps, picture.left_out) == (500, 100)
    assert "100 steps more not drawn." in texts_in(tree_of(picture))


@without_database
def test_hostile_text_is_shown_and_does_nothing() -> None:
    entry = dict.fromkeys(("name", "mod", "method", "description", "when", "flow"), HOSTILE)
    text = json.dumps(
        {
            "description": HOSTILE,
            "inputs": {HOSTILE: {"type": HOSTILE, "default": HOSTILE}},
            "procedures": [entry, {**step("b"), "params": {HOSTILE: f"@{HOSTILE}.{HOSTILE}"}}],
            "outputs": {HOSTILE: f"@b.{HOSTILE}"},
        }
    )
    picture = picture_of(text, [Finding("/procedures/0", HOSTILE)], [Finding("/procedures/1", HOSTILE)])
    for written in (to_svg_file(picture, HOSTILE), to_svg(picture, HOSTILE)):
        tree = ElementTree.fromstring(written)
        assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= {
            *("svg", "title", "desc", "style", "g", "path", "rect", "circle", "text")
        }
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\ud800]", written)
        assert "<script" not in written
        assert written.encode()


@without_database
def test_long_and_right_to_left_names_are_cut_and_stand_whole_in_the_title() -> None:
    long, hebrew = "n" * 64, "שלום" * 16
    tree = tree_of(picture_of(json.dumps({"procedures": [step(long), {**step("b"), "mod": hebrew}, step("漢" * 40)]})))
    titles = [element.text or "" for element in tree.iter(f"{SVG}title")]
    assert {long, f"{hebrew}.prt", "漢" * 40} <= set(titles)
    assert all(len(text) <= 60 for text in texts_in(tree))


@without_database
def test_a_text_is_cut_only_where_it_does_not_fit() -> None:
    assert fitted("hello", 100, 12) == "hello"
    assert fitted("hello" * 9, 100, 12).endswith("…")
    assert wrapped("one two three", 1000, 12, 3) == ["one two three"]
    lines = wrapped("word " * 50, 100, 12, 3)
    assert (len(lines), lines[-1][-1]) == (3, "…")


@without_database
def test_every_box_can_be_focused_and_says_what_it_reads_and_who_reads_it() -> None:
    picture = drawn(step("a"), step("b", {"x": "@a.msg", "y": "@c.z"}, when="@a.msg"), step("c", {"x": "@a"}))
    boxes = boxes_in(tree_of(picture))
    labels = [box.get("aria-label") or "" for box in boxes]
    assert {box.get("tabindex") for box in boxes} == {"0"}
    assert labels[0] == "Step 1, a. Calls common.Kt.prt. Read by Step 2, b, Step 3, c."
    assert labels[1].startswith(
        "Step 2, b. Calls common.Kt.prt. Runs when msg of a. Reads msg of a, z of c. Nobody reads its result. Wrong: "
    )
    assert labels[2] == "Step 3, c. Calls common.Kt.prt. Reads everything of a."


@without_database
def test_the_file_needs_nothing_beside_it() -> None:
    text = to_svg_file(drawn(step("a"), step("b", {"x": "@a.msg"})))
    assert "prefers-color-scheme: dark" in text
    assert re.findall(r"(?:href|src|url|@import)\b", text) == []
    assert "var(" not in stylesheet()
    used = {name for element in ElementTree.fromstring(text).iter() for name in element.get("class", "").split()}
    styled = set(re.findall(r"\.(flow-[\w-]+)", stylesheet()))
    assert {"flow-frame", "flow-line", "flow-head", "flow-ground", "flow-row-read"} <= used & styled


@without_database
def test_the_picture_on_the_page_brings_no_style() -> None:
    assert not re.search(r"<style|style=|fill=|stroke=", to_svg(many(5, 2)))


@without_database
@pytest.mark.parametrize("picture", SHOWN, ids=lambda picture: picture.stem)
def test_the_documentation_shows_what_is_drawn_now(picture: Path) -> None:
    assert picture.read_text(encoding="utf-8") == drawn_for_docs(SHOWN[picture]), "python -m tests.pictures"


# In the admin


def make_flow(document: Any = None) -> Flow:
    text = json.dumps(document or {"procedures": [step("a"), step("b", {"msg": "@a.msg"})]})
    return Flow.objects.create(flow_name="hello", flow_json=text, enabled=True)


def file_of(flow: Flow) -> str:
    return reverse("admin:flows_flow_picture_file", args=[flow.pk])


def page_of(flow: Flow) -> str:
    return reverse("admin:flows_flow_change", args=[flow.pk])


PERMISSIONS = pytest.mark.parametrize(
    ("codenames", "page", "redraw", "file"),
    [
        ((), 403, 403, 403),
        (("view_syslog", "run_flow"), 403, 403, 403),
        (("view_flow",), 200, 200, 200),
        (("change_flow",), 200, 200, 200),
        (("add_flow",), 403, 200, 403),
    ],
)


@pytest.mark.django_db
@PERMISSIONS
def test_who_may_see_the_flow_may_see_its_picture(
    codenames: tuple[str, ...], page: int, redraw: int, file: int
) -> None:
    flow = make_flow()
    client = client_with(*codenames)
    assert client.get(page_of(flow)).status_code == page
    assert client.post(REDRAW, {"flow_json": flow.flow_json}).status_code == redraw
    assert client.get(file_of(flow)).status_code == file


@pytest.mark.django_db
def test_nobody_sees_a_picture_without_a_login(client: Client) -> None:
    flow = make_flow()
    for response in (client.get(file_of(flow)), client.post(REDRAW, {"flow_json": flow.flow_json})):
        assert response.status_code == 302
        assert "/login/" in response["Location"]


@pytest.mark.django_db
def test_a_picture_is_redrawn_by_post_with_a_token_and_stores_nothing(admin_user: User) -> None:
    flow = make_flow()
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    before = Flow.objects.values_list().get()
    assert client.get(REDRAW).status_code == 405
    assert client.post(REDRAW, {"flow_json": flow.flow_json}).status_code == 403
    token = client.get(page_of(flow)).cookies["csrftoken"].value
    response = client.post(REDRAW, {"flow_json": '{"procedures": []}', "flow_name": "x", "csrfmiddlewaretoken": token})
    assert response.status_code == 200
    assert client.post(file_of(flow), {"csrfmiddlewaretoken": token}).status_code == 405
    assert client.get(file_of(flow)).status_code == 200
    assert Flow.objects.values_list().get() == before


@pytest.mark.django_db
def test_the_redrawn_picture_is_that_of_the_text_that_was_sent(admin_client: Client) -> None:
    wrong = {"procedures": [step("one"), step("two", {"msg": "@oen.msg"})]}
    page = admin_client.post(REDRAW, {"flow_json": json.dumps(wrong)}).content.decode()
    assert 'data-summary="2 steps, 1 finding"' in page
    assert "no step is named &quot;oen&quot;" in page
    page = admin_client.post(REDRAW, {"flow_json": '{"procedures": [<b>'}).content.decode()
    assert "No picture of this text: not JSON: line 1, column 17" in page
    assert "<b>" not in page
    assert "<svg" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("kept", ["change_flow", "view_flow"])
def test_the_page_of_a_flow_shows_its_picture_and_offers_the_file(kept: str) -> None:
    flow = make_flow()
    page = client_with(kept).get(page_of(flow)).content.decode()
    assert page.count('class="flow-drawing"') == 1
    assert 'data-pointer="/procedures/1"' in page
    assert file_of(flow) in page


@pytest.mark.django_db
def test_the_page_of_a_new_flow_shows_the_picture_of_its_first_document(admin_client: Client) -> None:
    page = admin_client.get("/admin/flows/flow/add/").content.decode()
    assert 'data-pointer="/procedures/0"' in page
    assert "picture.svg" not in page


@pytest.mark.django_db
def test_a_refused_text_is_drawn_as_it_was_typed(admin_client: Client) -> None:
    wrong = {"procedures": [step("typed", {"msg": "@nowhere.x"})]}
    page = admin_client.post("/admin/flows/flow/add/", {"flow_name": "n", "flow_json": json.dumps(wrong)})
    assert page.status_code == 200
    assert 'aria-label="Step 1, typed.' in page.content.decode()
    assert not Flow.objects.exists()


@pytest.mark.django_db
def test_the_file_is_an_attachment_that_bears_the_name_of_the_flow(admin_client: Client) -> None:
    flow = make_flow()
    Flow.objects.filter(pk=flow.pk).update(flow_name='a "b"\r\n/漢')
    response = admin_client.get(file_of(flow))
    assert response["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert len(boxes_in(ElementTree.fromstring(response.content))) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["99999", "x", "1_2"])
def test_the_file_of_no_flow_leads_back_with_a_message(admin_client: Client, key: str) -> None:
    response = admin_client.get(f"/admin/flows/flow/{key}/picture.svg", follow=True)
    assert [str(message) for message in response.context["messages"]]


@pytest.mark.django_db
def test_a_stored_text_that_is_no_flow_still_has_a_page_and_a_file(admin_client: Client) -> None:
    flow = make_flow([1, 2])
    assert b"No picture of this text" in admin_client.get(page_of(flow)).content
    assert b"the document is a list" in admin_client.get(file_of(flow)).content


# A long flow in parts


def long_flow(wrong: int = -1, **document: Any) -> Picture:
    """Return the picture of 100 steps, each of which reads the one before; the wrong one reads what is not there."""
    steps = [step(f"s{n}", {"msg": "@nobody.x" if n == wrong else f"@s{n - 1}.msg" if n else 1}) for n in range(100)]
    return drawn(*steps, **document)


def shown_in(picture: Picture) -> list[str]:
    return [picture.nodes[box.place].name for box in lay_out(picture).boxes]


@without_database
def test_a_long_flow_is_drawn_in_parts_with_ways_to_the_others() -> None:
    picture = drawn_in_part(long_flow(), 2)
    assert shown_in(picture) == [f"s{n}" for n in range(40, 80)]
    parts = [(part.label, part.is_drawn) for part in parts_of(picture)]
    assert parts == [("Steps 1\u201340", False), ("Steps 41\u201380", True), ("Steps 81\u2013100", False)]
    assert "A short arrow comes from a step of another part." in to_svg(picture)


@without_database
def test_an_arrow_from_another_part_is_a_stub_at_its_row() -> None:
    layout = lay_out(drawn_in_part(long_flow(), 2))
    first, second = layout.arrows[:2]
    assert (first.source, first.target, first.lane) == (39, 40, None)
    assert (second.source, second.target, second.lane is None) == (40, 41, False)
    assert len(layout.arrows) == 40


@without_database
def test_the_part_with_the_first_finding_is_drawn_unless_another_is_chosen() -> None:
    picture = long_flow(wrong=90)
    assert shown_in(drawn_in_part(picture, None))[0] == "s80"
    assert shown_in(drawn_in_part(picture, 1))[0] == "s0"
    assert [part.findings for part in parts_of(drawn_in_part(picture, 1))] == [0, 0, 1]
    assert shown_in(drawn_in_part(long_flow(), None))[0] == "s0"


@without_database
@pytest.mark.parametrize(("number", "first"), [(0, "s0"), (9, "s80")])
def test_a_part_that_there_is_not_is_the_nearest(number: int, first: str) -> None:
    assert shown_in(drawn_in_part(long_flow(), number))[0] == first


@without_database
def test_what_stands_around_the_steps_is_drawn_where_it_stands() -> None:
    picture = long_flow(inputs={"who": {"type": "string"}}, outputs={"x": "@s99.msg"}, on_failure=[step("tell")])
    last = drawn_in_part(picture, 3)
    assert shown_in(last)[-3:] == ["Outputs", "After a failure", "tell"]
    assert shown_in(drawn_in_part(picture, 1))[:2] == ["Inputs", "s0"]


@without_database
def test_a_flow_of_forty_boxes_has_no_parts_and_a_file_holds_all() -> None:
    few = drawn(*(step(f"s{n}") for n in range(40)))
    assert drawn_in_part(few, 2) is few
    assert parts_of(few) == []
    assert len(boxes_in(tree_of(long_flow()))) == 100


@pytest.mark.django_db
def test_the_page_and_the_redrawn_picture_turn_to_a_part(admin_client: Client) -> None:
    text = json.dumps({"procedures": [step(f"s{n}") for n in range(100)]})
    flow = Flow.objects.create(flow_name="long", flow_json=text, enabled=True)
    address = reverse("admin:flows_flow_change", args=[flow.pk])
    first = admin_client.get(address).content.decode()
    assert '<a href="?picture=2#flow-picture-heading" data-part="2">' in first
    assert 'data-pointer="/procedures/99"' not in re.sub(r"<script.*?</script>", "", first, flags=re.DOTALL)
    for answer in (
        admin_client.get(address, {"picture": "3"}),
        admin_client.post(REDRAW, {"flow_json": text, "picture": "3"}),
        admin_client.post(REDRAW, {"flow_json": text, "picture": "9"}),
    ):
        assert 'data-part="3" aria-current="true"' in answer.content.decode()
        assert 'aria-label="Step 100, s99.' in answer.content.decode()
    for nonsense in ("x", "-1", "9" * 30):
        assert admin_client.get(address, {"picture": nonsense}).status_code == 200
