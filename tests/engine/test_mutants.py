"""Hundreds of thousands of broken documents: the checker answers each, in bounded time and memory."""

import difflib
import json
import random
import signal
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice, permutations
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.engine import FlowError, Report, check
from flows.engine.document import _depth
from tests.engine import stage
from tests.engine.bad_documents import ALL
from tests.engine.stage import document, step

MiB = 1024 * 1024
SECONDS = 10.0
"""Of processor time, for one document, on a slow machine; nearly all take less than a thousandth of a second."""

_VALID = [
    document(step(), step(name="step2", params={"msg": "@step1.msg"})),
    document(step(params={"a": [{"b": ["@_runtime.flow", "@@x", None, 1.5, True]}]}), step(name="b", method="echo")),
    json.dumps({"_note": 'é😀\\"', "procedures": [step(name=f"s{n}", params={"x": n}) for n in range(5)]}),
    json.dumps({"procedures": [step(mod="common.Odd", method="fine")]}, indent=2),
    json.dumps(
        {
            "description": "every key",
            "timeout": 60,
            "inputs": {
                "day": {"type": "string", "pattern": "^[0-9-]+$", "default": "2025-01-01"},
                "n": {"type": "integer", "minimum": 1, "maximum": 9, "enum": [1, 5], "default": 5},
                "on": {"type": "boolean", "description": "whether"},
            },
            "procedures": [
                step(when="@_input.on", retry={"max_attempts": 3, "delay": 0.5, "backoff": 2, "on": ["OSError"]}),
                step(name="each", foreach=["a", {"b": 1}], params={"x": "@_item", "n": "@_index"}, timeout=1.5),
                step(name="list", foreach="@each.items", params={"x": "@_item.msg"}, continue_on_error=True),
                {"name": "sub", "flow": "child", "inputs": {"word": "@_input.day"}},
                step(name="last", when={"not": "@_input.on"}, params={"x": "@sub.said"}),
            ],
            "outputs": {"count": "@each.count", "words": ["@sub.said", 1]},
            "on_failure": [step(name="tell", params={"msg": "@_error.message"})],
        }
    ),
]
CHILD = json.dumps({"inputs": {"word": {"type": "string"}}, "procedures": [step()], "outputs": {"said": "@step1.msg"}})


def child_flow(name: str) -> str:
    """Return the document of the only flow that can be a step."""
    if name != "child":
        raise FlowError("no such flow")
    return CHILD


DOCUMENTS = [text.encode() for text in _VALID] + [
    bad.text if isinstance(bad.text, bytes) else bad.text.encode("utf-8", "surrogatepass")
    for bad in ALL
    if len(bad.text) < 600
]

TOKENS = [
    *(b'{ } [ ] , : " \\ @ @@ . 0 - 1e999 -1E400 1e-400 NaN -Infinity null true false {} [] "" "@"'.split()),
    *(b'"@step1.msg" "_" _ \\u0000 \\ud800 \\udc00\\ud800 \\" \\\\ \\x \\u12'.split()),
    *(b'"name": "mod": "method": "params": "procedures": 9223372036854775808'.split()),
    *(b"\x00 \x7f \xff \xc3 \xef\xbb\xbf \xe2\x80\xae \xed\xa0\x80 \xf0\x9f\x98\x80 // /* ' `".split(b" ")),
    b"9" * 400,
    b"[" * 25,
    b'{"a":' * 25,
    b'"common.Odd"',
    b'"os"',
    b'"__init__"',
    *(b'"when": "foreach": "retry": "timeout": "inputs": "outputs": "on_failure": "flow": "not":'.split()),
    *(b'"@_item" "@_error" "child" "@_input.day" "type": "pattern": "(" "[0-9]*" "enum": "default":'.split()),
    *(b'"max_attempts": "on": "string"'.split()),
]  # fmt: skip
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 2**63, -(2**63) - 1, 10**400, 1e308, float("nan"), float("inf"), "", "@", "@@", "@."),
    *("@step1", "@step1.", "@_runtime.x", "@\ud800", "\ud800"),
    *("\0", "a" * 70, "@" + "a." * 50, "x@y", "step1", "STEP1"),
    *("os", "common.Odd", "common.Broken", "common.Kt", "__init__"),
    *("computed", "prt", [], {}, [[]], {"": {}}, ["@", {"@": "@"}]),
    *("@_item", "@_index.x", "@_input.n", "@_error.type", "@each.items.0.msg"),
    *("child", "(", "a" * 5000, 61.5, {"not": "@sub"}),
    *({"type": "string"}, {"type": "object", "default": 1}, {"max_attempts": 2}),
    *(list(range(1001)), "integer", "OSError"),
]  # fmt: skip
KEYS = [
    "name",
    "mod",
    "method",
    "params",
    "procedures",
    "_x",
    "",
    "Name",
    "parms",
    "\ud800",
    "a\0",
    "\u202e",
    "a/b~",
    "@x",
]


