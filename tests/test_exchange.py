"""Flows as files: what goes out comes in again, all of it or nothing, and nothing is enabled unasked."""

import json
import re
import unicodedata
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from flows import exchange
from flows.engine import FlowError, format_document
from flows.models import Flow

DOCUMENT = {"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}}]}
OTHER = {"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "good-bye"}}]}
LONG_AGO = timezone.now() - timedelta(days=100)


def store(name: str, document: Any = DOCUMENT, **flags: Any) -> Flow:
    text = document if isinstance(document, str) else json.dumps(document)
    flow = Flow.objects.create(flow_name=name, flow_json=text, **flags)
    Flow.objects.filter(pk=flow.pk).update(updated_at=LONG_AGO)
    return flow


def put(folder: Path, name: str, document: Any = DOCUMENT) -> Path:
    path = folder / name
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def command(name: str, *arguments: Any) -> str:
    out = StringIO()
    call_command(name, *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(name: str, *arguments: Any, returncode: int = 2) -> list[str]:
    """Run a command that must fail; return the lines of its error."""
    with pytest.raises(CommandError) as caught:
        command(name, *arguments)
    assert caught.value.returncode == returncode
    return str(caught.value).split("\n")


def rows() -> list[tuple[str, Any, bool | None, bool | None, datetime]]:
    fields = ("flow_name", "flow_json", "enabled", "deleted", "updated_at")
    return list(Flow.objects.order_by("flow_name").values_list(*fields))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def meaning(flow_name: str) -> Any:
    return json.loads(Flow.objects.get(flow_name=flow_name).flow_json)


# Export


@pytest.mark.django_db
def test_each_flow_that_is_not_deleted_becomes_one_readable_file(tmp_path: Path) -> None:
    store("one", {"procedures": [{"params": {"msg": "中文"}, "method": "prt", "mod": "common.Kt", "name": "a"}]})
    store("two", enabled=None, deleted=None)
    store("gone", deleted=True)
    folder = tmp_path / "new" / "flows"
    assert command("exportflows", folder) == "one.json: created\ntwo.json: created\n"
    assert sorted(contents(folder)) == ["one.json", "two.json"]
    text = (folder / "one.json").read_text(encoding="utf-8")
    assert text == format_document(Flow.objects.get(flow_name="one").flow_json)
    assert re.findall(r'"(\w+)":', text) == ["procedures", "name", "mod", "method", "params", "msg"]
    assert text.endswith("}\n")
    assert "中文" in text


@pytest.mark.django_db
def test_only_files_that_differ_are_written_again(tmp_path: Path) -> None:
    store("changed")
    store("same")
    command("exportflows", tmp_path)
    before = (tmp_path / "same.json").stat().st_ino
    Flow.objects.filter(flow_name="changed").update(flow_json=json.dumps(OTHER))
    store("added")
    assert command("exportflows", tmp_path) == "added.json: created\nchanged.json: changed\nsame.json: unchanged\n"
    assert (tmp_path / "same.json").stat().st_ino == before
    assert "good-bye" in (tmp_path / "changed.json").read_text()


@pytest.mark.django_db
def test_named_flows_are_exported_alone(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        store(name)
    assert command("exportflows", tmp_path, "two", "one", "two") == "two.json: created\none.json: created\n"
    assert sorted(contents(tmp_path)) == ["one.json", "two.json"]


@pytest.mark.django_db
def test_an_unknown_and_a_deleted_name_are_refused_before_a_file_is_written(tmp_path: Path) -> None:
    store("one")
    store("gone", deleted=True)
    assert "onn" in refused("exportflows", tmp_path, "one", "onn")[0]
    assert refused("exportflows", tmp_path, "one", "gone") == ['flow "gone" is deleted; restore it in the admin first']
    assert contents(tmp_path) == {}


@pytest.mark.django_db
def test_what_cannot_be_exported_is_reported_and_the_rest_is_written(tmp_path: Path) -> None:
    store("fine")
    (tmp_path / "folder.json").mkdir()
    store("folder")
    store("x" * 126 + "中中")
    store("中" * 90)
    if connection.vendor == "sqlite":
        store("broken", "{oops")
        store("Twin")
        store("twin")
    problems = refused("exportflows", tmp_path, returncode=1)
    assert problems[0] == "not exported:"
    assert any(line.startswith("folder: its file cannot be written: ") for line in problems)
    assert any(line.startswith(f"{'中' * 90}: the name ") and "too long" in line for line in problems)
    if connection.vendor == "sqlite":
        assert any(line.startswith("broken: not JSON: line 1, column 2: ") for line in problems)
        assert 'Twin: "twin" differs only in case, and would share its file; rename one of them' in problems
        assert 'twin: "Twin" differs only in case, and would share its file; rename one of them' in problems
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert written == {"fine.json", f"{'x' * 126}中中.json"}, "and no unfinished file is left"


@pytest.mark.django_db
def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    store("one")
    (tmp_path / "file").write_text("")
    assert refused("exportflows", tmp_path / "file")[0].startswith(f"{tmp_path / 'file'}: the folder cannot be made: ")


@pytest.mark.django_db
def test_an_export_of_no_flows_says_so(tmp_path: Path) -> None:
    assert command("exportflows", tmp_path) == "There are no flows.\n"


# Names


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("nightly", "nightly.json"),
        ("my flow-2_b.v1", "my flow-2_b.v1.json"),
        ("每日 报表", "每日 报表.json"),
        ("a/b", "a%2Fb.json"),
        ("../../etc/passwd", "%2E%2E%2F..%2Fetc%2Fpasswd.json"),
        (".hidden", "%2Ehidden.json"),
        ("..", "%2E%2E.json"),
        ("100%", "100%25.json"),
        ("a%2Fb", "a%252Fb.json"),
        ('<:"\\|?*>', "%3C%3A%22%5C%7C%3F%2A%3E.json"),
        ("con", "%63on.json"),
        ("COM1.x", "%43OM1.x.json"),
        ("console", "console.json"),
        (" a ", "%20a%20.json"),
        ("a\nb\u202ec\x00", "a%0Ab%E2%80%AEc%00.json"),
        ("e\u0301", "e%CC%81.json"),
    ],
)
def test_the_file_of_a_flow_bears_its_name_in_a_form_that_every_file_system_takes(name: str, file: str) -> None:
    assert exchange.file_name(name) == file
    assert exchange.flow_name(Path(file)) == name


@pytest.mark.no_database
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)
    | st.text('con.<%2F\u0338\u0327 "', min_size=1)
)
def test_every_name_that_makes_a_file_reads_back(name: str) -> None:
    try:
        file = exchange.file_name(name)
    except FlowError:
        assume(False)
    assert not set(file) & set('/\\:*?"<>|\x00\n')
    assert not file.startswith((".", " "))
    if len(name) <= exchange.LONGEST_FLOW_NAME:
        assert exchange.flow_name(Path("folder") / file) == name
        decomposed = unicodedata.normalize("NFD", file)
        assert exchange.flow_name(Path("folder") / decomposed) == name


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("100%.json", 'the file of the flow "100%" is named "100%25.json"; rename the file'),
        ("%2e.json", 'the file of the flow "." is named "%2E.json"; rename the file'),
        ("con.json", 'the file of the flow "con" is named "%63on.json"; rename the file'),
        ("%FF.json", "the name of the file is not percent-encoded UTF-8; a plain % is written %25"),
        ("x" * 129 + ".json", "a flow's name has at most 128 characters, not 129; rename the file"),
        ("flow.txt", "this is no .json file"),
    ],
)
def test_a_file_that_is_not_named_like_a_flow_is_refused(tmp_path: Path, file: str, reason: str) -> None:
    path = put(tmp_path, file)
    assert refused("importflows", path) == [f"{path}: {reason}"]
    assert rows() == []


