"""jsonschema: a document against the JSON Schema of a flow, which knows no references and runs no proof."""

import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft7Validator

from bench.chain import document
from bench.contest import MESSAGE, serve
from flows.engine import Registry
from flows.engine.catalogue import catalogue
from flows.engine.schema import flow_schema


def prepare(steps: int) -> Callable[[], Any]:
    text = document(steps, "declared_echo")
    validator = Draft7Validator(flow_schema(catalogue(Registry(["bench.procedures"]))))
    return lambda: MESSAGE if validator.is_valid(json.loads(text)) else "the document is refused"


if __name__ == "__main__":
    serve(prepare, "jsonschema")
