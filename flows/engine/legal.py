"""What may stand at one place of a document, as the checker sees it when it comes by."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flows.engine.checker import Checker, FlowSource, Installation
from flows.engine.definition import Condition, Step
from flows.engine.findings import Findings, Path
from flows.engine.procedures import Registry
from flows.engine.proof import Certainty, find_type, judge_reference
from flows.engine.references import Reference
from flows.engine.scope import Scope
from flows.engine.types import ANYTHING, BOOLEAN, LIST, ListOf, Type, keys_of, member

_MOST_FINDINGS = 200


class Legal(NamedTuple):
    """What a value may be: its type, and which results it may read there."""

    type: Type
    scope: Scope
    when: Condition | None

    def below(self, path: Path) -> "Legal":
        """Return what holds for a value inside of this one."""
        kind = self.type
        for part in path:
            kind = member(kind, str(part)).type or ANYTHING
        return self._replace(type=kind)

    def references(self, start: str, place: Path) -> Iterator[tuple[Reference, Type, Certainty]]:
        """Yield the references that may stand at the place, with what they are and whether their type is proved.

        They go one key further than `start`, which is the beginning of a reference such as `@step.`.
        """
        # Many steps give the same type, and what fits is the same for all of them.
        fitting: dict[int, list[tuple[str | None, Type, Certainty]]] = {}
        for owner in self._owners(start, place):
            kind = id(self.scope.results[owner.step])
            if kind not in fitting:
                fitting[kind] = [*self._fitting(owner, place)]
            yield from ((Reference(owner.step, rest), found, certainty) for rest, found, certainty in fitting[kind])

    def _fitting(self, owner: Reference, place: Path) -> Iterator[tuple[str | None, Type, Certainty]]:
        for reference in (owner, *self._members(owner)):
            verdict = judge_reference(reference, self.type, self.scope.results, place)
            if verdict.certainty is not Certainty.WRONG:
                yield reference.rest, find_type(reference, self.scope.results).type, verdict.certainty

    def _owners(self, start: str, place: Path) -> list[Reference]:
        """Return the results that can be read, or only the one of them, or the part of it, that the text names."""
        step, dot, rest = start.removeprefix("@").partition(".")
        if not dot:
            # The nearest first; what the engine keeps is there before all steps.
            readable = [Reference(name, None) for name in reversed(self.scope.results) if name]
        else:
            readable = [Reference(step, rest.rpartition(".")[0] or None)] if step in self.scope.results else []
        return [one for one in readable if self.scope.why_not(one, place, self.when) is None]

    def _members(self, owner: Reference) -> Iterator[Reference]:
        found = find_type(owner, self.scope.results)
        keys = ["0"] if isinstance(found.type, ListOf) else keys_of(found.type)
        for key in keys if not found.problem else []:
            yield Reference(owner.step, key if owner.rest is None else f"{owner.rest}.{key}")


def legal_at(document: Any, path: Path, registry: Registry, flows: FlowSource, name: str) -> Legal | None:
    """Return what may stand at a path of a document, which may be wrong anywhere; None where no reference may."""
    watcher = _Watcher(Installation(registry, flows), Findings(_MOST_FINDINGS), (name,))
    watcher.wanted = path
    watcher.document(document)
    return watcher.seen


class _Watcher(Checker):
    """The checker, that remembers what holds at one place, and takes of all others only what can be read there."""

    wanted: Path = ()
    seen: Legal | None = None

    def _see(self, path: Path, kind: Type, scope: Scope, when: Condition | None) -> None:
        if self.seen is None and path == self.wanted[: len(path)]:
            # The checker goes on and adds to its scope.
            then = Scope(dict(scope.results), scope.entries, dict(scope.conditions), set(scope.fragile))
            self.seen = Legal(kind, then, when).below(self.wanted[len(path) :])

    def _template(self, value: Any, path: Path, scope: Scope, target: Type, when: Condition | None) -> Any:
        self._see(path, target, scope, when)
        return super()._template(value, path, scope, target, when) if path[:2] == self.wanted[:2] else {}

    def _step(self, entry: dict[str, Any], path: Path, scope: Scope) -> Step | None:
        return super()._step(entry, path, scope) if self.seen is None else None

    def _when(self, entry: dict[str, Any], path: Path, scope: Scope) -> Condition | None:
        if "when" in entry:
            self._see((*path, "when"), BOOLEAN, scope, None)
        return super()._when(entry, path, scope)

    def _foreach(self, entry: dict[str, Any], path: Path, scope: Scope, when: Condition | None) -> tuple[Scope, Any]:
        if "foreach" in entry:
            self._see((*path, "foreach"), LIST, scope, when)
        return super()._foreach(entry, path, scope, when)