# Import


@pytest.mark.django_db
def test_a_new_flow_comes_in_disabled(tmp_path: Path) -> None:
    put(tmp_path, "one.json")
    assert command("importflows", tmp_path) == "one: created, disabled\n1 created.\n"
    assert meaning("one") == DOCUMENT
    assert [(row[0], row[2], row[3]) for row in rows()] == [("one", False, False)]


@pytest.mark.django_db
def test_a_changed_flow_keeps_its_flags_moves_its_time_and_shows_what_changed(tmp_path: Path) -> None:
    for name, enabled in (("off", False), ("on", True), ("unset", None)):
        store(name, enabled=enabled)
        put(tmp_path, f"{name}.json", OTHER)
    out = command("importflows", tmp_path)
    assert out.splitlines()[:3] == ["off: changed", "  --- off (stored)", f"  +++ {tmp_path / 'off.json'}"]
    assert '  -        "msg": "hello"\n  +        "msg": "good-bye"\n' in out
    assert out.endswith("3 changed.\n")
    assert [(row[0], row[2]) for row in rows()] == [("off", False), ("on", True), ("unset", None)]
    assert all(meaning(row[0]) == OTHER and row[4] > LONG_AGO + timedelta(days=99) for row in rows())


@pytest.mark.django_db
def test_a_document_that_says_the_same_in_another_layout_changes_nothing(tmp_path: Path) -> None:
    store("one", {"procedures": [{"params": {"b": 1, "a": [1.0]}, "method": "prt", "mod": "common.Kt", "name": "a"}]})
    same = b'{"procedures":[{"name":"a","mod":"common.Kt","method":"prt",\n\n"params":{"a":[1.0],"\\u0062":1}}]}'
    put(tmp_path, "one.json", same)
    before = rows()
    assert command("importflows", tmp_path) == "one: unchanged\n1 unchanged.\n"
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize("other", ["1.0", "true", '"1"'])
def test_another_type_of_the_same_value_is_a_change(tmp_path: Path, other: str) -> None:
    store("one", json.dumps(DOCUMENT).replace('"hello"', "1"))
    text = json.dumps(DOCUMENT).replace('"hello"', other)
    put(tmp_path, "one.json", text.encode())
    assert command("importflows", tmp_path).startswith("one: changed\n")


