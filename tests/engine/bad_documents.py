# ruff: noqa: E501, RUF001  (a message stands on one line, as it is shown, so that it can be searched for)
"""What the checker says to each kind of bad document: a table that is tested, and the page docs/reference/errors.md.

`python -m tests.engine.bad_documents > docs/reference/errors.md` writes the page.
"""

import json
import sys
from typing import Any, NamedTuple

from tests.engine.stage import document, step

_SHOWN_CHARACTERS = 240


class Bad(NamedTuple):
    """A bad document, the part of it that a reader needs to see, and each finding as the user sees it."""

    title: str
    text: str | bytes
    shown: str
    findings: tuple[str, ...]


def bad(title: str, text: str | bytes, *findings: str) -> Bad:
    """A whole document."""
    shown = text if isinstance(text, str) else repr(text)
    if len(shown) > _SHOWN_CHARACTERS:
        shown = f"{shown[:60]} … ({len(text):,} {'characters' if isinstance(text, str) else 'bytes'})"
    return Bad(title, text, shown, findings)


def bad_step(title: str, entry: Any, *findings: str) -> Bad:
    """The only step of a document."""
    return Bad(title, document(entry), _shown(entry), findings)


def bad_name(title: str, name: str, *findings: str) -> Bad:
    """The name of the only step."""
    return Bad(title, document(step(name=name)), f'"name": {_shown(name)}', findings)


def bad_call(title: str, mod: str, method: str, *findings: str) -> Bad:
    """The module and method of the only step."""
    shown = f'"mod": {_shown(mod)}, "method": {_shown(method)}'
    return Bad(title, document(step(mod=mod, method=method)), shown, findings)


def bad_params(title: str, params: dict[str, Any], *findings: str) -> Bad:
    """The params of the second of three steps."""
    steps = step(), step(name="step2", params=params), step(name="step3")
    return Bad(title, document(*steps), f'"params": {_shown(params)}', findings)


def bad_reference(title: str, reference: str, *findings: str) -> Bad:
    """A parameter of the second of three steps."""
    return bad_params(title, {"msg": reference}, *findings)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # What cannot be seen, or would turn the line around, is shown as the escape that may stand in the document.
    return text if text.isprintable() else json.dumps(value)


def _nested(levels: int) -> str:
    return '{"procedures": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


