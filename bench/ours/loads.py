"""The limit of the checker: `json.loads`, which says only whether a text is JSON."""

import json
from collections.abc import Callable
from typing import Any

from bench.chain import document
from bench.contest import MESSAGE, serve


def prepare(steps: int) -> Callable[[], Any]:
    text = document(steps, "declared_echo")
    return lambda: json.loads(text)["procedures"][0]["params"]["msg"] and MESSAGE


if __name__ == "__main__":
    serve(prepare)