class Mutator:
    """Makes broken documents, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.trees = [json.loads(text) for text in _VALID]
        self.on_bytes: list[Callable[[bytearray, int], None]] = [
            self.flip,
            self.delete,
            self.insert,
            self.repeat,
            self.swap,
            self.cut,
        ]
        self.on_trees: list[Callable[[Any, Any], None]] = [
            self.replace,
            self.rename,
            self.exchange,
            self.remove,
            self.nest,
        ]

    def next(self) -> bytes:
        choose = self.random
        if choose.random() < 0.4:
            text = self._mutated_tree()
            if choose.random() < 0.7:
                return text
        else:
            text = choose.choice(DOCUMENTS)
        data = bytearray(text)
        for _ in range(choose.choice((1, 1, 1, 2, 3, 8))):
            choose.choice(self.on_bytes)(data, choose.randrange(len(data) + 1))
        return bytes(data)

    def _mutated_tree(self) -> bytes:
        # A copy by text is several times as fast as deepcopy.
        tree = json.loads(json.dumps(self.random.choice(self.trees)))
        for _ in range(self.random.choice((1, 1, 2, 4))):
            parents = list(containers(tree))
            self.random.choice(self.on_trees)(self.random.choice(parents), self.random.choice(parents))
        try:
            return json.dumps(tree, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError):  # a subtree was put into itself
            return b"[]"

    def flip(self, data: bytearray, at: int) -> None:
        if at < len(data):
            data[at] ^= 1 << self.random.randrange(8)

    def delete(self, data: bytearray, at: int) -> None:
        del data[at : at + self.random.choice((1, 1, 2, 9, 40))]

    def insert(self, data: bytearray, at: int) -> None:
        data[at:at] = self.random.choice(TOKENS)

    def repeat(self, data: bytearray, at: int) -> None:
        data[at:at] = data[at : at + 30] * self.random.choice((1, 2, 20))

    def swap(self, data: bytearray, at: int) -> None:
        other = self.random.randrange(len(data) + 1)
        data[at : at + 7], data[other : other + 7] = data[other : other + 7], data[at : at + 7]

    def cut(self, data: bytearray, at: int) -> None:
        del data[at:]

    def replace(self, parent: Any, other: Any) -> None:
        parent[self._place(parent)] = self.random.choice(VALUES)

    def rename(self, parent: Any, other: Any) -> None:
        if isinstance(parent, dict):
            parent[self.random.choice(KEYS)] = parent.pop(self._place(parent))

    def exchange(self, parent: Any, other: Any) -> None:
        here, there = self._place(parent), self._place(other)
        parent[here], other[there] = other[there], parent[here]

    def remove(self, parent: Any, other: Any) -> None:
        if len(parent) > 1:
            del parent[self._place(parent)]

    def nest(self, parent: Any, other: Any) -> None:
        place = self._place(parent)
        for _ in range(self.random.choice((1, 5, 14, 15, 16, 17, 18, 30))):
            parent[place] = [parent[place]] if self.random.random() < 0.5 else {"n": parent[place]}

    def _place(self, parent: Any) -> Any:
        return self.random.randrange(len(parent)) if isinstance(parent, list) else self.random.choice(list(parent))


def containers(tree: Any) -> list[Any]:
    """Return the objects and lists of a value that hold something."""
    found: list[Any] = []
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list) and value and len(found) < 200:
            found.append(value)
            waiting += value.values() if isinstance(value, dict) else value
    return found


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Stop with an error after some seconds of processor time, so that no test has to wait for what never ends."""

    def stop(*_: object) -> None:
        raise AssertionError(f"it took longer than {seconds} seconds")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def ask(text: str | bytes) -> Report:
    """Check a text and hold the answer to what every answer must be."""
    with limited():
        report = check(text, stage.REGISTRY, child_flow, name="parent")
    assert (report.definition is None) == bool(report.findings)
    assert len(report.findings) <= 20
    assert all(finding.message and str(finding) for finding in report.findings)
    return report