@pytest.mark.django_db
def test_a_stored_document_that_is_not_valid_can_be_replaced(tmp_path: Path) -> None:
    store("one", {"procedures": "none"} if connection.vendor == "mysql" else "{oops \x1b[31m")
    put(tmp_path, "one.json")
    out = command("importflows", tmp_path)
    assert out.startswith("one: changed\n")
    assert "\x1b" not in out
    assert meaning("one") == DOCUMENT


@pytest.mark.django_db
def test_enable_enables_the_flows_of_the_files_and_no_others(tmp_path: Path) -> None:
    for name, enabled in (("changed", None), ("elsewhere", False), ("on", True), ("same", False)):
        store(name, enabled=enabled)
        put(tmp_path, f"{name}.json", OTHER if name == "changed" else DOCUMENT)
    put(tmp_path, "new.json")
    (tmp_path / "elsewhere.json").unlink()
    out = command("importflows", tmp_path, "--enable")
    assert re.findall(r"^\w+: .*$", out, re.MULTILINE) == [
        "changed: changed, enabled",
        "new: created, enabled",
        "on: unchanged",
        "same: unchanged, enabled",
    ]
    assert {row[0]: row[2] for row in rows()} == {
        "changed": True,
        "elsewhere": False,
        "new": True,
        "on": True,
        "same": True,
    }
    assert {row[0] for row in rows() if row[4] < LONG_AGO + timedelta(days=1)} == {
        "elsewhere",
        "on",
    }