TEXT = [
    bad("Nothing at all", "", "not JSON: line 1, column 1: a value is expected here"),
    bad("Only spaces", "  \n ", "not JSON: line 2, column 2: a value is expected here"),
    bad("Plain text", "hello", 'not JSON: line 1, column 1: a value is expected here (near "hello")'),
    bad(
        "Single quotes",
        "{'procedures': []}",
        "not JSON: line 1, column 2: a key in double quotes is expected here (near \"{'procedures': []}\")",
    ),
    bad(
        "A key without quotes",
        "{procedures: []}",
        'not JSON: line 1, column 2: a key in double quotes is expected here (near "{procedures: []}")',
    ),
    bad(
        "A comma before the closing brace",
        '{"procedures": [],}',
        'not JSON: line 1, column 18: no comma may stand before the closing brace (near "{"procedures": [],}")',
    ),
    bad(
        "A comma before the closing bracket",
        '{"procedures": [1,]}',
        'not JSON: line 1, column 18: no comma may stand before the closing bracket (near "{"procedures": [1,]}")',
    ),
    bad(
        "A comma that is missing",
        '{"procedures": [\n  {"name": "a"\n   "mod": "common.Kt"}]}',
        'not JSON: line 3, column 4: a comma is expected here (near "   "mod": "common.Kt"}]")',
    ),
    bad(
        "A colon that is missing",
        '{"procedures" []}',
        'not JSON: line 1, column 15: a colon is expected here (near "{"procedures" []}")',
    ),
    bad(
        "A brace that is missing",
        '{"procedures": []',
        'not JSON: line 1, column 18: the text ends here; a { or [ is not closed (near "{"procedures": []")',
    ),
    bad(
        "A bracket too many",
        '{"procedures": []]}',
        'not JSON: line 1, column 18: this closes nothing that is open here (near "{"procedures": []]}")',
    ),
    bad(
        "A closing quote that is missing",
        '{"procedures": [{"name": "a}]}',
        'not JSON: line 1, column 26: this text has no closing quote (near "cedures": [{"name": "a}]}")',
    ),
    bad(
        "A line break in a text",
        '{"procedures": [{"name": "a\nb"}]}',
        'not JSON: line 1, column 28: a text may not hold a raw line break or control character; write it as \\n or \\u00.. (near "dures": [{"name": "a")',
    ),
    bad(
        "An escape that JSON does not have",
        r'{"procedures": [{"name": "C:\dir"}]}',
        'not JSON: line 1, column 29: this is no escape of JSON; a backslash is written \\\\ (near "ures": [{"name": "C:\\dir"}]}")',
    ),
    bad(
        "A broken unicode escape",
        r'{"procedures": [{"name": "\u12g4"}]}',
        'not JSON: line 1, column 28: \\u takes four hexadecimal digits (near "dures": [{"name": "\\u12g4"}]}")',
    ),
    bad(
        "A comment",
        '{"procedures": []} // my flow',
        'not JSON: line 1, column 20: the document ends before this; remove what follows (near "{"procedures": []} // my flow")',
    ),
    bad(
        "Two documents",
        '{"procedures": []}{"procedures": []}',
        'not JSON: line 1, column 19: the document ends before this; remove what follows (near "{"procedures": []}{"procedures": []}")',
    ),
    bad(
        "Words of Python",
        '{"procedures": None}',
        'not JSON: line 1, column 16: a value is expected here (near "{"procedures": None}")',
    ),
    bad(
        "A number with a leading zero",
        '{"procedures": 007}',
        'not JSON: line 1, column 17: a comma is expected here (near "{"procedures": 007}")',
    ),
    bad(
        "A NUL",
        '{"procedures": \0[]}',
        'not JSON: line 1, column 16: a value is expected here (near "{"procedures": \\x00[]}")',
    ),
    bad(
        "Latin-1 instead of UTF-8",
        '{"procedures": "é"}'.encode("latin-1"),
        "the document is not UTF-8: invalid continuation byte at byte 16",
    ),
    bad(
        "UTF-16 instead of UTF-8",
        '{"procedures": []}'.encode("utf-16"),
        "the document is not UTF-8: invalid start byte at byte 0",
    ),
    bad(
        "UTF-8 cut in the middle of a character",
        '{"procedures": "é'.encode()[:-1],
        "the document is not UTF-8: unexpected end of data at byte 16",
    ),
    bad(
        "Half of a character, raw",
        '{"procedures": "\ud800"}',
        "the document is not UTF-8: surrogates not allowed at character 16",
    ),
    bad(
        "A byte order mark",
        '\ufeff{"procedures": []}',
        "the document begins with a byte order mark; save it as UTF-8 without one",
    ),
    bad(
        "A byte order mark in bytes",
        '\ufeff{"procedures": []}'.encode(),
        "the document begins with a byte order mark; save it as UTF-8 without one",
    ),
    bad(
        "Over 1 MiB",
        '{"procedures": [' + " " * 1048576 + "]}",
        "the document is larger than 1 MiB (1,048,594 characters); split the flow, or keep data outside of it",
    ),
    bad(
        "Over 1 MiB in bytes, not in characters",
        '{"procedures": "' + "é" * 600000 + '"}',
        "the document is larger than 1 MiB (1,200,018 bytes); split the flow, or keep data outside of it",
    ),
    bad("Nested deeper than 20", _nested(21), "the document is nested deeper than 20 levels: line 1, column 35"),
    bad("Nested 100,000 deep", "[" * 100000, "the document is nested deeper than 20 levels: line 1, column 21"),
]