def answer_mutants(seed: int, number: int) -> int:
    """Check this many mutants, each as text and as bytes; return how many of them are right."""
    mutator = Mutator(seed)
    right = 0
    for count in range(number):
        mutant = mutator.next()
        try:
            of_bytes = ask(mutant)
            of_text = ask(mutant.decode("utf-8", "surrogateescape"))
        except BaseException as error:
            error.add_note(f"mutant {count} of seed {seed}: {mutant!r}")
            raise
        assert (of_bytes.definition is None) == (of_text.definition is None), mutant
        right += of_bytes.definition is not None
    return right


def answer_all(seeds: range, number: int) -> None:
    for text in DOCUMENTS:
        ask(text)
    before = set(sys.modules)
    right = sum(answer_mutants(seed, number) for seed in seeds)
    total = number * len(seeds)
    assert {name for name in set(sys.modules) - before if not name.startswith("tests.engine.procs")} == set()
    assert stage.happened == []
    assert total / 100 < right < total / 2, "the mutants are all alike"


def test_100_000_mutants_get_an_answer_and_none_is_executed_or_imports_anything() -> None:
    answer_all(range(1), 100_000)


@pytest.mark.faults
def test_1_000_000_mutants_get_an_answer_and_none_is_executed_or_imports_anything() -> None:
    answer_all(range(1, 11), 100_000)


@pytest.mark.parametrize("text", ["[" * 100 * MiB, b'{"procedures": "' + b"x" * 100 * MiB], ids=["text", "bytes"])
def test_a_document_of_100_mb_is_refused_within_a_second_and_10_mb(text: str | bytes) -> None:
    tracemalloc.start()
    try:
        began = time.thread_time()
        report = check(text, stage.REGISTRY)
        seconds = time.thread_time() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "larger than 1 MiB" in report.findings[0].message
    assert seconds < 1
    assert peak < 10 * MiB


