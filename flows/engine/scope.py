"""What a reference may name at one place of a document."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.engine.definition import Condition
from flows.engine.findings import Path
from flows.engine.references import ENGINE, NAME, Reference
from flows.engine.text import meant, named, nearest, quoted
from flows.engine.types import INTEGER, NULL, STRING, Field, ObjectOf, Type, union

RUNTIME, INPUT, ERROR, ITEM, INDEX = "_runtime", "_input", "_error", "_item", "_index"

RUNTIME_TYPE = ObjectOf({"start_time": Field(STRING), "flow": Field(STRING), "run_id": Field(union((INTEGER, NULL)))})
ERROR_TYPE = ObjectOf({"step": Field(STRING), "type": Field(STRING), "message": Field(STRING)})

_ENTRY = 'it is there only in the params of a step with "foreach"'
_WHY_NOT_HERE = {
    INPUT: "the flow declares no inputs",
    ERROR: "it is there only in on_failure",
    ITEM: _ENTRY,
    INDEX: _ENTRY,
}


class Refusal(NamedTuple):
    """Why a reference may not stand at a place; `instead` is what was probably meant."""

    reason: str
    instead: str | None = None


@dataclass(slots=True)
class Scope:
    """The names that can be read, with the types of what stands behind them.

    A step in `conditions` has a result only where its condition holds, one in `fragile` only where it did not fail.
    `entries` are the steps of the document as they stand there, readable or not.
    """

    results: dict[str, Type]
    entries: Mapping[str, list[Any]]
    conditions: dict[str, Condition] = field(default_factory=dict)
    fragile: set[str] = field(default_factory=set)

    def with_entry(self, entry: Type) -> "Scope":
        """Return the scope of the parameters of a step that is repeated for entries of this type."""
        results = self.results | {ITEM: entry, INDEX: INTEGER}
        return Scope(results, self.entries, self.conditions, self.fragile)

    def why_not(self, reference: Reference, place: Path, when: Condition | None) -> Refusal | None:
        """Return why a reference at that place, in a step with that condition, may not be; None where it may."""
        step = reference.step
        if step not in self.results:
            return self._why_unknown(reference, place)
        if step in self.fragile:
            return Refusal(f"{quoted(step)} may fail and go on; nothing may refer to it")
        if step in self.conditions and self.conditions[step] != when:
            return Refusal(self._why_conditional(step, place))
        return None

    def _why_unknown(self, reference: Reference, place: Path) -> Refusal:
        step = reference.step
        if step.startswith(ENGINE):
            known = [name for name in self.results if name.startswith(ENGINE)]
            guess = _guess(reference, known)
            if step in _WHY_NOT_HERE:
                return Refusal(_WHY_NOT_HERE[step])
            return Refusal(f"the engine keeps {named(known)} here.{meant(guess)}", guess)
        earlier = [name for name in self.results if NAME.fullmatch(name)]
        where = self._where(step)
        if where is not None:
            return Refusal(f"{self._why_not_earlier(step, where, place)} (earlier steps: {named(earlier)}).")
        guess = _guess(reference, earlier)
        hint = meant(guess)
        if not NAME.fullmatch(step):
            hint += f" Write {quoted(f'@{reference}')} for the text itself."
            guess = guess or f"@{reference}"
        return Refusal(f"no step is named {quoted(step)} (earlier steps: {named(earlier)}).{hint}", guess)

    def _where(self, step: str) -> Path | None:
        """Return where a name stands first."""
        for key, entries in self.entries.items():
            for index, entry in enumerate(entries):
                if isinstance(entry, dict) and entry.get("name") == step:
                    return (key, index)
        return None

    def _why_not_earlier(self, step: str, where: Path, place: Path) -> str:
        if where == place[:2]:
            return "a step cannot refer to itself"
        if where[0] == place[0]:
            return f"the step {quoted(step)} runs later; move it before this step"
        if where[0] == "on_failure":
            return f"{quoted(step)} runs only after a failure"
        return f"{quoted(step)} may not have run; on_failure reads @_error, @_runtime, @_input"

    def _why_conditional(self, step: str, place: Path) -> str:
        reason = f"{quoted(step)} runs only when {self.conditions[step]}"
        if place[0] == "outputs" or place[2:3] == ("when",):
            return f'{reason}; only a step with the same "when" may refer to it'
        return f'{reason}; write the same "when" here'


def _guess(reference: Reference, names: Iterable[str]) -> str | None:
    guess = nearest(reference.step, names)
    return f"@{guess}{_after(reference)}" if guess else None


def _after(reference: Reference) -> str:
    """Return what a guess of the step leaves as it is; not what closes a brace that the guess leaves out."""
    if reference.rest is None:
        return ""
    rest = reference.rest if NAME.fullmatch(reference.step.lstrip(ENGINE)) else reference.rest.rstrip("}])> ")
    return f".{rest}"
