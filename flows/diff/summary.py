"""What differs between two documents, in a few words."""

from collections import Counter

from flows.diff.keys import Difference, differences
from flows.engine.document import load_document
from flows.engine.text import counted

_SIGNS = {"added": "+", "removed": "\u2212"}


def summary(old: str, new: str) -> list[str]:
    """Return texts such as `+1 step`, `2 parameters changed`; empty where the texts are the same."""
    if old == new:
        return []
    before, after = load_document(old), load_document(new)
    if before.findings or after.findings:
        return ["document changed"]
    return _counts(differences(before.value, after.value)) or ["layout changed"]


def _counts(found: tuple[Difference, ...]) -> list[str]:
    steps = Counter(difference.kind for difference in found if difference.is_step)
    told = [_of_steps(kind, steps[kind]) for kind in ("added", "removed", "moved", "renamed", "changed") if steps[kind]]
    rest = Counter(difference.is_parameter for difference in found if not difference.is_step)
    for is_parameter, noun in ((True, "parameter"), (False, "key")):
        if rest[is_parameter]:
            told.append(f"{counted(rest[is_parameter], noun)} changed")
    return told


def _of_steps(kind: str, count: int) -> str:
    steps = counted(count, "step")
    return f"{_SIGNS[kind]}{steps}" if kind in _SIGNS else f"{steps} {kind}"