VALUES = [
    bad("NaN", '{"procedures": NaN}', "/procedures: NaN is not JSON; write null or a text"),
    bad("Infinity", '{"procedures": [Infinity]}', "/procedures/0: Infinity is not JSON; write null or a text"),
    bad(
        "Minus Infinity",
        '{"procedures": [{"params": {"low": -Infinity}}]}',
        "/procedures/0/params/low: -Infinity is not JSON; write null or a text",
    ),
    bad(
        "A number beyond all floats",
        '{"procedures": [{"params": {"n": 1e999}}]}',
        "/procedures/0/params/n: 1e999 is too large for a number",
    ),
    bad(
        "An integer one too large for 64 bits",
        '{"procedures": [{"params": {"n": 9223372036854775808}}]}',
        "/procedures/0/params/n: 9223372036854775808 does not fit into 64 bits; write it as a text",
    ),
    bad(
        "An integer one too small for 64 bits",
        '{"procedures": [{"params": {"n": -9223372036854775809}}]}',
        "/procedures/0/params/n: -9223372036854775809 does not fit into 64 bits; write it as a text",
    ),
    bad(
        "An integer of 100 digits",
        '{"procedures": [{"params": {"n": ' + "7" * 100 + "}}]}",
        "/procedures/0/params/n: 77777777777777777777… (100 digits) does not fit into 64 bits; write it as a text",
    ),
    bad(
        "A key twice in the document",
        '{"procedures": [], "procedures": []}',
        'the key "procedures" stands here more than once; keep one of them',
    ),
    bad(
        "A key twice in a step",
        '{"procedures": [{"name": "a", "name": "b"}]}',
        '/procedures/0: the key "name" stands here more than once; keep one of them',
    ),
    bad(
        "A key twice in params, once as an escape",
        r'{"procedures": [{"params": {"a": 1, "\u0061": 2}}]}',
        '/procedures/0/params: the key "a" stands here more than once; keep one of them',
    ),
    bad(
        "Half of a character as an escape",
        r'{"procedures": [{"name": "\ud800"}]}',
        "/procedures/0/name: half of a character (a lone surrogate) cannot be stored; remove it",
    ),
    bad(
        "Half of a character in a key",
        r'{"procedures": [{"params": {"a\udfffb": 1}}]}',
        '/procedures/0/params: the key "a\\udfffb" holds half of a character (a lone surrogate); remove it',
    ),
    bad(
        "A NUL in a key",
        r'{"procedures": [{"params": {"a\u0000": 1}}]}',
        '/procedures/0/params: the key "a\\x00" holds a control character; remove it',
    ),
    bad(
        "A line break in a key",
        r'{"procedures": [{"params": {"a\nb": 1}}]}',
        '/procedures/0/params: the key "a\\nb" holds a control character; remove it',
    ),
    bad(
        "A DEL in a key",
        '{"procedures": [{"params": {"\x7f": 1}}]}',
        '/procedures/0/params: the key "\\x7f" holds a control character; remove it',
    ),
    bad(
        "A C1 control character in a key",
        r'{"procedures": [{"params": {"\u009b31m": 1}}]}',
        '/procedures/0/params: the key "\\x9b31m" holds a control character; remove it',
    ),
    bad(
        "Several at once",
        r'{"procedures": [{"x": NaN, "y": {"z": 1, "z": 1e999}}, "\ud800"]}',
        "/procedures/0/x: NaN is not JSON; write null or a text",
        '/procedures/0/y: the key "z" stands here more than once; keep one of them',
        "/procedures/0/y/z: 1e999 is too large for a number",
        "/procedures/1: half of a character (a lone surrogate) cannot be stored; remove it",
    ),
]

