"""The checker says about the optional keys exactly what the table says, and the page holds that table."""

import json
from typing import Any

import pytest

from flows.engine import check
from tests.engine import keys_errors
from tests.engine.keys_errors import ALL, PAGE, Bad

KEYS = (
    "description", "notes", "inputs", "retry", "timeout", "when", "foreach", "continue_on_error", "on_failure", "flow",
    "outputs",
)  # fmt: skip

every_bad_document = pytest.mark.parametrize("bad", ALL, ids=lambda bad: f"{bad.key}: {bad.shown[:60]}")


@every_bad_document
def test_the_checker_says_exactly_what_the_table_says(bad: Bad) -> None:
    report = check(bad.text, keys_errors.REGISTRY, keys_errors.source, name="main")
    assert [str(finding) for finding in report.findings] == list(bad.findings)
    assert report.definition is None


@every_bad_document
def test_each_pointer_leads_to_a_place_in_the_document(bad: Bad) -> None:
    for finding in check(bad.text, keys_errors.REGISTRY, keys_errors.source, name="main").findings:
        value: Any = json.loads(bad.text)
        for part in finding.pointer.split("/")[1:]:
            value = value[int(part)] if isinstance(value, list) else value[part]


def test_the_table_has_rows_for_each_key_and_no_row_twice() -> None:
    assert {row.key for row in ALL} == set(KEYS)
    assert len({(row.key, row.text) for row in ALL}) == len(ALL) >= 80


def test_the_page_shows_the_samples_and_the_table_as_they_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert keys_errors.page(text) == text, "run: python -m tests.engine.keys_errors"
    for key in KEYS:
        assert f"<!-- errors: {key} -->" in text
        assert f"<!-- sample: {key} -->" in text
