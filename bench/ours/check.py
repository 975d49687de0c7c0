"""Our checker on the stored text: plain procedures, whose references are assumed."""

from collections.abc import Callable
from typing import Any

from bench.chain import document
from bench.contest import serve
from flows.engine import Registry, parse


def prepare(steps: int, method: str = "echo") -> Callable[[], Any]:
    text = document(steps, method)
    registry = Registry(["bench.procedures"])
    return lambda: parse(text, registry).steps[0].params["msg"]


if __name__ == "__main__":
    serve(prepare)
