"""The sample flows run from end to end on their real input, and lose nothing of it."""

import csv
import json
import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows import runs, services
from flows.engine import format_document
from flows.models import Flow, SysLog
from flows.outcome import RunOutcome
from procedures.common import _files
from procedures.common.Json import Json
from procedures.report import LogDigest as LogDigestModule
from procedures.table import Row
from procedures.table.Csv import Csv
from procedures.table.Groups import Groups
from procedures.table.Rules import Rule, Rules

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.json"))
PENGUINS = ROOT / "samples" / "data" / "penguins-raw.csv"
LOGGER = logging.getLogger("procedures.test")

# No transaction is open while a procedure runs, in tests neither.
in_database = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of this test: the samples' data to read, and nowhere else to write."""
    shutil.copytree(ROOT / "samples" / "data", tmp_path / "samples" / "data")
    monkeypatch.setattr(_files, "PROJECT", tmp_path)
    return tmp_path


def run_sample(name: str) -> RunOutcome:
    Flow.objects.create(flow_name=name, flow_json=(ROOT / "samples" / f"{name}.json").read_text(), enabled=True)
    outcome = runs.run_flow(name)
    assert outcome.succeeded, outcome.summary
    return outcome


def log(message: str, *, level: str = "ERROR", logger: str = "shop.orders", minutes_ago: float = 5) -> SysLog:
    return SysLog(
        created_at=timezone.now() - timedelta(minutes=minutes_ago), level=level, logger_name=logger, message=message
    )


# All samples


