"""Patterns of inputs: the usual ones are taken, and none keeps anybody waiting."""

import time

import pytest

from flows.engine.patterns import mismatch, pattern_problem, ways

USUAL = {
    "a date": (r"^\d{4}-\d{2}-\d{2}$", "2026-01-31", "2026-1-31"),
    "a time": (r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?$", "2026-01-31T12:00:00.5", "12:00"),
    "a mail address": (r"^[^@ ]+@[^@ ]+\.[a-z]+$", "somebody.of.us@mail.example.org", "nobody"),
    "a web address": (r"^https?://[^/]+(/.*)?$", "https://example.org/a?b=c", "example.org"),
    "an IP address": (r"^\d{1,3}(\.\d{1,3}){3}$", "192.168.1.254", "192.168.1"),
    "a UUID": (r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b"),
    "a word of a list": (r"^(red|green|blue)$", "green", "gren"),
    "words and hyphens": (r"^[a-z]+(-[a-z]++)*$", "a-long-name", "a--b"),
    "a length": (r"^.{1,500}$", "x" * 500, "x" * 501),
    "a bracket in a class": (r"^[]()*+-]+$", "(*)", "(a)"),
    "a letter in any case": (r"(?i)^x+$", "xX", "y"),
}


@pytest.mark.parametrize(("pattern", "good", "bad"), USUAL.values(), ids=USUAL.keys())
def test_usual_patterns_are_taken(pattern: str, good: str, bad: str) -> None:
    assert pattern_problem(pattern) == ""
    assert mismatch(pattern, good) == ""
    assert mismatch(pattern, bad).startswith("does not match the pattern")


ENDLESS = [
    "(a+)+$", "(a*)*b", "(a|a)*b", "(a|aa)+$", "(?:a+){2,}b", "(?P<x>a?){30}b", "a?" * 40 + "b", "(a{0,9}){0,9}b",
    "((a+)+){0}(a+)+b", "(){99999999}", "(?x)(a+) +b", "(a+)(?#c)+b", "([a+]*)*b", r"(\(+)*b", "(?=(a+)+b)", "(a+)+?b",
]  # fmt: skip


@pytest.mark.parametrize("pattern", ENDLESS)
def test_patterns_that_could_take_for_ever_are_refused(pattern: str) -> None:
    assert pattern_problem(pattern) != ""


@pytest.mark.parametrize(
    "pattern", ["a*b", "a*a*b", "a*a*a*b", "a*a*a*a*b", "a?" * 15 + "b", "(a|aa){1,10}b", "(a*b)*+c"]
)
def test_the_longest_text_that_is_matched_takes_less_than_a_second(pattern: str) -> None:
    assert pattern_problem(pattern) == ""
    longest = max(length for length in range(5000) if ways(pattern, length) <= 10_000_000)
    began = time.process_time()
    mismatch(pattern, "a" * longest)
    assert time.process_time() - began < 1
    assert "is too long" in mismatch(pattern, "a" * 1_000_000)
