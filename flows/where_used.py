"""Which flows call a procedure, and in which steps."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from flows.calls import calls_of
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
        steps = calls_of(flow.flow_json).by_procedure.get((mod, method))
        if steps:
            yield Use(flow, steps)


def uses_of_all() -> Counter[tuple[str, str]]:
    """Return how many flows call each procedure, by `mod` and `method`; those that nobody has registered too."""
    found: Counter[tuple[str, str]] = Counter()
    for text in Flow.objects.not_deleted().values_list("flow_json", flat=True).iterator(chunk_size=100):
        found.update(calls_of(text).by_procedure.keys())
    return found
