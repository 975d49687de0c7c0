"""Texts for people on pages: lengths of time, and docstrings with code in them."""

import pytest

from flows.outcome import duration
from flows.templatetags.flow_text import code

pytestmark = pytest.mark.no_database


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 ms"),
        (0.0427, "42.70 ms"),
        (59.994, "59.99 s"),
        (125, "2 min 05 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (60_187, "16 h 43 min"),
    ],
)
def test_a_length_of_time_has_the_unit_that_people_would_use(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("docstring", "html"),
    [
        ("`msg`, anything", "<code>msg</code>, anything"),
        ("`<b>` & one ` alone", "<code>&lt;b&gt;</code> &amp; one ` alone"),
        ("``", "``"),
        ("`over\ntwo lines`", "`over\ntwo lines`"),
    ],
)
def test_what_stands_in_backticks_is_code_and_nothing_is_markup(docstring: str, html: str) -> None:
    assert str(code(docstring)) == html