def filled(unit: str, before: str = "", after: str = "") -> str:
    """Return a document of just under 1 MiB that repeats a unit."""
    return before + unit * ((MiB - len(before) - len(after)) // len(unit)) + after


def anagrams(word: str, number: int) -> list[str]:
    """Return distinct words that are as near to this one as can be, which makes a search for the nearest slow."""
    return list(dict.fromkeys("".join(letters) for letters in islice(permutations(word), number * 5)))[:number]


STEP = '{"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"x": '

HOSTILE = {
    "opening brackets": filled("["),
    "opening braces": filled('{"a":'),
    "closing brackets": filled("]"),
    "pairs of brackets": filled("[]"),
    "quotes": filled('"'),
    "quotes and brackets": filled('"['),
    "brackets between texts": filled('"a"['),
    "backslashes": filled("\\", '"', '"'),
    "backslashes without a text": filled("\\"),
    "escaped quotes": filled('\\"', '"', '"'),
    "an open text": filled("a", '"'),
    "unicode escapes": filled("\\u0000", '"', '"'),
    "lone surrogates": filled('"\\ud800",', "[", "1]"),
    "one integer": filled("9"),
    "one negative integer": filled("9", "-"),
    "one fraction": filled("9", "0."),
    "one small fraction": filled("0", "0.", "1e1048000"),
    "one exponent": filled("9", "1e"),
    "one negative exponent": filled("9", "1e-"),
    "many integers": filled("1,", "[", "1]"),
    "many too large integers": filled("99999999999999999999,", "[", "1]"),
    "many NaN": filled("NaN,", "[", "1]"),
    "many empty lists": filled("[],", "[", "1]"),
    "many empty objects": filled("{},", "[", "1]"),
    "lists 19 deep": filled("[" * 19 + "]" * 19 + ",", "[", "1]"),
    "repeated keys": filled('{"a":1,"a":1},', "[", "1]"),
    "one key, repeated": filled('"a":1,', "{", '"a":1}'),
    "commas": filled(","),
    "line breaks": filled("\n"),
    "line breaks before an error": filled("\n", "{", "!"),
    "multi-byte characters": filled("é")[: MiB // 2],
    "500 steps with long names": document(*[step(name=f"{n}" + "x" * 1900) for n in range(500)]),
    "500 steps with one name": document(*[step(name="x" * 1900)] * 500),
    "bad references": filled('"@",', STEP + "[", "1]}}]}"),
    "unknown references": filled('"@b",', STEP + "[", "1]}}]}"),
    "good references": filled('"@_runtime",', STEP + "[", "1]}}]}"),
    "one long reference": filled("a.", STEP + '"@', 'a"}}]}'),
    "one reference of dots": filled(".", STEP + '"@a', '"}}]}'),
    "one reference of spaces": filled(" ", STEP + '"@a', '"}}]}'),
    "one long key": filled("k", STEP + '{"', '": ["@","@","@"]}}}]}'),
    "unknown keys of a document": "{" + ",".join(f'"{key}":0' for key in anagrams("procedures", 69_000)) + "}",
    "unknown keys of a step": '{"procedures":[{' + ",".join(f'"params{n:05d}":0' for n in range(65_000)) + "}]}",
    "a long module": filled("x.", '{"procedures": [{"name": "a", "method": "prt", "mod": "', '"}]}'),
    "a long method": filled("x", '{"procedures": [{"name": "a", "mod": "common.Kt", "method": "', '"}]}'),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_1_mib_of_a_hostile_form_is_answered_in_bounded_time(text: str) -> None:
    assert MiB * 0.75 < len(text.encode()) <= MiB
    ask(text)
    ask(text.encode())


WITH_INPUTS = '{"procedures": [], "inputs": %s, "outputs": %s}'
VALUES_OF_ENUM = json.dumps(list(range(60_000)))

ENDLESS = {
    "a pattern that takes for ever": WITH_INPUTS
    % ('{"x": {"type": "string", "pattern": "(a+)+$", "default": "' + "a" * 60 + '!"}}', "{}"),
    "an enum of 60,000 values": WITH_INPUTS
    % ('{"x": {"type": "integer", "enum": ' + VALUES_OF_ENUM + ', "default": 5}}', "{}"),
    "10,000 inputs that 10,000 outputs read": WITH_INPUTS
    % (
        json.dumps({f"d{n}": {"type": "object"} for n in range(10_000)}),
        json.dumps({f"k{n}": f"@_input.d{n}" for n in range(10_000)}),
    ),
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_inputs_declare_is_checked_in_bounded_time(text: str) -> None:
    with limited(2):
        assert isinstance(check(text, stage.REGISTRY), Report)


def test_no_guess_is_made_for_what_will_not_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses: list[str] = []

    def guess(word: str, *args: Any, **kwargs: Any) -> list[str]:
        guesses.append(word)
        return []

    monkeypatch.setattr(difflib, "get_close_matches", guess)
    ask("{" + ",".join(f'"k{n}":0' for n in range(1000)) + "}")
    assert 20 <= len(guesses) < 50


def slow_depth(text: str) -> tuple[int, bool]:
    """Return how deep a text is nested, character by character, and whether it ended at what no JSON can hold."""
    depth = deepest = 0
    inside = escaped = False
    for character in text:
        if inside:
            inside = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == "\\":
            return deepest, True
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest, False


def depth_of(value: Any) -> int:
    """Return how deep a value is nested."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(depth_of, items), default=0)


json_text = st.text(st.sampled_from('[]{}"\\@.aé\n😀'), max_size=6)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | json_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_text, inner, max_size=4),
    max_leaves=25,
)


@given(json_value, st.booleans(), st.sampled_from((None, 0, 2)))
@example({'\\"[': ["\\", '"', "\\\\", "[[["]}, False, None)
def test_the_depth_of_a_right_document_is_the_depth_of_its_value(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert _depth(text.encode()) == depth_of(value) == slow_depth(text)[0]


@given(st.text(st.sampled_from('[]{}"\\,:1é '), max_size=60))
@example('\\"[')
@example('"\\\\"["""[[')
@example('"\\\\\\"[[["[')
def test_the_depth_of_any_text_is_never_less_than_a_parser_can_get(text: str) -> None:
    slow, broken = slow_depth(text)
    quick = max(_depth(text.encode()), 0)
    assert quick >= slow
    assert broken or quick == slow