@pytest.mark.django_db
def test_a_deleted_flow_is_revived_only_when_told_and_stays_disabled(tmp_path: Path) -> None:
    store("gone", enabled=True, deleted=True)
    path = put(tmp_path, "gone.json")
    put(tmp_path, "new.json")
    before = rows()
    reason = f'{path}: the flow "gone" is deleted; take the file away, or import with --restore'
    assert refused("importflows", tmp_path) == [reason]
    assert refused("importflows", tmp_path, "--dry-run", "--enable") == [reason]
    assert rows() == before
    assert command("importflows", tmp_path, "--restore").splitlines()[0] == "gone: restored, disabled"
    assert [(row[0], row[2], row[3]) for row in rows()] == [("gone", False, False), ("new", False, False)]


@pytest.mark.django_db
def test_restored_and_enabled_at_once(tmp_path: Path) -> None:
    store("gone", enabled=None, deleted=True)
    put(tmp_path, "gone.json", OTHER)
    assert command("importflows", tmp_path, "--restore", "--enable").startswith("gone: restored, enabled\n  --- gone")
    assert [(row[0], row[2], row[3]) for row in rows()] == [("gone", True, False)]
    assert meaning("gone") == OTHER


@pytest.mark.django_db
def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path) -> None:
    store("one")
    store("gone", deleted=True)
    put(tmp_path, "one.json", OTHER)
    put(tmp_path, "new.json")
    put(tmp_path, "gone.json")
    before = rows()
    planned = command("importflows", tmp_path, "--dry-run", "--enable", "--restore")
    assert rows() == before
    assert planned.endswith(". Nothing was written (--dry-run).\n")
    done = command("importflows", tmp_path, "--enable", "--restore")
    assert planned.replace(" Nothing was written (--dry-run).", "") == done


@pytest.mark.django_db
def test_every_finding_of_every_file_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    store("one")
    before = rows()
    good, bad = put(tmp_path, "one.json", OTHER), tmp_path / "bad"
    bad.mkdir()
    step = {"name": "a", "mod": "common.Kt", "method": "prtt", "params": {"msg": "@b.msg"}}
    first = put(bad, "first.json", {"procedures": [step]})
    second = put(bad, "second.json", b'{"procedures": [}')
    third = put(bad, "third.json", b'{"procedures": [], "note": "caf\xe9"}')
    large = put(bad, "large.json", b" " * (1024 * 1024 + 1))
    folder = bad / "folder.json"
    folder.mkdir()
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    lines = refused("importflows", good, bad, missing, empty)
    assert f"{missing}: there is no such file or folder" in lines
    assert f"{empty}: the folder holds no .json file" in lines
    assert any(line.startswith(f'{first}: /procedures/0/method: "prtt" is no method') for line in lines)
    assert any(line.startswith(f'{first}: /procedures/0/params/msg: "@b.msg": no step is named "b"') for line in lines)
    assert any(line.startswith(f"{second}: not JSON: line 1, column 17: ") for line in lines)
    assert any(line.startswith(f"{third}: the document is not UTF-8: invalid continuation byte at ") for line in lines)
    assert f"{large}: the document is larger than 1 MiB" in lines
    assert any(line.startswith(f"{folder}: the file cannot be read: ") for line in lines)
    assert len(lines) == 8
    assert rows() == before


@pytest.mark.django_db
def test_two_files_for_one_flow_are_refused_and_one_file_named_twice_is_read_once(tmp_path: Path) -> None:
    first, other = put(tmp_path, "one.json"), tmp_path / "other"
    other.mkdir()
    second, third = put(other, "one.json", OTHER), put(other, "ONE.json", OTHER)
    assert refused("importflows", tmp_path, other) == [
        f"{first}, {third}, {second}: these stand for one flow; keep one of them"
    ]
    assert command("importflows", tmp_path, first) == "one: created, disabled\n1 created.\n"


@pytest.mark.django_db
def test_a_file_whose_name_differs_from_a_flow_only_in_case_is_refused(tmp_path: Path) -> None:
    store("hello")
    path = put(tmp_path, "Hello.json")
    assert refused("importflows", path) == [
        f'{path}: the flow "hello" differs from it only in case; rename the file or the flow'
    ]