DOCUMENT = [
    bad("null", "null", 'the document is null; it must be an object: {"procedures": [...]}'),
    bad("true", "true", 'the document is true; it must be an object: {"procedures": [...]}'),
    bad("A number", "12", 'the document is a number; it must be an object: {"procedures": [...]}'),
    bad("A text", '"procedures"', 'the document is a text; it must be an object: {"procedures": [...]}'),
    bad(
        "A list of steps without the object",
        "[]",
        'the document is a list; it must be an object: {"procedures": [...]}',
    ),
    bad("An empty object", "{}", 'the key "procedures" is missing; it holds the list of steps'),
    bad(
        "A misspelt key",
        '{"procedure": []}',
        '/procedure: the key "procedure" is unknown. Did you mean "procedures"? A note begins with "_".',
        'the key "procedures" is missing; it holds the list of steps',
    ),
    bad(
        "A key in capitals",
        '{"PROCEDURES": []}',
        '/PROCEDURES: the key "PROCEDURES" is unknown. Did you mean "procedures"? A note begins with "_".',
        'the key "procedures" is missing; it holds the list of steps',
    ),
    bad(
        "A key that is near no other",
        '{"procedures": [], "zzz": 1}',
        '/zzz: the key "zzz" is unknown. Known keys: $schema, description, timeout, inputs, procedures, outputs, on_failure. A note begins with "_".',
    ),
    bad(
        "An empty key",
        '{"procedures": [], "": 1}',
        '/: the key "" is unknown. Known keys: $schema, description, timeout, inputs, procedures, outputs, on_failure. A note begins with "_".',
    ),
    bad("null for the list", '{"procedures": null}', "/procedures: this is null; it must be a list of steps"),
    bad("An object for the list", '{"procedures": {}}', "/procedures: this is an object; it must be a list of steps"),
    bad("A text for the list", '{"procedures": "step1"}', "/procedures: this is a text; it must be a list of steps"),
    bad(
        "501 steps",
        '{"procedures": [' + ",".join(["{}"] * 501) + "]}",
        "/procedures: 501 steps; a flow has at most 500",
    ),
]

