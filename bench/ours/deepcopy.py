"""The limit for a step that gets all of a large result: one `copy.deepcopy` of it."""

import json
from collections.abc import Callable
from copy import deepcopy
from logging import getLogger
from typing import Any

from bench.contest import serve
from bench.procedures.Chain import Chain


def rows_of(size: int) -> dict[str, Any]:
    """Return a result of about that many bytes of JSON."""
    result = Chain(getLogger("bench")).rows({}, {"msg": "hello", "bytes": size})
    # Through JSON, as a recorded result is: deepcopy would copy a row that is there many times only once.
    rows: dict[str, Any] = json.loads(json.dumps(result))
    return rows


def prepare(size: int) -> Callable[[], Any]:
    rows = rows_of(size)
    return lambda: deepcopy(rows)["msg"]


if __name__ == "__main__":
    serve(prepare)