@pytest.mark.django_db(transaction=True)
def test_when_the_database_refuses_one_row_none_is_written(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    put(tmp_path, "resume.json")
    put(tmp_path, "z.json")
    store("z", OTHER)
    if connection.vendor == "mysql":
        # For this server's collation it is the same name; for us it is not.
        store("résumé")
    else:
        _refuse_new_rows_named_resume()
    before = rows()
    try:
        lines = refused("importflows", tmp_path)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER IF EXISTS no_resume")
    assert lines[0].startswith("the database refused a row, and nothing was written: IntegrityError: ")
    assert rows() == before


def _refuse_new_rows_named_resume() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER no_resume BEFORE INSERT ON wf_flow WHEN NEW.flow_name = 'resume' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )


@pytest.mark.django_db
def test_hidden_files_and_other_files_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "one.json")
    put(tmp_path, ".one.json.swp")
    put(tmp_path, ".hidden.json", b"{")
    put(tmp_path, "README.md", b"text")
    assert command("importflows", tmp_path) == "one: created, disabled\n1 created.\n"


# Out and in again


def _export_to(folder: Path) -> dict[str, bytes]:
    command("exportflows", folder)
    return contents(folder)


@pytest.mark.django_db
def test_what_was_exported_comes_in_unchanged_and_goes_out_the_same(tmp_path: Path) -> None:
    names = ["plain", "a/b", "每日", "con", " spaced ", "100%", "e\u0301", ".dot"]
    text = 'quote " back\\slash \u2028 中 \U0001f600 </script> \x7f'
    document = {
        "procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": [text, 0.1, 2**63 - 1]}}]
    }
    for name in names:
        store(name, document)
    exported = _export_to(tmp_path / "first")
    assert command("importflows", tmp_path / "first").endswith(f"{len(names)} unchanged.\n")
    Flow.objects.all().delete()
    assert command("importflows", tmp_path / "first").endswith(f"{len(names)} created.\n")
    assert sorted(Flow.objects.values_list("flow_name", flat=True)) == sorted(names)
    assert all(meaning(name) == document for name in names)
    assert _export_to(tmp_path / "second") == exported


@pytest.mark.no_database
@pytest.mark.django_db
def test_a_document_that_would_grow_too_large_by_its_layout_goes_out_and_in_as_it_is(tmp_path: Path) -> None:
    document = {"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": [[]] * 200_000}}]}
    store("large", json.dumps(document))
    command("exportflows", tmp_path)
    assert (tmp_path / "large.json").stat().st_size < 1024 * 1024
    assert command("importflows", tmp_path) == "large: unchanged\n1 unchanged.\n"


@pytest.mark.django_db
def test_an_import_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "one.json")
    with caplog.at_level("INFO", "flows.exchange"):
        command("importflows", tmp_path)
    assert ("flows.exchange", 20, "imported flow one: created") in caplog.record_tuples


@pytest.mark.django_db
def test_only_new_leaves_flows_that_exist_alone_deleted_or_not(tmp_path: Path) -> None:
    store("edited", OTHER, enabled=False)
    store("gone", OTHER, enabled=True, deleted=True)
    for name in ("edited", "gone", "fresh"):
        put(tmp_path, f"{name}.json")

    out = command("importflows", tmp_path, "--enable", "--only-new")

    assert out.splitlines()[:3] == ["edited: left alone", "fresh: created, enabled", "gone: left alone"]
    assert json.loads(Flow.objects.get(flow_name="edited").flow_json) == OTHER
    assert Flow.objects.get(flow_name="gone").deleted
    assert list(Flow.objects.enabled().values_list("flow_name", flat=True)) == ["fresh"]


@pytest.mark.django_db
def test_a_flow_and_the_sub_flow_that_it_names_come_in_together(tmp_path: Path) -> None:
    put(tmp_path, "parent.json", {"procedures": [{"name": "inner", "flow": "child"}]})
    assert any('no flow is named "child"' in line for line in refused("importflows", tmp_path))

    put(tmp_path, "child.json")

    assert command("importflows", tmp_path).splitlines()[-1] == "2 created."