@pytest.mark.no_database
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_each_sample_passes_the_checker_and_stands_as_it_would_be_exported(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert services.check_document(text).findings == ()
    assert format_document(text) == text


@in_database
def test_hello_hands_its_message_from_step_to_step() -> None:
    outcome = run_sample("hello")
    assert outcome.context == {"step1": {"msg": "hello"}, "step2": {"msg": "hello"}}


# Penguins


def raw_penguins() -> list[dict[str, str]]:
    with PENGUINS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@in_database
def test_no_penguin_is_lost_between_valid_and_rejected(project: Path) -> None:
    outcome = run_sample("penguins")
    counts = outcome.context["check"]["counts"]
    unsexed = [row for row in raw_penguins() if row["Sex"] == "NA"]
    assert counts["read"] == outcome.context["read"]["count"] == len(raw_penguins()) == 344
    assert counts["rejected"] == len(unsexed) == 11
    assert counts["read"] == counts["valid"] + counts["rejected"]
    written = json.loads((project / "var/results/penguins.json").read_text(encoding="utf-8"))
    assert written["rows"] == {**counts, "rejected_file": "var/results/penguins-rejected.csv"}


@in_database
def test_the_rejected_penguins_are_in_a_file_with_line_reason_and_the_values_as_they_were_read(project: Path) -> None:
    run_sample("penguins")
    with (project / "var/results/penguins-rejected.csv").open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [{key: value for key, value in row.items() if not key.startswith("_")} for row in rejected] == [
        row for row in raw_penguins() if row["Sex"] == "NA"
    ]
    lines = PENGUINS.read_text(encoding="utf-8").splitlines()
    for row in rejected:
        assert row["Individual ID"] in lines[int(row["_line"]) - 1]
        assert "Sex: is missing" in row["_reason"]
    unmeasured = [row for row in rejected if row["Body Mass (g)"] == "NA"]
    assert len(unmeasured) == 2
    assert all("Body Mass (g): is missing" in row["_reason"] for row in unmeasured)


@in_database
def test_the_figures_of_each_group_of_penguins_agree_with_the_file(project: Path) -> None:
    run_sample("penguins")
    written = json.loads((project / "var/results/penguins.json").read_text(encoding="utf-8"))
    expected: dict[tuple[str, str], list[float]] = {}
    for row in raw_penguins():
        if row["Sex"] != "NA":
            expected.setdefault((row["Species"], row["Sex"]), []).append(float(row["Body Mass (g)"]))
    assert [tuple(group["group"].values()) for group in written["groups"]] == sorted(expected)
    for group in written["groups"]:
        masses = expected[tuple(group["group"].values())]
        assert group["count"] == len(masses)
        assert group["measures"]["Body Mass (g)"] == {
            "count": len(masses),
            "mean": round(fmean(masses), 1),
            "minimum": min(masses),
            "maximum": max(masses),
        }


@in_database
def test_rejected_rows_are_logged_as_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("procedures.table.Rules")
    logger.addHandler(caplog.handler)
    try:
        run_sample("penguins")
    finally:
        logger.removeHandler(caplog.handler)
    warnings = {record.getMessage() for record in caplog.records if record.levelno == logging.WARNING}
    assert any(text.startswith("11 of 344 rows rejected, the first ones: line 5: ") for text in warnings)


# Log digest


def digest(rows: Iterable[SysLog]) -> RunOutcome:
    SysLog.objects.bulk_create(rows)
    return run_sample("log-digest")


def report(outcome: RunOutcome, project: Path) -> str:
    path: str = outcome.context["write"]["path"]
    return (project / path).read_text(encoding="utf-8")


@in_database
def test_the_digest_counts_the_last_day_by_level_and_logger_and_nothing_older() -> None:
    outcome = digest(
        [
            log("a", level="INFO", logger="one"),
            log("b", level="INFO", logger="two"),
            log("c", level="ERROR", logger="two"),
            log("d", level="CRITICAL", logger="two", minutes_ago=24 * 60 - 1),
            log("e", level="ERROR", logger="old", minutes_ago=24 * 60 + 1),
        ]
    )
    collected = outcome.context["collect"]
    assert (collected["total"], collected["errors"]) == (4, 2)
    assert collected["levels"] == [
        {"level": "CRITICAL", "count": 1},
        {"level": "ERROR", "count": 1},
        {"level": "INFO", "count": 2},
    ]
    assert collected["loggers"] == [
        {"logger": "two", "count": 3, "errors": 2},
        {"logger": "one", "count": 1, "errors": 0},
    ]


@in_database
def test_errors_that_differ_only_in_numbers_are_of_one_kind() -> None:
    outcome = digest(
        [
            log("order 17 failed after 3.5 s\nTraceback ...\nKeyError: 1"),
            log("order 4,711 failed after 12 s\nTraceback ...\nKeyError: 2", minutes_ago=1),
            log("order 9 failed after 0.1 s", minutes_ago=60),
            log("no answer from 10.0.0.1:3306"),
            log("run 6f1c1b1e-8f0e-4b43-9a51-b8b7f3f2c001 at 0x7f3a is lost"),
            log("", minutes_ago=3),
            log("order 1 is fine", level="INFO"),
        ]
    )
    frequent = outcome.context["frequent"]
    assert {kind["text"]: kind["count"] for kind in frequent["kinds"]} == {
        "order # failed after # s": 3,
        "no answer from #": 1,
        "run # at # is lost": 1,
        "(empty message)": 1,
    }
    assert frequent["kinds"][0]["example"] == "order 4,711 failed after 12 s"
    assert (frequent["errors"], frequent["other"]) == (6, 0)


@in_database
def test_the_digest_reads_errors_in_pages_and_misses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogDigestModule, "_PAGE", 2)
    # The order of the ids is not that of the times: rows come from several processes.
    outcome = digest([log(f"failed {n}", minutes_ago=(n * 7) % 11 + 1) for n in range(9)])
    assert [kind["count"] for kind in outcome.context["frequent"]["kinds"]] == [9]


@in_database
def test_the_digest_counts_what_it_does_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogDigestModule, "_KINDS", 2)
    outcome = digest([log(text) for text in ("a", "b", "c", "a", "d", "a")])
    frequent = outcome.context["frequent"]
    assert [(kind["text"], kind["count"]) for kind in frequent["kinds"]] == [("a", 3), ("b", 1)]
    assert (frequent["errors"], frequent["other"]) == (6, 2)


