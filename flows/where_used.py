"""Which flows call a procedure, and in which steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.engine.document import load_document
from flows.models import Flow


@dataclass(frozen=True, slots=True)
class Use:
    """The steps of one flow that call a procedure."""

    flow: Flow
    steps: tuple[str, ...]


def where_used(mod: str, method: str) -> Iterator[Use]:
    """Yield the flows that are not deleted and call a procedure, in the order of their names.

    What is stored is read as it is: a flow that does not pass the check counts too, one that is no JSON does not.
    """
    for flow in Flow.objects.not_deleted().iterator(chunk_size=100):
        steps = tuple(_steps_that_call(flow.flow_json, mod, method))
        if steps:
            yield Use(flow, steps)


def _steps_that_call(text: str, mod: str, method: str) -> Iterator[str]:
    value, findings = load_document(text)
    for entry in [] if findings else _entries(value):
        if entry.get("mod") == mod and entry.get("method") == method:
            yield str(entry.get("name", ""))


def _entries(document: Any) -> Iterator[dict[str, Any]]:
    for key in ("procedures", "on_failure"):
        entries = document.get(key) if isinstance(document, dict) else None
        yield from (entry for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict))
