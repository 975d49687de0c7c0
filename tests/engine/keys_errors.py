# ruff: noqa: E501  (a message stands on one line, as it is shown, so that it can be searched for)
"""What the checker says about the optional keys of bad documents: a table that is tested and stands in the docs.

`python -m tests.engine.keys_errors` writes its rows, and the samples, into docs/reference/format.md.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from flows.engine import FlowError, Registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "format.md"
SAMPLES = ROOT / "docs" / "samples"

REGISTRY = Registry(["tests.engine.keyprocs"])

_MADE = {"name": "made", "mod": "common.Typed", "method": "make"}
_A = {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}}
_LATER = _A | {"name": "later"}


class Bad(NamedTuple):
    """A bad document, the part of it that a reader needs to see, and each finding as the user sees it."""

    key: str
    shown: str
    text: str
    findings: tuple[str, ...]


def in_step(key: str, changes: dict[str, Any], *findings: str) -> Bad:
    """Keys of the step `a`, which stands between `made` and `later`."""
    return Bad(key, _inside(changes), _document(procedures=[_MADE, _A | changes, _LATER]), findings)


def in_document(key: str, changes: dict[str, Any], *findings: str) -> Bad:
    """Keys of the document."""
    return Bad(key, _inside(changes), _document(procedures=[_MADE, _A], **changes), findings)


def in_input(key: str, declared: Any, *findings: str) -> Bad:
    """The declaration of the input `x`."""
    return Bad(key, _inside({"x": declared}), _document(inputs={"x": declared}, procedures=[_A]), findings)


def in_handler(key: str, changes: dict[str, Any], *findings: str) -> Bad:
    """Keys of the step `tell` of `on_failure`, which stands before `later`."""
    tell = _A | {"name": "tell"} | changes
    return Bad(key, _inside(changes), _document(procedures=[_A], on_failure=[tell, _LATER]), findings)


def in_call(key: str, changes: dict[str, Any], *findings: str) -> Bad:
    """Keys of the step `sub`, which runs a flow, in the flow `main`."""
    return Bad(key, _inside(changes), _document(procedures=[_MADE, {"name": "sub"} | changes]), findings)


def whole(key: str, document: dict[str, Any], *findings: str) -> Bad:
    """A whole document; steps are shown without what is not to the point."""
    return Bad(key, _inside(_short(document)), _document(**document), findings)


def large(key: str, shown: str, document: dict[str, Any], *findings: str) -> Bad:
    """A document that is too long to be shown."""
    return Bad(key, shown, _document(**document), findings)


def _document(**keys: Any) -> str:
    return json.dumps(keys, ensure_ascii=False)


def _inside(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items() if key not in ("mod", "method")}
    return [_short(item) for item in value] if isinstance(value, list) else value


def _chain(number: int) -> str:
    step = _A if number == 1 else {"name": "s", "flow": f"deep{number - 1}"}
    return _document(procedures=[step])


FLOWS = {
    "greet": _document(
        inputs={
            "name": {"type": "string", "pattern": "^[A-Z]"},
            "times": {"type": "integer", "maximum": 10, "default": 1},
        },
        procedures=[_A],
        outputs={"greeting": "@a.msg"},
    ),
    "plain": _document(procedures=[_A]),
    "loop": _document(procedures=[{"name": "s", "flow": "again"}]),
    "again": _document(procedures=[{"name": "s", "flow": "loop"}]),
    "bad": _document(procedures=[{"name": "s"}, _A | {"when": True}]),
    **{f"deep{number}": _chain(number) for number in range(1, 7)},
}


def source(name: str) -> str:
    """Return the document of a flow that the rows have as a step."""
    if name not in FLOWS:
        raise FlowError(f'no flow is named "{name}"')
    return FLOWS[name]


ALL = [
    in_step("description", {"description": 5}, "/procedures/1/description: this is a number; it must be a text"),
    in_step("description", {"description": None}, "/procedures/1/description: this is null; it must be a text"),
    in_step(
        "description",
        {"descripton": "x"},
        '/procedures/1/descripton: the key "descripton" is unknown. Did you mean "description"? A note begins with "_".',
    ),
    in_document("description", {"description": ["x"]}, "/description: this is a list; it must be a text"),
    in_document(
        "description",
        {"describtion": "x"},
        '/describtion: the key "describtion" is unknown. Did you mean "description"? A note begins with "_".',
    ),
    in_document(
        "notes",
        {"$schem": "x"},
        '/$schem: the key "$schem" is unknown. Did you mean "$schema"? A note begins with "_".',
    ),
    in_document(
        "notes",
        {"note": "x"},
        '/note: the key "note" is unknown. Known keys: $schema, description, timeout, inputs, procedures, outputs, on_failure. A note begins with "_".',
    ),
    in_step(
        "notes",
        {"note": "x"},
        '/procedures/1/note: the key "note" is unknown. Known keys: name, mod, method, params, description, when, foreach, retry, timeout, continue_on_error. A note begins with "_".',
    ),
    in_step(
        "notes",
        {"$schema": "x"},
        '/procedures/1/$schema: the key "$schema" is unknown. Known keys: name, mod, method, params, description, when, foreach, retry, timeout, continue_on_error. A note begins with "_".',
    ),
    in_document("inputs", {"inputs": ["name"]}, "/inputs: this is a list; it must be an object"),
    in_input("inputs", "string", '/inputs/x: this is a text; an input is an object such as {"type": "string"}'),
    in_input("inputs", {}, '/inputs/x: the key "type" is missing; write e.g. "string"'),
    in_input("inputs", {"type": 1}, "/inputs/x/type: this is a number; it must be a text"),
    in_input("inputs", {"type": ""}, '/inputs/x/type: this is empty; write e.g. "string"'),
    in_input(
        "inputs",
        {"type": "int"},
        '/inputs/x/type: "int" is no type of an input (types: string, integer, number, boolean, object, array). Did you mean "integer"?',
    ),
    in_input(
        "inputs",
        {"type": "strin"},
        '/inputs/x/type: "strin" is no type of an input (types: string, integer, number, boolean, object, array). Did you mean "string"?',
    ),
    in_input(
        "inputs",
        {"type": "null"},
        '/inputs/x/type: "null" is no type of an input (types: string, integer, number, boolean, object, array).',
    ),
    in_input(
        "inputs",
        {"type": "string", "defualt": "x"},
        '/inputs/x/defualt: the key "defualt" is unknown. Did you mean "default"? A note begins with "_".',
    ),
    in_input(
        "inputs",
        {"type": "string", "required": True},
        '/inputs/x/required: the key "required" is unknown. Known keys: type, default, enum, minimum, maximum, pattern, description. A note begins with "_".',
    ),
    in_document(
        "inputs",
        {"inputs": {"1st": {"type": "string"}}},
        '/inputs/1st: "1st": a name begins with a letter, holds only A-Z a-z 0-9 _ - and at most 64',
    ),
    in_document(
        "inputs",
        {"inputs": {"two words": {"type": "string"}}},
        '/inputs/two words: "two words": a name begins with a letter, holds only A-Z a-z 0-9 _ - and at most 64',
    ),
    in_input(
        "inputs", {"type": "string", "default": 5}, "/inputs/x/default: this is a number; the input takes a string"
    ),
    in_input(
        "inputs", {"type": "integer", "default": 1.5}, "/inputs/x/default: this is a number; the input takes an integer"
    ),
    in_input(
        "inputs", {"type": "integer", "default": True}, "/inputs/x/default: this is true; the input takes an integer"
    ),
    in_input(
        "inputs",
        {"type": "boolean", "default": "true"},
        "/inputs/x/default: this is a text; the input takes true or false",
    ),
    in_input(
        "inputs", {"type": "number", "default": "1"}, "/inputs/x/default: this is a text; the input takes a number"
    ),
    in_input(
        "inputs", {"type": "object", "default": []}, "/inputs/x/default: this is a list; the input takes a JSON object"
    ),
    in_input(
        "inputs", {"type": "array", "default": {}}, "/inputs/x/default: this is an object; the input takes a JSON list"
    ),
    in_input(
        "inputs", {"type": "string", "default": None}, "/inputs/x/default: this is null; the input takes a string"
    ),
    in_input("inputs", {"type": "string", "enum": "en"}, "/inputs/x/enum: this is a text; it must be a list"),
    in_input("inputs", {"type": "string", "enum": []}, "/inputs/x/enum: this is empty; no value could be given"),
    large(
        "inputs",
        '"x": {"type": "integer", "enum": [0, 1, …]} (1,001 values)',
        {"inputs": {"x": {"type": "integer", "enum": list(range(1001))}}, "procedures": [_A]},
        "/inputs/x/enum: 1001 values; enum takes at most 1000",
    ),
    in_input(
        "inputs", {"type": "string", "enum": ["en", 5]}, "/inputs/x/enum/1: this is a number; the input takes a string"
    ),
    in_input(
        "inputs",
        {"type": "string", "enum": ["en", "de"], "default": "fr"},
        '/inputs/x/default: "fr" is none of: "en", "de"',
    ),
    in_input(
        "inputs", {"type": "integer", "enum": [1, 9], "maximum": 5}, "/inputs/x/enum/1: 9 is more than the maximum 5"
    ),
    in_input("inputs", {"type": "integer", "minimum": "1"}, "/inputs/x/minimum: this is a text; it must be a number"),
    in_input(
        "inputs",
        {"type": "string", "minimum": 1},
        "/inputs/x/minimum: an input of type string has no minimum; only integer and number have",
    ),
    in_input(
        "inputs",
        {"type": "array", "maximum": 1},
        "/inputs/x/maximum: an input of type array has no maximum; only integer and number have",
    ),
    in_input(
        "inputs", {"type": "integer", "minimum": 5, "maximum": 1}, "/inputs/x/minimum: 5 is more than the maximum 1"
    ),
    in_input(
        "inputs", {"type": "integer", "minimum": 5, "default": 1}, "/inputs/x/default: 1 is less than the minimum 5"
    ),
    in_input(
        "inputs", {"type": "number", "maximum": 0.5, "default": 1}, "/inputs/x/default: 1 is more than the maximum 0.5"
    ),
    in_input(
        "inputs",
        {"type": "string", "pattern": "("},
        '/inputs/x/pattern: "(" is no regular expression: missing ), unterminated subpattern at position 0',
    ),
    in_input(
        "inputs",
        {"type": "string", "pattern": "(a+)+$"},
        '/inputs/x/pattern: "(a+)+$" can match in too many ways: it repeats what repeats, or repeats too often; write e.g. "(-[a-z]++)*" for "(-[a-z]+)*"',
    ),
    in_input(
        "inputs",
        {"type": "string", "pattern": "(?#a)b"},
        '/inputs/x/pattern: "(?#a)b" has a comment, or the flag x; write the pattern without',
    ),
    in_input(
        "inputs",
        {"type": "string", "pattern": "a" * 201},
        '/inputs/x/pattern: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" has 201 characters; a pattern has at most 200',
    ),
    in_input("inputs", {"type": "string", "pattern": 5}, "/inputs/x/pattern: this is a number; it must be a text"),
    in_input(
        "inputs",
        {"type": "integer", "pattern": "1"},
        "/inputs/x/pattern: an input of type integer has no pattern; only string has",
    ),
    in_input(
        "inputs",
        {"type": "string", "pattern": "^[a-z]+$", "default": "A"},
        '/inputs/x/default: "A" does not match the pattern "^[a-z]+$"',
    ),
    in_input(
        "inputs", {"type": "string", "description": 5}, "/inputs/x/description: this is a number; it must be a text"
    ),
    in_step(
        "inputs",
        {"params": {"msg": "@_input.name"}},
        '/procedures/1/params/msg: "@_input.name": the flow declares no inputs',
    ),
    whole(
        "inputs",
        {
            "inputs": {"name": {"type": "string"}},
            "procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "@_input.nam"}}],
        },
        '/procedures/0/params/msg: "@_input.nam": "@_input" is an object and has no key "nam" (keys: name). Did you mean "@_input.name"?',
    ),
    whole(
        "inputs",
        {
            "inputs": {"count": {"type": "string"}},
            "procedures": [
                {"name": "a", "mod": "common.Typed", "method": "take", "params": {"number": "@_input.count"}}
            ],
        },
        '/procedures/0/params/number: "@_input.count": it is a string, and an integer is needed here',
    ),
    in_step(
        "retry", {"retry": 3}, '/procedures/1/retry: this is a number; it must be an object such as {"max_attempts": 3}'
    ),
    in_step(
        "retry",
        {"retry": {}},
        '/procedures/1/retry: the key "max_attempts" is missing; it counts all executions, 1 to 10',
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 0}},
        "/procedures/1/retry/max_attempts: 0 is out of range; it must be from 1 to 10",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 11}},
        "/procedures/1/retry/max_attempts: 11 is out of range; it must be from 1 to 10",
    ),
    in_step("retry", {"retry": {"max_attempts": 2.5}}, "/procedures/1/retry/max_attempts: 2.5 is not a whole number"),
    in_step(
        "retry",
        {"retry": {"max_attempts": "3"}},
        "/procedures/1/retry/max_attempts: this is a text; it must be a number",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": True}},
        "/procedures/1/retry/max_attempts: this is true; it must be a number",
    ),
    in_step(
        "retry",
        {"retry": {"max_atempts": 3}},
        '/procedures/1/retry/max_atempts: the key "max_atempts" is unknown. Did you mean "max_attempts"? A note begins with "_".',
        '/procedures/1/retry: the key "max_attempts" is missing; it counts all executions, 1 to 10',
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "delay": -1}},
        "/procedures/1/retry/delay: -1 is out of range; it must be from 0 to 604800",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "delay": "1s"}},
        "/procedures/1/retry/delay: this is a text; it must be a number",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "delay": 604801}},
        "/procedures/1/retry/delay: 604801 is out of range; it must be from 0 to 604800",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "backoff": 0.5}},
        "/procedures/1/retry/backoff: 0.5 is out of range; it must be from 1 to 100",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "backoff": 101}},
        "/procedures/1/retry/backoff: 101 is out of range; it must be from 1 to 100",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "max_delay": -1}},
        "/procedures/1/retry/max_delay: -1 is out of range; it must be from 0 to 604800",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "max_delay": None}},
        "/procedures/1/retry/max_delay: this is null; it must be a number",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "on": "OSError"}},
        "/procedures/1/retry/on: this is a text; it must be a list",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "on": []}},
        "/procedures/1/retry/on: this is empty; name exception classes, or leave the key out for any Exception",
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 3, "on": ["not a name", 5]}},
        '/procedures/1/retry/on/0: "not a name" is no name of an exception class such as "ConnectionError"',
        '/procedures/1/retry/on/1: a number is no name of an exception class such as "ConnectionError"',
    ),
    in_step(
        "retry",
        {"retry": {"max_attempts": 0, "delay": -1, "on": []}},
        "/procedures/1/retry/max_attempts: 0 is out of range; it must be from 1 to 10",
        "/procedures/1/retry/delay: -1 is out of range; it must be from 0 to 604800",
        "/procedures/1/retry/on: this is empty; name exception classes, or leave the key out for any Exception",
    ),
    in_document(
        "retry",
        {"retry": {"max_attempts": 3}},
        '/retry: the key "retry" is unknown. Known keys: $schema, description, timeout, inputs, procedures, outputs, on_failure. A note begins with "_".',
    ),
    in_step("timeout", {"timeout": 0}, "/procedures/1/timeout: 0 is out of range; it must be from 0.001 to 604800"),
    in_step("timeout", {"timeout": -5}, "/procedures/1/timeout: -5 is out of range; it must be from 0.001 to 604800"),
    in_step(
        "timeout", {"timeout": 604801}, "/procedures/1/timeout: 604801 is out of range; it must be from 0.001 to 604800"
    ),
    in_step("timeout", {"timeout": "5s"}, "/procedures/1/timeout: this is a text; it must be a number"),
    in_step("timeout", {"timeout": True}, "/procedures/1/timeout: this is true; it must be a number"),
    in_step("timeout", {"timeout": None}, "/procedures/1/timeout: this is null; it must be a number"),
    in_document("timeout", {"timeout": 0.0001}, "/timeout: 0.0001 is out of range; it must be from 0.001 to 604800"),
    in_document("timeout", {"timeout": [5]}, "/timeout: this is a list; it must be a number"),
    in_step(
        "timeout",
        {"time_out": 5},
        '/procedures/1/time_out: the key "time_out" is unknown. Did you mean "timeout"? A note begins with "_".',
    ),
    in_step(
        "when",
        {"when": True},
        '/procedures/1/when: this is true; write a reference such as "@step.key", or {"not": "@step.key"}',
    ),
    in_step("when", {"when": "yes"}, '/procedures/1/when: "yes" is no reference; write "@step.key"'),
    in_step(
        "when",
        {"when": "@"},
        '/procedures/1/when: "@" alone names no step; write "@step.key", or "@@" for the text "@"',
    ),
    in_step("when", {"when": "@@made.ok"}, '/procedures/1/when: "@@made.ok" is no reference; write "@step.key"'),
    in_step(
        "when",
        {"when": ["@made.ok"]},
        '/procedures/1/when: this is a list; write a reference such as "@step.key", or {"not": "@step.key"}',
    ),
    in_step(
        "when",
        {"when": {"not": True}},
        '/procedures/1/when: this is true; write a reference such as "@step.key", or {"not": "@step.key"}',
    ),
    in_step(
        "when",
        {"when": {"and": ["@made.ok"]}},
        '/procedures/1/when: this is an object; write a reference such as "@step.key", or {"not": "@step.key"}',
    ),
    in_step(
        "when",
        {"when": {"not": {"not": "@made.ok"}}},
        '/procedures/1/when: this is an object; write a reference such as "@step.key", or {"not": "@step.key"}',
    ),
    in_step(
        "when",
        {"when": {"not": "@made.okay"}},
        '/procedures/1/when: "@made.okay": "@made" is Made and has no key "okay" (keys: ok, number, text, rows, first, extra). Did you mean "@made.ok"?',
    ),
    in_step(
        "when", {"when": "@made.text"}, '/procedures/1/when: "@made.text": it is a string, and a boolean is needed here'
    ),
    in_step("when", {"when": "@made"}, '/procedures/1/when: "@made": it is Made, and a boolean is needed here'),
    in_step(
        "when",
        {"when": "@mad.ok"},
        '/procedures/1/when: "@mad.ok": no step is named "mad" (earlier steps: made). Did you mean "@made.ok"?',
    ),
    in_step(
        "when", {"when": "@a.ok"}, '/procedures/1/when: "@a.ok": a step cannot refer to itself (earlier steps: made).'
    ),
    in_step(
        "when",
        {"when": "@_item"},
        '/procedures/1/when: "@_item": it is there only in the params of a step with "foreach"',
    ),
    in_step("when", {"when": "@_error.step"}, '/procedures/1/when: "@_error.step": it is there only in on_failure'),
    in_step(
        "when",
        {"when": "@_runtime.run_id"},
        '/procedures/1/when: "@_runtime.run_id": it is an integer or null, and a boolean is needed here',
    ),
    whole(
        "when",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make"},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "when": "@made.ok"},
                {"name": "b", "mod": "common.Kt", "method": "prt", "params": {"msg": "@a.msg"}},
            ]
        },
        '/procedures/2/params/msg: "@a.msg": "a" runs only when @made.ok; write the same "when" here',
    ),
    whole(
        "when",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make"},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "when": "@made.ok"},
                {
                    "name": "b",
                    "mod": "common.Kt",
                    "method": "prt",
                    "params": {"msg": "@a.msg"},
                    "when": {"not": "@made.ok"},
                },
            ]
        },
        '/procedures/2/params/msg: "@a.msg": "a" runs only when @made.ok; write the same "when" here',
    ),
    whole(
        "when",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make"},
                {"name": "a", "mod": "common.Typed", "method": "make", "when": "@made.ok"},
                {"name": "b", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "when": "@a.ok"},
            ]
        },
        '/procedures/2/when: "@a.ok": "a" runs only when @made.ok; only a step with the same "when" may refer to it',
    ),
    whole(
        "when",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make"},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "when": "@made.ok"},
            ],
            "outputs": {"a": "@a.msg"},
        },
        '/outputs/a: "@a.msg": "a" runs only when @made.ok; only a step with the same "when" may refer to it',
    ),
    in_step(
        "foreach",
        {"foreach": 5},
        '/procedures/1/foreach: this is a number; write a list, or a reference to one such as "@step.rows"',
    ),
    in_step(
        "foreach",
        {"foreach": {"a": 1}},
        '/procedures/1/foreach: this is an object; write a list, or a reference to one such as "@step.rows"',
    ),
    in_step("foreach", {"foreach": "rows"}, '/procedures/1/foreach: "rows" is no reference; write "@step.key"'),
    in_step(
        "foreach",
        {"foreach": "@made.text"},
        '/procedures/1/foreach: "@made.text": it is a string, and a list of anything is needed here',
    ),
    in_step(
        "foreach",
        {"foreach": "@made"},
        '/procedures/1/foreach: "@made": it is Made, and a list of anything is needed here',
    ),
    in_step(
        "foreach",
        {"foreach": "@made.rowz"},
        '/procedures/1/foreach: "@made.rowz": "@made" is Made and has no key "rowz" (keys: ok, number, text, rows, first, extra). Did you mean "@made.rows"?',
    ),
    in_step(
        "foreach",
        {"foreach": "@later"},
        '/procedures/1/foreach: "@later": the step "later" runs later; move it before this step (earlier steps: made).',
    ),
    in_step(
        "foreach",
        {"foreach": "@_item"},
        '/procedures/1/foreach: "@_item": it is there only in the params of a step with "foreach"',
    ),
    in_step(
        "foreach",
        {"foreach": None},
        '/procedures/1/foreach: this is null; write a list, or a reference to one such as "@step.rows"',
    ),
    large(
        "foreach",
        '"foreach": [0, 0, …] (1,001 entries)',
        {"procedures": [_A | {"foreach": [0] * 1001}]},
        "/procedures/0/foreach: 1001 entries; foreach takes at most 1000",
    ),
    in_step(
        "foreach",
        {"foreach": [1, "@mad"]},
        '/procedures/1/foreach/1: "@mad": no step is named "mad" (earlier steps: made). Did you mean "@made"?',
    ),
    in_step(
        "foreach",
        {"params": {"msg": "@_item"}},
        '/procedures/1/params/msg: "@_item": it is there only in the params of a step with "foreach"',
    ),
    in_step(
        "foreach",
        {"params": {"msg": "@_index"}},
        '/procedures/1/params/msg: "@_index": it is there only in the params of a step with "foreach"',
    ),
    in_step(
        "foreach",
        {"foreach": "@made.rows", "params": {"msg": "@_item.nam"}},
        '/procedures/1/params/msg: "@_item.nam": "@_item" is Row and has no key "nam" (keys: id, name). Did you mean "@_item.name"?',
    ),
    whole(
        "foreach",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make"},
                {
                    "name": "a",
                    "mod": "common.Typed",
                    "method": "take",
                    "params": {"number": "@_item.name"},
                    "foreach": "@made.rows",
                },
            ]
        },
        '/procedures/1/params/number: "@_item.name": it is a string, and an integer is needed here',
    ),
    whole(
        "foreach",
        {
            "procedures": [
                {"name": "made", "mod": "common.Typed", "method": "make", "foreach": [1, 2]},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "@made.number"}},
            ]
        },
        '/procedures/1/params/msg: "@made.number": "@made" is an object and has no key "number" (keys: items, count).',
    ),
    in_step(
        "continue_on_error",
        {"continue_on_error": "yes"},
        "/procedures/1/continue_on_error: this is a text; it must be true or false",
    ),
    in_step(
        "continue_on_error",
        {"continue_on_error": 1},
        "/procedures/1/continue_on_error: this is a number; it must be true or false",
    ),
    in_step(
        "continue_on_error",
        {"continue_on_eror": True},
        '/procedures/1/continue_on_eror: the key "continue_on_eror" is unknown. Did you mean "continue_on_error"? A note begins with "_".',
    ),
    whole(
        "continue_on_error",
        {
            "procedures": [
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "continue_on_error": True},
                {"name": "b", "mod": "common.Kt", "method": "prt", "params": {"msg": "@a.msg"}},
            ]
        },
        '/procedures/1/params/msg: "@a.msg": "a" may fail and go on; nothing may refer to it',
    ),
    whole(
        "continue_on_error",
        {
            "procedures": [
                {"name": "a", "mod": "common.Typed", "method": "make", "continue_on_error": True},
                {"name": "b", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}, "when": "@a.ok"},
            ]
        },
        '/procedures/1/when: "@a.ok": "a" may fail and go on; nothing may refer to it',
    ),
    whole(
        "continue_on_error",
        {
            "procedures": [{"name": "a", "mod": "common.Typed", "method": "make", "continue_on_error": True}],
            "outputs": {"all": "@a"},
        },
        '/outputs/all: "@a": "a" may fail and go on; nothing may refer to it',
    ),
    in_handler(
        "continue_on_error",
        {"continue_on_error": True},
        "/on_failure/0/continue_on_error: the steps of on_failure go on after an error in any case",
    ),
    in_document("on_failure", {"on_failure": {}}, "/on_failure: this is an object; it must be a list of steps"),
    in_document(
        "on_failure",
        {"on_failure": ["tell"]},
        '/on_failure/0: this is a text; a step is an object with "name", "mod" and "method"',
    ),
    in_document(
        "on_failure",
        {"on_fail": []},
        '/on_fail: the key "on_fail" is unknown. Did you mean "on_failure"? A note begins with "_".',
    ),
    in_handler(
        "on_failure", {"name": "a"}, '/on_failure/0/name: "a" is the name of an earlier step too; names are unique'
    ),
    in_handler("on_failure", {"name": "A"}, '/on_failure/0/name: "A" differs from the earlier "a" only in case'),
    in_handler(
        "on_failure",
        {"params": {"msg": "@a.msg"}},
        '/on_failure/0/params/msg: "@a.msg": "a" may not have run; on_failure reads @_error, @_runtime, @_input (earlier steps: none).',
    ),
    in_handler(
        "on_failure",
        {"params": {"msg": "@_error.stepp"}},
        '/on_failure/0/params/msg: "@_error.stepp": "@_error" is an object and has no key "stepp" (keys: step, type, message). Did you mean "@_error.step"?',
    ),
    in_handler(
        "on_failure",
        {"params": {"msg": "@later.msg"}},
        '/on_failure/0/params/msg: "@later.msg": the step "later" runs later; move it before this step (earlier steps: none).',
    ),
    in_handler(
        "on_failure",
        {"params": {"msg": "@tell.msg"}},
        '/on_failure/0/params/msg: "@tell.msg": a step cannot refer to itself (earlier steps: none).',
    ),
    in_step(
        "on_failure",
        {"params": {"msg": "@_error.message"}},
        '/procedures/1/params/msg: "@_error.message": it is there only in on_failure',
    ),
    in_handler(
        "on_failure",
        {"method": "nothing"},
        '/on_failure/0/method: "nothing" is no method that "common.Kt" offers: it is not defined there (methods: prt).',
    ),
    whole(
        "on_failure",
        {
            "procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "@tell.msg"}}],
            "on_failure": [{"name": "tell", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}}],
        },
        '/procedures/0/params/msg: "@tell.msg": "tell" runs only after a failure (earlier steps: none).',
    ),
    large(
        "on_failure",
        '"on_failure": [{…}, …] (501 steps)',
        {"procedures": [], "on_failure": [_LATER] * 501},
        "/on_failure: 501 steps; a flow has at most 500",
    ),
    in_call("flow", {"flow": ""}, '/procedures/1/flow: this is empty; write e.g. "hello"'),
    in_call("flow", {"flow": 5}, "/procedures/1/flow: this is a number; it must be a text"),
    in_call("flow", {"flow": "gret"}, '/procedures/1/flow: no flow is named "gret"'),
    in_call("flow", {"flow": "main"}, '/procedures/1/flow: flow "main" would contain itself (main > main)'),
    in_call(
        "flow",
        {"flow": "loop"},
        '/procedures/1/flow: flow "loop" is invalid: /procedures/0/flow: flow "again" is invalid: /procedures/0/flow: flow "loop" would contain itself (main > loop > again > loop)',
    ),
    in_call(
        "flow",
        {"flow": "bad"},
        '/procedures/1/flow: flow "bad" is invalid: /procedures/0: the key "mod" is missing; write e.g. "common.Kt" (and 2 more)',
    ),
    in_call(
        "flow",
        {"flow": "deep6"},
        '/procedures/1/flow: flow "deep6" is invalid: /procedures/0/flow: flow "deep5" is invalid: /procedures/0/flow: flow "deep4" is invalid: /procedures/0/flow: flow "deep3" is invalid: /procedures/0/flow: flow "deep2" is invalid: /procedures/0/flow: flow "deep1" would be nested deeper than 5 levels',
    ),
    in_call("flow", {"flow": "greet", "inputs": {}}, '/procedures/1/inputs: the key "name" is missing; it is a string'),
    in_call(
        "flow",
        {"flow": "greet", "inputs": {"name": "Ann", "nam": "x"}},
        '/procedures/1/inputs/nam: flow greet takes no key "nam" (keys: name, times). Did you mean "name"?',
    ),
    in_call(
        "flow",
        {"flow": "greet", "inputs": {"name": "ann"}},
        '/procedures/1/inputs/name: "ann" does not match the pattern "^[A-Z]"',
    ),
    in_call(
        "flow",
        {"flow": "greet", "inputs": {"name": "Ann", "times": 11}},
        "/procedures/1/inputs/times: 11 is more than the maximum 10",
    ),
    in_call(
        "flow",
        {"flow": "greet", "inputs": {"name": "@made.number"}},
        '/procedures/1/inputs/name: "@made.number": it is an integer, and a string is needed here',
    ),
    in_call(
        "flow",
        {"flow": "plain", "inputs": {"name": "Ann"}},
        '/procedures/1/inputs/name: flow plain takes no key "name" (keys: none).',
    ),
    in_step(
        "flow",
        {"inputs": {}},
        '/procedures/1/inputs: the key "inputs" is unknown. Known keys: name, mod, method, params, description, when, foreach, retry, timeout, continue_on_error. A note begins with "_".',
    ),
    whole(
        "flow",
        {
            "procedures": [
                {"name": "sub", "flow": "greet", "inputs": {"name": "Ann"}},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "@sub.greting"}},
            ]
        },
        '/procedures/1/params/msg: "@sub.greting": "@sub" is an object and has no key "greting" (keys: greeting). Did you mean "@sub.greeting"?',
    ),
    whole(
        "flow",
        {
            "procedures": [
                {"name": "sub", "flow": "plain"},
                {"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "@sub.msg"}},
            ]
        },
        '/procedures/1/params/msg: "@sub.msg": "@sub" is an object and has no key "msg"',
    ),
    in_document("outputs", {"outputs": ["@a.msg"]}, "/outputs: this is a list; it must be an object"),
    in_document("outputs", {"outputs": "@a"}, "/outputs: this is a text; it must be an object"),
    in_document(
        "outputs", {"outputs": {"x": "@b.msg"}}, '/outputs/x: "@b.msg": no step is named "b" (earlier steps: made, a).'
    ),
    in_document(
        "outputs",
        {"outputs": {"x": [{"y": "@"}]}},
        '/outputs/x/0/y: "@" alone names no step; write "@step.key", or "@@" for the text "@"',
    ),
    in_document(
        "outputs",
        {"outputs": {"x": "@made.nothing"}},
        '/outputs/x: "@made.nothing": "@made" is Made and has no key "nothing" (keys: ok, number, text, rows, first, extra).',
    ),
    in_document(
        "outputs",
        {"outputs": {"x": "@_item"}},
        '/outputs/x: "@_item": it is there only in the params of a step with "foreach"',
    ),
    in_document(
        "outputs", {"outputs": {"x": "@_error.step"}}, '/outputs/x: "@_error.step": it is there only in on_failure'
    ),
    in_document(
        "outputs",
        {"output": {}},
        '/output: the key "output" is unknown. Did you mean "outputs"? A note begins with "_".',
    ),
    whole(
        "outputs",
        {
            "procedures": [],
            "outputs": {"x": "@tell.msg"},
            "on_failure": [{"name": "tell", "mod": "common.Kt", "method": "prt", "params": {"msg": 1}}],
        },
        '/outputs/x: "@tell.msg": "tell" runs only after a failure (earlier steps: none).',
    ),
]

_MARKED = re.compile(r"<!-- (sample|errors): (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def page(text: str) -> str:
    """Return the page with its marked parts written anew."""
    return _MARKED.sub(lambda found: f"<!-- {found[1]}: {found[2]} -->\n{_part(*found.groups())}<!-- end -->", text)


def _part(kind: str, name: str) -> str:
    if kind == "sample":
        return f"```json\n{(SAMPLES / f'{name}.json').read_text(encoding='utf-8')}```\n"
    rows = [f"| {_code(row.shown)} | {'<br>'.join(map(_code, row.findings))} |\n" for row in ALL if row.key == name]
    return "".join(["| Written | Refused with |\n", "|---|---|\n", *rows])


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
