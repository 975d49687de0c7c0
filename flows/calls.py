"""What a stored document calls: read once for each text, by the list of flows and by *where used*."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from flows.engine.document import load_document
from flows.remembered import Remembered


class Calls(NamedTuple):
    """How many steps a document lists, None where it is no such document; and its steps by what they call."""

    steps: int | None
    by_procedure: Mapping[tuple[str, str], tuple[str, ...]]


_REMEMBERED = Remembered[Calls](most=2_000)


def calls_of(text: str) -> Calls:
    """Return what a document calls; one that is no JSON calls nothing."""
    return _REMEMBERED.of(text, _read)


def _read(text: str) -> Calls:
    value, findings = load_document(text)
    document = value if not findings and isinstance(value, dict) else {}
    steps = document.get("procedures")
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in _entries(document):
        # A step without `mod` runs another flow.
        if "mod" in entry:
            found[str(entry["mod"]), str(entry.get("method", ""))].append(str(entry.get("name", "")))
    count = len(steps) if isinstance(steps, list) else None
    return Calls(count, {procedure: tuple(names) for procedure, names in found.items()})


def _entries(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("procedures", "on_failure"):
        entries = document.get(key)
        yield from (entry for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict))
