"""The limit for recording a result: `json.dumps` and `json.loads` of it."""

import json
from collections.abc import Callable
from typing import Any

from bench.contest import serve
from bench.ours.deepcopy import rows_of


def prepare(size: int) -> Callable[[], Any]:
    result = rows_of(size)
    return lambda: json.loads(json.dumps(result, ensure_ascii=False))["msg"]


if __name__ == "__main__":
    serve(prepare)