@in_database
def test_every_query_of_the_digest_is_bounded_by_its_window() -> None:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        digest([log("failed 1"), log("failed 2")])
    reads = [query["sql"] for query in captured if query["sql"].startswith("SELECT") and "wf_syslog" in query["sql"]]
    assert len(reads) == 3
    assert all(re.search(r"WHERE .*created_at. >= .*created_at. < ", sql) for sql in reads)


class Tags(HTMLParser):
    """The tags of a page, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags[tag] += 1

    def handle_data(self, data: str) -> None:
        self.text += data


@in_database
def test_hostile_text_in_the_log_is_shown_in_the_report_and_does_nothing(project: Path) -> None:
    hostile = "<script>alert('x')</script> &amp; \x1b[31mred \u202etxt"
    page = Tags()
    page.feed(report(digest([log(hostile, logger="<img src=x>"), log("row", level="<b>")]), project))
    assert "<script>alert('x')</script> &amp; \\x1b[31mred \\u202etxt" in page.text
    assert "<img src=x>" in page.text
    assert not {"script", "img", "link"} & set(page.tags)
    assert page.tags["b"] == 2, "the two figures, and not the level"


@in_database
def test_an_empty_log_gives_a_report_that_says_so(project: Path) -> None:
    outcome = digest([])
    assert outcome.context["collect"]["window"]["first_id"] is None
    assert "Nothing was logged in this time." in report(outcome, project)


@in_database
def test_a_log_without_errors_gives_a_report_that_says_so(project: Path) -> None:
    page = report(digest([log("fine", level="INFO")]), project)
    assert "No errors." in page


@in_database
def test_the_report_lies_in_var_reports_under_the_start_of_the_run_and_leaves_no_other_file(project: Path) -> None:
    outcome = digest([log("failed")])
    written = outcome.context["write"]
    assert re.fullmatch(r"var/reports/log-digest-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.html", written["path"])
    assert [path.relative_to(project).as_posix() for path in (project / "var").rglob("*.*")] == [written["path"]]
    assert (project / written["path"]).stat().st_size == written["bytes"]
    json.dumps(outcome.context)


@pytest.mark.no_database
@pytest.mark.parametrize("hours", [0, -1, 745, "24", True, None, float("nan")])
def test_a_window_that_cannot_be_meant_is_refused(hours: Any) -> None:
    with pytest.raises(ValueError, match=r"params\.hours is a number above 0 and up to 744, not "):
        LogDigestModule.LogDigest(LOGGER).collect({}, {"hours": hours})


@pytest.mark.no_database
@pytest.mark.parametrize("top", [0, 101, 1.5, "3", True])
def test_a_number_of_kinds_that_cannot_be_meant_is_refused(top: Any) -> None:
    window: LogDigestModule.Window = {"since": "", "until": "", "first_id": None, "last_id": None}
    with pytest.raises(ValueError, match=r"params\.top is an integer from 1 to 100, not "):
        LogDigestModule.LogDigest(LOGGER).frequent({}, {"window": window, "top": top})


# Files that a procedure may touch


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "leaves the project's folder"),
        ("../outside.csv", "leaves the project's folder"),
        ("samples/../../outside.csv", "leaves the project's folder"),
        ("link/outside.csv", "leaves the project's folder"),
        (".env", "is hidden"),
        (".git/config.csv", "is hidden"),
        ("samples/data/../../.env", "is hidden"),
        ("db.sqlite3", "does not end in .csv or .tsv or .txt"),
        ("", "a path is a text"),
        (None, "a path is a text"),
        ("a\0.csv", "a path is a text"),
    ],
)
def test_a_path_to_read_stays_in_the_project_and_reads_no_secret(project: Path, path: Any, reason: str) -> None:
    (project / "link").symlink_to(project.parent)
    with pytest.raises(ValueError, match=re.escape(reason)):
        Csv(LOGGER).read({}, {"path": path})


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("procedures/common/Kt.csv", "is not in an output folder"),
        ("var/results/../../wfsite/x.csv", "is not in an output folder"),
        ("var/log/workflow.csv", "is not in an output folder"),
        ("var/results/../../../x.csv", "leaves the project's folder"),
        ("/tmp/x.csv", "leaves the project's folder"),
        ("var/results/x.py", "does not end in .csv"),
    ],
)
def test_a_path_to_write_stays_in_the_output_folders(project: Path, path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Csv(LOGGER).write({}, {"path": path, "rows": [{"a": 1}]})
    assert not (project / "var").exists()


@pytest.mark.no_database
def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=re.escape('there is no file "samples/data/penguin.csv"')):
        Csv(LOGGER).read({}, {"path": "samples/data/penguin.csv"})


# Reading and writing tables


def read(project: Path, text: str | bytes, **params: Any) -> dict[str, Any]:
    (project / "in.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return dict(Csv(LOGGER).read({}, {"path": "in.csv", **params}))  # type: ignore[typeddict-item]


@pytest.mark.no_database
def test_a_row_knows_the_line_where_it_begins_and_blank_lines_are_no_rows(project: Path) -> None:
    result = read(project, 'a,b\n1,"two\nlines"\n\n3,4\r\n')
    assert result["columns"] == ["a", "b"]
    assert result["rows"] == [{"_line": 2, "a": "1", "b": "two\nlines"}, {"_line": 5, "a": "3", "b": "4"}]


@pytest.mark.no_database
def test_a_row_with_too_few_or_too_many_fields_is_kept_and_rejected_with_all_its_fields(project: Path) -> None:
    rows = read(project, "a,b\n1\n1,2\n1,2,3,4\n")["rows"]
    checked = Rules(LOGGER).check({}, {"rows": rows, "rules": {"a": {"type": "integer"}}})
    assert checked["counts"] == {"read": 3, "valid": 1, "rejected": 2}
    assert checked["rejected"] == [
        {"_line": 2, "_reason": "the line has 1 fields, the header has 2", "a": "1"},
        {"_line": 4, "_reason": "the line has 4 fields, the header has 2", "a": "1", "b": "2", "_extra": '["3", "4"]'},
    ]


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("text", "params", "reason"),
    [
        ("", {}, "in.csv has no header line"),
        ("a,a\n", {}, 'in.csv, line 1: the column "a" stands here more than once'),
        ("a,\n", {}, 'in.csv, line 1: "" is no name for a column'),
        ("_line,b\n", {}, 'in.csv, line 1: "_line" is no name for a column'),
        ('a,b\n1,2\n3,"4\n5,6\n', {}, "in.csv, line 4: unexpected end of data"),
        (b"a\n\xff\n", {}, "in.csv is not utf-8; name its encoding in params.encoding"),
        ("a\n", {"encoding": "klingon"}, "params.encoding: unknown encoding: klingon"),
        ("a\n", {"delimiter": ";;"}, "params.delimiter is one character, not ';;'"),
        ("a\n" + "1\n" * 10_001, {}, "in.csv has more than 10,000 rows"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_the_place(
    project: Path, text: str | bytes, params: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        read(project, text, **params)


@pytest.mark.no_database
def test_a_byte_order_mark_another_delimiter_and_another_encoding_are_read(project: Path) -> None:
    assert read(project, "\ufeffa;b\n1;2\n", delimiter=";")["columns"] == ["a", "b"]
    assert read(project, "名,b\n1,2\n".encode("gb18030"), encoding="gb18030")["columns"] == ["名", "b"]


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        ("12", {"type": "integer"}, 12),
        (" 1.5 ", {"type": "number"}, 1.5),
        ("-2e3", {"type": "number"}, -2000.0),
        ("2007-11-11", {"type": "date"}, "2007-11-11"),
        ("NA", {"type": "number"}, None),
        ("NA", {"required": True}, ValueError("is missing")),
        ("x", {"enum": ["a", "b"]}, ValueError('"x" is none of a, b')),
        ("1.5", {"type": "integer"}, ValueError('"1.5" is no integer')),
        ("nan", {"type": "number"}, ValueError('"nan" is no number')),
        ("1e999", {"type": "number"}, ValueError('"1e999" is no number')),
        ("1_000", {"type": "number"}, ValueError('"1_000" is no number')),
        ("9", {"type": "number", "minimum": 10}, ValueError('"9" is below 10')),
        ("21", {"type": "number", "maximum": 20.5}, ValueError('"21" is above 20.5')),
        ("10", {"type": "number", "minimum": 10, "maximum": 10}, 10.0),
        ("2007-02-30", {"type": "date"}, ValueError('"2007-02-30" is no date like 2007-11-11')),
        ("20071111", {"type": "date"}, ValueError('"20071111" is no date like 2007-11-11')),
    ],
)
def test_a_rule_types_a_value_or_says_what_is_wrong_with_it(value: str, rule: Rule, expected: Any) -> None:
    result = Rules(LOGGER).check({}, {"rows": [{"a": value}], "rules": {"a": rule}, "missing": ["NA"]})
    if isinstance(expected, ValueError):
        assert result["rejected"] == [{"_reason": f"a: {expected}", "a": value}]
    else:
        assert result["rows"] == [{"a": expected}]


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"a": {"min": 1}}, '"a" has unknown words: min'),
        ({"a": {"type": "float"}}, "the type is one of string, integer, number, date, not 'float'"),
        ({"a": {"minimum": 1}}, "minimum and maximum need the type integer or number"),
        ({"b": {}}, 'no row has a column "b" (columns: a)'),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Rules(LOGGER).check({}, {"rows": [{"a": "1"}], "rules": rule})


@pytest.mark.no_database
def test_a_missing_measure_does_not_enter_the_figures_of_its_group() -> None:
    rows: list[Row] = [{"g": 10, "m": 1}, {"g": 9, "m": None}, {"g": 10, "m": 2}, {"g": None, "m": 3}]
    result = Groups(LOGGER).summarise({}, {"rows": rows, "by": ["g"], "measures": ["m"]})
    assert [(group["group"]["g"], group["count"], group["measures"]["m"]["mean"]) for group in result["groups"]] == [
        (9, 1, None),
        (10, 2, 1.5),
        (None, 1, 3),
    ]


@pytest.mark.no_database
def test_a_measure_that_is_no_number_is_refused_with_its_line() -> None:
    with pytest.raises(TypeError, match="the row of line 7: \"m\" is '1', no number"):
        Groups(LOGGER).summarise({}, {"rows": [{"_line": 7, "m": "1"}], "by": [], "measures": ["m"]})


@pytest.mark.no_database
def test_what_was_written_as_csv_reads_back_the_same(project: Path) -> None:
    rows: list[Row] = [{"a": 'quote " and, comma', "b": "two\nlines"}, {"a": "中文", "b": ""}]
    Csv(LOGGER).write({}, {"path": "var/results/out.csv", "rows": rows})
    back = Csv(LOGGER).read({}, {"path": "var/results/out.csv"})
    assert [{key: value for key, value in row.items() if key != "_line"} for row in back["rows"]] == rows


@pytest.mark.no_database
def test_a_value_that_is_not_json_is_refused_and_the_old_file_stays(project: Path) -> None:
    Json(LOGGER).write({}, {"path": "var/results/out.json", "content": {"a": 1}})
    for bad in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            Json(LOGGER).write({}, {"path": "var/results/out.json", "content": bad})
    assert json.loads((project / "var/results/out.json").read_text()) == {"a": 1}
    assert [path.name for path in (project / "var/results").iterdir()] == ["out.json"]
