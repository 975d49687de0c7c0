"""One record is one object on one line, for programs that collect logs."""

import json
import logging
import sys
from datetime import datetime
from typing import Any

import pytest

from flows.log_json import JsonFormatter

pytestmark = pytest.mark.no_database


def record(msg: object, *args: object, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("procedures.common.Kt", logging.INFO, "/x/Kt.py", 1, msg, args, None, "prt")
    made.__dict__.update(attributes)
    return made


def formatted(made: logging.LogRecord) -> dict[str, Any]:
    line = JsonFormatter().format(made)
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_record_is_one_object_with_its_fields() -> None:
    created = datetime.fromisoformat("2025-12-19T08:39:02.002+08:00")
    found = formatted(record("hello %s", "you", created=created.timestamp(), flow="hello", run_id=12, step="step1"))
    assert datetime.fromisoformat(found.pop("time")) == created
    assert found == {
        "level": "INFO",
        "logger": "procedures.common.Kt",
        "message": "hello you",
        "flow": "hello",
        "run": 12,
        "step": "step1",
        "module": "Kt",
        "function": "prt",
        "traceback": None,
    }


def test_hostile_text_is_escaped_and_comes_back_whole() -> None:
    text = "a\nb\x1b[31m\u202e\x00é 🎉\u2028"
    assert formatted(record("%s", text))["message"] == text


def test_extra_follows_and_takes_the_place_of_nothing() -> None:
    found = formatted(record("x", rows=3, when=datetime(2025, 12, 19), level="LOUD", message="other", time="never"))
    assert (found["rows"], found["when"], found["level"], found["message"]) == (3, "2025-12-19T00:00:00", "INFO", "x")
    assert found["time"] != "never"


def test_a_dict_as_message_takes_the_place_of_nothing() -> None:
    found = formatted(record({"level": "LOUD", "flow": "other"}))
    assert (found["level"], found["flow"]) == ("INFO", None)
    assert found["message"] == "{'level': 'LOUD', 'flow': 'other'}"


def test_a_traceback_is_a_field() -> None:
    try:
        int("bad")
    except ValueError:
        found = formatted(record("x", exc_info=sys.exc_info()))
    assert found["traceback"].startswith("Traceback (most recent call last):\n")


def test_what_cannot_be_shown_does_not_lose_the_record() -> None:
    assert "wrong arguments" in formatted(record("%d", "many"))["message"]
    assert formatted(record("x", flow=Unshowable()))["flow"] == "(Unshowable)"
    assert formatted(record("x", thing=Unshowable()))["message"] == "x"
    assert formatted(record("x", thing={Unshowable(): 1}))["message"] == "x"
