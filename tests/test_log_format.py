"""One record is one line of the agreed format, whatever it holds."""

import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from flows.engine.current import CurrentStep, current_step
from flows.log_context import RunContextFilter
from flows.log_format import ConsoleFormatter, LineFormatter, message_text, milliseconds, traceback_text

pytestmark = pytest.mark.no_database

HOSTILE = "a\nb\rc\x1b[31md\u202ee\x00f\ud800g\u2028h\x85i\tj"
SHOWN = r"a\nb\rc\x1b[31md\u202ee\x00f\ud800g\u2028h\x85i\tj"


def record(msg: object, *args: object, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("procedures.common.Kt", logging.INFO, "/x/Kt.py", 1, msg, args, None, "prt")
    made.__dict__.update(attributes)
    return made


def fail(error: Exception) -> None:
    raise error


def failed(error: Exception) -> logging.LogRecord:
    try:
        fail(error)
    except Exception:  # noqa: BLE001  (what is raised is the parameter)
        return record("step failed", exc_info=sys.exc_info())
    return record("never")


def filtered(made: logging.LogRecord) -> logging.LogRecord:
    RunContextFilter().filter(made)
    return made


@pytest.fixture
def shanghai() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.fixture
def in_a_step() -> Iterator[None]:
    token = current_step.set(CurrentStep("hello", None, "step1"))
    yield
    current_step.reset(token)


@pytest.mark.usefixtures("shanghai")
def test_a_line_has_the_format_to_the_letter() -> None:
    created = datetime.fromisoformat("2025-12-19T08:39:02.002+08:00").timestamp()
    line = LineFormatter().format(record("hello %s", "you", created=created))
    assert line == "2025-12-19 08:39:02.002 INFO Kt prt hello you"


def test_each_millisecond_of_a_second_survives_the_float() -> None:
    second = 1_766_104_742
    shown = [
        milliseconds(datetime.fromisoformat(f"2025-12-19T00:39:02.{n:03d}+00:00").timestamp()) for n in range(1000)
    ]
    assert shown == [second * 1000 + n for n in range(1000)]


@pytest.mark.usefixtures("shanghai")
def test_microseconds_are_cut_and_not_rounded() -> None:
    created = datetime.fromisoformat("2025-12-19T08:39:02.999999+08:00").timestamp()
    assert LineFormatter().format(record("x", created=created)).startswith("2025-12-19 08:39:02.999 ")


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (record({"msg": 1}), "{'msg': 1}"),
        (record("msg=%s", {"a": "b"}), "msg={'a': 'b'}"),
        (record("%(a)s-%(b)s", {"a": 1, "b": 2}), "1-2"),
        (record("100 % of it"), "100 % of it"),
        (record(None), "None"),
    ],
)
def test_dicts_and_lazy_formats_come_out_right(made: logging.LogRecord, text: str) -> None:
    assert message_text(made) == text


@pytest.mark.parametrize("formatter", [LineFormatter(), ConsoleFormatter()])
def test_a_hostile_message_is_one_line_with_escapes(formatter: logging.Formatter) -> None:
    assert formatter.format(record(HOSTILE)).endswith(f" INFO Kt prt {SHOWN}")


def test_hostile_names_of_module_function_and_level_stay_in_the_line() -> None:
    line = LineFormatter().format(record("x", module="m\nm", funcName="f\x1bf", levelname="L\u202eL"))
    assert line.endswith(r" L\u202eL m\nm f\x1bf x")


def test_a_traceback_in_the_file_follows_on_the_same_line() -> None:
    line = LineFormatter().format(failed(ValueError("bad\nvalue \x1b[0m")))
    assert "\n" not in line
    assert re.search(r"step failed\\nTraceback \(most recent.*\\nValueError: bad\\nvalue \\x1b\[0m$", line)


def test_a_traceback_on_the_console_is_readable_and_harmless() -> None:
    lines = ConsoleFormatter().format(failed(ValueError("bad \x1b[0m\u202e"))).split("\n")
    assert lines[0].endswith(" INFO Kt prt step failed")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == r"ValueError: bad \x1b[0m\u202e"