STEPS = [
    bad_step("null", None, '/procedures/0: this is null; a step is an object with "name", "mod" and "method"'),
    bad_step("false", False, '/procedures/0: this is false; a step is an object with "name", "mod" and "method"'),
    bad_step("A text", "step1", '/procedures/0: this is a text; a step is an object with "name", "mod" and "method"'),
    bad_step(
        "A list",
        ["step1", "common.Kt", "prt"],
        '/procedures/0: this is a list; a step is an object with "name", "mod" and "method"',
    ),
    bad_step(
        "An empty object",
        {},
        '/procedures/0: the key "name" is missing; write e.g. "step1"',
        '/procedures/0: the key "mod" is missing; write e.g. "common.Kt"',
        '/procedures/0: the key "method" is missing; write e.g. "prt"',
    ),
    bad_step(
        "No name", {"mod": "common.Kt", "method": "prt"}, '/procedures/0: the key "name" is missing; write e.g. "step1"'
    ),
    bad_step(
        "No module",
        {"name": "step1", "method": "prt"},
        '/procedures/0: the key "mod" is missing; write e.g. "common.Kt"',
    ),
    bad_step(
        "No method",
        {"name": "step1", "mod": "common.Kt"},
        '/procedures/0: the key "method" is missing; write e.g. "prt"',
    ),
    bad_step("A number for a name", step(name=1), "/procedures/0/name: this is a number; it must be a text"),
    bad_step("null for a module", step(mod=None), "/procedures/0/mod: this is null; it must be a text"),
    bad_step("A list for a method", step(method=["prt"]), "/procedures/0/method: this is a list; it must be a text"),
    bad_step(
        "Empty texts",
        step(name="", mod="", method=""),
        '/procedures/0/name: this is empty; write e.g. "step1"',
        '/procedures/0/mod: this is empty; write e.g. "common.Kt"',
        '/procedures/0/method: this is empty; write e.g. "prt"',
    ),
    bad_step(
        "A misspelt key",
        step(parms={}),
        '/procedures/0/parms: the key "parms" is unknown. Did you mean "params"? A note begins with "_".',
    ),
    bad_step(
        "A key near to no other",
        step(zzz=1),
        '/procedures/0/zzz: the key "zzz" is unknown. Known keys: name, mod, method, params, description, when, foreach, retry, timeout, continue_on_error. A note begins with "_".',
    ),
    bad_step(
        "A key in capitals",
        step(Name="a"),
        '/procedures/0/Name: the key "Name" is unknown. Did you mean "name"? A note begins with "_".',
    ),
    bad_step(
        "A key with a slash and a tilde",
        step(**{"a/b~c": 1}),
        '/procedures/0/a~1b~0c: the key "a/b~c" is unknown. Known keys: name, mod, method, params, description, when, foreach, retry, timeout, continue_on_error. A note begins with "_".',
    ),
    bad_step("null for params", step(params=None), "/procedures/0/params: this is null; it must be an object"),
    bad_step("A list for params", step(params=["hello"]), "/procedures/0/params: this is a list; it must be an object"),
    bad_step("A text for params", step(params="hello"), "/procedures/0/params: this is a text; it must be an object"),
    bad(
        "Everything wrong in the second step",
        document(step(), {"Name": 1, "mod": "os", "method": "system", "params": 0}),
        '/procedures/1: the key "name" is missing; write e.g. "step1"',
        '/procedures/1/Name: the key "Name" is unknown. Did you mean "name"? A note begins with "_".',
        '/procedures/1/mod: no module "os" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play).',
        "/procedures/1/params: this is a number; it must be an object",
    ),
    bad(
        "25 findings, of which 20 are shown",
        document(*[{"name": str(n), "mod": "common.Kt", "method": "prt"} for n in range(25)]),
        '/procedures/0/name: "0": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/1/name: "1": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/2/name: "2": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/3/name: "3": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/4/name: "4": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/5/name: "5": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/6/name: "6": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/7/name: "7": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/8/name: "8": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/9/name: "9": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/10/name: "10": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/11/name: "11": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/12/name: "12": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/13/name: "13": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/14/name: "14": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/15/name: "15": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/16/name: "16": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/17/name: "17": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/18/name: "18": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/19/name: "19": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
]

NAMES = [
    bad_name(
        "A digit first", "1st", '/procedures/0/name: "1st": a name begins with a letter and holds only A-Z a-z 0-9 _ -'
    ),
    bad_name(
        "A hyphen first", "-a", '/procedures/0/name: "-a": a name begins with a letter and holds only A-Z a-z 0-9 _ -'
    ),
    bad_name(
        "A space",
        "my step",
        '/procedures/0/name: "my step": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
    bad_name("A dot", "a.b", '/procedures/0/name: "a.b": a name begins with a letter and holds only A-Z a-z 0-9 _ -'),
    bad_name(
        "An at sign", "@a", '/procedures/0/name: "@a": a name begins with a letter and holds only A-Z a-z 0-9 _ -'
    ),
    bad_name(
        "A letter that is not ASCII",
        "größe",
        '/procedures/0/name: "größe": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
    bad_name(
        "Full-width letters",
        "ｓｔｅｐ",
        '/procedures/0/name: "ｓｔｅｐ": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
    bad_name(
        "A line break at the end",
        "step1\n",
        '/procedures/0/name: "step1\\n": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
    bad_name(
        "A character that turns the line around",
        "a\u202eb",
        '/procedures/0/name: "a\\u202eb": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
    ),
    bad_name(
        "65 characters",
        "a" * 65,
        '/procedures/0/name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" has 65 characters; a name has at most 64',
    ),
    bad_name(
        "The engine's own", "_runtime", '/procedures/0/name: "_runtime": names that begin with "_" are the engine\'s'
    ),
    bad_name(
        "An underscore first", "_mine", '/procedures/0/name: "_mine": names that begin with "_" are the engine\'s'
    ),
    bad(
        "The same name twice",
        document(step(), step()),
        '/procedures/1/name: "step1" is the name of an earlier step too; names are unique',
    ),
    bad(
        "The same letter twice",
        document(step(name="a"), step(name="a")),
        '/procedures/1/name: "a" is the name of an earlier step too; names are unique',
    ),
    bad(
        "Two names that differ in case",
        document(step(name="load"), step(name="Load")),
        '/procedures/1/name: "Load" differs from the earlier "load" only in case',
    ),
]

CALLS = [
    bad_call(
        "A misspelt module",
        "comon.Kt",
        "prt",
        '/procedures/0/mod: no module "comon.Kt" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "Another case",
        "common.kt",
        "prt",
        '/procedures/0/mod: no module "common.kt" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "Without its folder",
        "Kt",
        "prt",
        '/procedures/0/mod: no module "Kt" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "With the package",
        "procedures.common.Kt",
        "prt",
        '/procedures/0/mod: no module "procedures.common.Kt" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "A folder",
        "common",
        "Kt",
        '/procedures/0/mod: no module "common" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "A module of Python",
        "os",
        "system",
        '/procedures/0/mod: no module "os" is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play).',
    ),
    bad_call(
        "Spaces around it",
        " common.Kt ",
        "prt",
        '/procedures/0/mod: no module " common.Kt " is registered (modules: common.Broken, common.Foreign, common.Kt, common.NoClass, common.Odd, common.Play). Did you mean "common.Kt"?',
    ),
    bad_call(
        "A misspelt method",
        "common.Kt",
        "print",
        '/procedures/0/method: "print" is no method that "common.Kt" offers: it is not defined there (methods: prt, echo). Did you mean "prt"?',
    ),
    bad_call(
        "A method in another case",
        "common.Kt",
        "PRT",
        '/procedures/0/method: "PRT" is no method that "common.Kt" offers: it is not defined there (methods: prt, echo). Did you mean "prt"?',
    ),
    bad_call(
        "No such method at all",
        "common.Kt",
        "zzz",
        '/procedures/0/method: "zzz" is no method that "common.Kt" offers: it is not defined there (methods: prt, echo).',
    ),
    bad_call(
        "A special method",
        "common.Kt",
        "__init__",
        '/procedures/0/method: "__init__" is no method that "common.Kt" offers: it is no public name (methods: prt, echo).',
    ),
    bad_call(
        "A private method",
        "common.Odd",
        "_private",
        '/procedures/0/method: "_private" is no method that "common.Odd" offers: it is no public name (methods: fine).',
    ),
    bad_call(
        "A name that is not ASCII",
        "common.Odd",
        "grüße",
        '/procedures/0/method: "grüße" is no method that "common.Odd" offers: it is no public name (methods: fine).',
    ),
    bad_call(
        "A path to a method",
        "common.Kt",
        "prt.__globals__",
        '/procedures/0/method: "prt.__globals__" is no method that "common.Kt" offers: it is no public name (methods: prt, echo).',
    ),
    bad_call(
        "A static method",
        "common.Odd",
        "static",
        '/procedures/0/method: "static" is no method that "common.Odd" offers: it is a staticmethod, not a plain method (methods: fine).',
    ),
    bad_call(
        "A class method",
        "common.Odd",
        "of_class",
        '/procedures/0/method: "of_class" is no method that "common.Odd" offers: it is a classmethod, not a plain method (methods: fine).',
    ),
    bad_call(
        "A property",
        "common.Odd",
        "computed",
        '/procedures/0/method: "computed" is no method that "common.Odd" offers: it is a property, not a plain method (methods: fine).',
    ),
    bad_call(
        "A constant",
        "common.Odd",
        "constant",
        '/procedures/0/method: "constant" is no method that "common.Odd" offers: it is an int, not a plain method (methods: fine).',
    ),
    bad_call(
        "An instance that can be called",
        "common.Odd",
        "instance",
        '/procedures/0/method: "instance" is no method that "common.Odd" offers: it is a Callable, not a plain method (methods: fine).',
    ),
    bad_call(
        "A nested class",
        "common.Odd",
        "Nested",
        '/procedures/0/method: "Nested" is no method that "common.Odd" offers: it is a type, not a plain method (methods: fine).',
    ),
    bad_call(
        "A coroutine",
        "common.Odd",
        "awaited",
        '/procedures/0/method: "awaited" is no method that "common.Odd" offers: it is a coroutine (methods: fine).',
    ),
    bad_call(
        "An asynchronous generator",
        "common.Odd",
        "streamed",
        '/procedures/0/method: "streamed" is no method that "common.Odd" offers: it is a coroutine (methods: fine).',
    ),
    bad_call(
        "A generator",
        "common.Odd",
        "yielded",
        '/procedures/0/method: "yielded" is no method that "common.Odd" offers: it is a generator (methods: fine).',
    ),
    bad_call(
        "An argument too few",
        "common.Odd",
        "short",
        '/procedures/0/method: "short" is no method that "common.Odd" offers: it does not take (self, context, params) (methods: fine).',
    ),
    bad_call(
        "An argument too many",
        "common.Odd",
        "long",
        '/procedures/0/method: "long" is no method that "common.Odd" offers: it does not take (self, context, params) (methods: fine).',
    ),
    bad_call(
        "A module that cannot be imported",
        "common.Broken",
        "run",
        '/procedures/0/mod: module "common.Broken" cannot be imported: RuntimeError: no licence file',
    ),
    bad_call(
        "A module without its class",
        "common.NoClass",
        "run",
        '/procedures/0/mod: module "common.NoClass" has no class "NoClass"; the class bears the module\'s name',
    ),
    bad_call(
        "A class from elsewhere",
        "common.Foreign",
        "prt",
        '/procedures/0/mod: the class "Foreign" of module "common.Foreign" is imported from "tests.engine.procs.common.Kt"; it must be defined in that very module',
    ),
]

REFERENCES = [
    bad_reference(
        "An at sign alone",
        "@",
        '/procedures/1/params/msg: "@" alone names no step; write "@step.key", or "@@" for the text "@"',
    ),
    bad_reference(
        "A dot at the end",
        "@step1.",
        '/procedures/1/params/msg: "@step1.": a part of it is empty; write "@step.key", or "@@step1." for the text itself',
    ),
    bad_reference(
        "A dot first",
        "@.msg",
        '/procedures/1/params/msg: "@.msg": a part of it is empty; write "@step.key", or "@@.msg" for the text itself',
    ),
    bad_reference(
        "Only a dot",
        "@.",
        '/procedures/1/params/msg: "@.": a part of it is empty; write "@step.key", or "@@." for the text itself',
    ),
    bad_reference(
        "Two dots",
        "@step1..msg",
        '/procedures/1/params/msg: "@step1..msg": a part of it is empty; write "@step.key", or "@@step1..msg" for the text itself',
    ),
    bad_reference(
        "A space before the name",
        "@ step1",
        '/procedures/1/params/msg: "@ step1": no space may stand next to the name; write "@step1", or "@@ step1" for the text itself',
    ),
    bad_reference(
        "A space after the name",
        "@step1 ",
        '/procedures/1/params/msg: "@step1 ": no space may stand next to the name; write "@step1", or "@@step1 " for the text itself',
    ),
    bad_reference(
        "A space before the dot",
        "@step1 .msg",
        '/procedures/1/params/msg: "@step1 .msg": no space may stand next to the name; write "@step1.msg", or "@@step1 .msg" for the text itself',
    ),
    bad_reference(
        "A space after the dot",
        "@step1. msg",
        '/procedures/1/params/msg: "@step1. msg": no space may stand next to the name; write "@step1.msg", or "@@step1. msg" for the text itself',
    ),
    bad_reference(
        "A line break after the name",
        "@step1\n",
        '/procedures/1/params/msg: "@step1\\n": no space may stand next to the name; write "@step1", or "@@step1\\n" for the text itself',
    ),
    bad_reference(
        "A misspelt step",
        "@stp1.msg",
        '/procedures/1/params/msg: "@stp1.msg": no step is named "stp1" (earlier steps: step1). Did you mean "@step1.msg"?',
    ),
    bad_reference(
        "A step in another case",
        "@Step1.msg",
        '/procedures/1/params/msg: "@Step1.msg": no step is named "Step1" (earlier steps: step1). Did you mean "@step1.msg"?',
    ),
    bad_reference(
        "A step that does not exist",
        "@load.rows.0.id",
        '/procedures/1/params/msg: "@load.rows.0.id": no step is named "load" (earlier steps: step1).',
    ),
    bad_reference(
        "A step that runs later",
        "@step3.msg",
        '/procedures/1/params/msg: "@step3.msg": the step "step3" runs later; move it before this step (earlier steps: step1).',
    ),
    bad_reference(
        "The step itself",
        "@step2.msg",
        '/procedures/1/params/msg: "@step2.msg": a step cannot refer to itself (earlier steps: step1).',
    ),
    bad_reference(
        "Text that begins with an at sign",
        "@here: it is done",
        '/procedures/1/params/msg: "@here: it is done": no step is named "here: it is done" (earlier steps: step1). Write "@@here: it is done" for the text itself.',
    ),
    bad_reference(
        "Braces of another language",
        "@{step1.msg}",
        '/procedures/1/params/msg: "@{step1.msg}": no step is named "{step1" (earlier steps: step1). Did you mean "@step1.msg"? Write "@@{step1.msg}" for the text itself.',
    ),
    bad_reference(
        "What the engine does not keep",
        "@_runtime.user",
        '/procedures/1/params/msg: "@_runtime.user": "@_runtime" is an object and has no key "user" (keys: start_time, flow, run_id).',
    ),
    bad_reference(
        "A part of a text that the engine keeps",
        "@_runtime.start_time.year",
        '/procedures/1/params/msg: "@_runtime.start_time.year": "@_runtime.start_time" is a string and has no key "year"',
    ),
    bad_reference(
        "Another name of the engine",
        "@_input.day",
        '/procedures/1/params/msg: "@_input.day": the flow declares no inputs',
    ),
    bad_reference(
        "A misspelt name of the engine",
        "@_runtim.flow",
        '/procedures/1/params/msg: "@_runtim.flow": the engine keeps _runtime here. Did you mean "@_runtime.flow"?',
    ),
    bad_reference(
        "A very long one",
        "@" + "x" * 200,
        '/procedures/1/params/msg: "@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…": no step is named "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" (earlier steps: step1).',
    ),
    bad_reference(
        "A character that turns the line around",
        "@\u202estep1",
        '/procedures/1/params/msg: "@\\u202estep1": no step is named "\\u202estep1" (earlier steps: step1). Did you mean "@step1"? Write "@@\\u202estep1" for the text itself.',
    ),
    bad_params(
        "Deep in params, under odd keys",
        {"a/b": [{"~": ["@step9"]}]},
        '/procedures/1/params/a~1b/0/~0/0: "@step9": no step is named "step9" (earlier steps: step1). Did you mean "@step1"?',
    ),
    bad_params(
        "Several in one step",
        {"a": "@", "b": ["@step2", "@step3"], "c": {"d": "@x.y"}},
        '/procedures/1/params/a: "@" alone names no step; write "@step.key", or "@@" for the text "@"',
        '/procedures/1/params/b/0: "@step2": a step cannot refer to itself (earlier steps: step1).',
        '/procedures/1/params/b/1: "@step3": the step "step3" runs later; move it before this step (earlier steps: step1).',
        '/procedures/1/params/c/d: "@x.y": no step is named "x" (earlier steps: step1).',
    ),
    bad(
        "In the first step",
        document(step(params={"msg": "@step1.msg"})),
        '/procedures/0/params/msg: "@step1.msg": a step cannot refer to itself (earlier steps: none).',
    ),
    bad(
        "Of a name that is bad itself",
        document(step(name="1"), step(name="b", params={"msg": "@2.x"})),
        '/procedures/0/name: "1": a name begins with a letter and holds only A-Z a-z 0-9 _ -',
        '/procedures/1/params/msg: "@2.x": no step is named "2" (earlier steps: none). Write "@@2.x" for the text itself.',
    ),
]

SECTIONS = {
    "The text": TEXT,
    "Values that a document cannot hold": VALUES,
    "The document": DOCUMENT,
    "Steps": STEPS,
    "Names of steps": NAMES,
    "Modules and methods": CALLS,
    "References": REFERENCES,
}

ALL = [entry for entries in SECTIONS.values() for entry in entries]

_HEAD = """\
# What the checker says

Each bad document with what the checker finds in it: the JSON Pointer of the place (none for the whole document), what is
wrong, and what to write instead. This page is made from the table that the tests hold the checker to
(`python -m tests.engine.bad_documents`). Where only a part of the document is shown, the rest is right. The modules that
the messages name are those of the tests.
"""


def page() -> str:
    """Return the page docs/reference/errors.md."""
    sections = [f"## {title}\n\n" + "\n".join(map(_entry, entries)) for title, entries in SECTIONS.items()]
    return "\n".join([_HEAD, *sections])


def _entry(entry: Bad) -> str:
    shown = entry.shown if entry.shown.strip() else repr(entry.shown)
    findings = "\n".join(entry.findings)
    return f"**{entry.title}**\n\n```text\n{_printable(shown)}\n```\n\n```text\n{findings}\n```\n"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)


if __name__ == "__main__":
    sys.stdout.write(page())
