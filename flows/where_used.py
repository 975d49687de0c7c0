"""Which flows call a procedure, and in which steps."""

from collections import Counter
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


def uses_of_all() -> Counter[tuple[str, str]]:
    """Return how many flows call each procedure, by `mod` and `method`; those that nobody has registered too."""
    found: Counter[tuple[str, str]] = Counter()
    for text in Flow.objects.not_deleted().values_list("flow_json", flat=True).iterator(chunk_size=100):
        found.update({(str(entry["mod"]), str(entry.get("method", ""))) for entry in _entries(text) if "mod" in entry})
    return found


def _steps_that_call(text: str, mod: str, method: str) -> Iterator[str]:
    for entry in _entries(text):
        if entry.get("mod") == mod and entry.get("method") == method:
            yield str(entry.get("name", ""))


def _entries(text: str) -> Iterator[dict[str, Any]]:
    document, findings = load_document(text)
    if not findings:
        yield from _steps(document)


def _steps(document: Any) -> Iterator[dict[str, Any]]:
    for key in ("procedures", "on_failure"):
        entries = document.get(key) if isinstance(document, dict) else None
        yield from (entry for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict))