def test_a_record_without_traceback_ends_without_an_empty_line() -> None:
    assert ConsoleFormatter().format(record("x")).endswith(" x")


def test_exc_info_outside_of_an_exception_and_stack_info_are_kept() -> None:
    assert traceback_text(record("x", exc_info=(None, None, None))) == "NoneType: None"
    assert traceback_text(record("x", stack_info="Stack (most recent call last):")).startswith("Stack (most")


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("made", "parts"),
    [
        (record("%d rows", "many"), ("%d rows", "'many'", "TypeError")),
        (record("%s and %s", "one"), ("%s and %s", "'one'", "not enough arguments")),
        (record("nothing", 1, 2), ("nothing", "(1, 2)", "not all arguments")),
        (record(Unshowable()), ("Unshowable", "cannot be shown", "RuntimeError")),
        (record("%s", Unshowable()), ("wrong arguments", "cannot be shown")),
    ],
)
def test_a_call_with_wrong_arguments_is_kept_and_marked(made: logging.LogRecord, parts: tuple[str, ...]) -> None:
    for text in (message_text(made), LineFormatter().format(made), ConsoleFormatter().format(made)):
        assert "wrong arguments in this log call" in text
        assert all(part in text for part in parts)


def test_an_exception_that_cannot_be_shown_does_not_lose_its_record() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert "Broken" in LineFormatter().format(failed(Broken()))


@pytest.mark.usefixtures("in_a_step")
def test_a_record_from_inside_a_step_names_flow_and_step() -> None:
    made = filtered(record("hello"))
    assert (made.__dict__["flow"], made.__dict__["run_id"], made.__dict__["step"]) == ("hello", None, "step1")
    assert message_text(made) == "[flow=hello step=step1] hello"
    assert LineFormatter().format(made).endswith(" INFO Kt prt [flow=hello step=step1] hello")


@pytest.mark.usefixtures("in_a_step")
def test_what_a_log_call_names_itself_wins_as_a_whole() -> None:
    assert message_text(filtered(record("x", flow="inner", run_id=12, step="a"))) == "[flow=inner run=12 step=a] x"
    assert message_text(filtered(record("x", flow="inner"))) == "[flow=inner] x"
    assert message_text(filtered(record("x", step=3))) == "[flow=hello step=3] x"


def test_outside_of_a_run_there_is_nothing_before_the_message() -> None:
    made = filtered(record("hello", step=3))
    assert (made.__dict__["flow"], made.__dict__["run_id"], made.__dict__["step"]) == (None, None, 3)
    assert message_text(made) == "hello"


def test_a_run_without_a_name_still_names_its_step() -> None:
    assert message_text(record("x", flow="", run_id=None, step="step1")) == "[step=step1] x"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("每晚-1.2", "每晚-1.2"),
        ("two words", '"two words"'),
        ("x] [flow=other", r'"x\x5d \x5bflow=other"'),
        ('x" step=other', r'"x\" step=other"'),
        ("x\n2025-12-19 08:39:02.002 INFO", r'"x\n2025-12-19 08:39:02.002 INFO"'),
        ("\u202ex", r'"\u202ex"'),
        ("n" * 200, "n" * 127 + "…"),
    ],
)
def test_a_hostile_name_cannot_pass_for_another_one(name: str, shown: str) -> None:
    assert message_text(record("x", flow=name)) == f"[flow={shown}] x"


def test_a_message_cannot_pass_for_one_from_inside_a_run() -> None:
    assert message_text(record("[flow=hello step=step1] x")) == "\\[flow=hello step=step1] x"


def test_attributes_that_cannot_be_shown_do_not_lose_the_record() -> None:
    assert message_text(record("x", flow=Unshowable())) == "x"
    assert message_text(record("x", flow=["a"])) == "x"


@pytest.mark.usefixtures("in_a_step")
def test_other_handlers_see_the_message_as_it_was_made() -> None:
    made = filtered(record("hello %s", "you"))
    LineFormatter().format(made)
    assert (made.msg, made.args, made.getMessage()) == ("hello %s", ("you",), "hello you")
    assert "message" not in made.__dict__
