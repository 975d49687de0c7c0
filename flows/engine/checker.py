"""The one checker: proves what it can of a document before anything runs, and calls nothing."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from flows.engine.definition import FlowDefinition, Report, Step
from flows.engine.document import load_document
from flows.engine.errors import UnknownProcedure
from flows.engine.findings import Findings, Path
from flows.engine.procedures import Registry
from flows.engine.references import ENGINE, Reference, compile_value, references_in
from flows.engine.text import did_you_mean, named, quoted

MAX_STEPS = 500
MAX_NAME = 64
RUNTIME = "_runtime"
RUNTIME_KEYS = ("start_time", "flow", "run_id")

_NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_DOCUMENT_KEYS = ("procedures",)
_STEP_KEYS = ("name", "mod", "method", "params")


def check(text: str | bytes, registry: Registry) -> Report:
    """Check a document and return its definition, or the first twenty things that are wrong with it.

    Imports only modules that the registry holds, calls nothing, and never raises for what the text holds.
    """
    value, findings = load_document(text)
    if findings:
        return Report(None, findings.as_tuple())
    steps = _Checker(registry, findings).steps(value)
    return Report(None, findings.as_tuple()) if findings else Report(FlowDefinition(tuple(steps)), ())


def parse(text: str | bytes, registry: Registry) -> FlowDefinition:
    """Return the definition of a document; raises `InvalidFlow` with the findings of `check`."""
    return check(text, registry).definition_or_raise()


class _Checker:
    """One pass over one document."""

    def __init__(self, registry: Registry, findings: Findings) -> None:
        self.registry = registry
        self.findings = findings
        self.add = findings.add
        self.positions: dict[str, int] = {}

    def steps(self, document: Any) -> list[Step]:
        if not isinstance(document, dict):
            self.add((), f'the document is {_kind(document)}; it must be an object: {{"procedures": [...]}}')
            return []
        self._unknown_keys(document, _DOCUMENT_KEYS, ())
        entries = document.get("procedures")
        if "procedures" not in document:
            self.add((), 'the key "procedures" is missing; it holds the list of steps')
        elif not isinstance(entries, list):
            self.add(("procedures",), f"this is {_kind(entries)}; it must be a list of steps")
        elif len(entries) > MAX_STEPS:
            self.add(("procedures",), f"{len(entries)} steps; a flow has at most {MAX_STEPS}")
        else:
            return self._entries(entries)
        return []

    def _entries(self, entries: list[Any]) -> list[Step]:
        self.positions = _positions(entries)
        names: dict[str, str] = {}
        steps = []
        for index, entry in enumerate(entries):
            if self.findings.full:
                break
            step = self._step(entry, index, names)
            if step:
                steps.append(step)
        return steps

    def _step(self, entry: Any, index: int, names: dict[str, str]) -> Step | None:
        path: Path = ("procedures", index)
        if not isinstance(entry, dict):
            self.add(path, f'this is {_kind(entry)}; a step is an object with "name", "mod" and "method"')
            return None
        self._unknown_keys(entry, _STEP_KEYS, path)
        name = self._text(entry, "name", path)
        mod = self._text(entry, "mod", path)
        method = self._text(entry, "method", path)
        if name is not None:
            self._name(name, path, names)
        if mod is not None and method is not None:
            self._procedure(mod, method, path)
        params = entry.get("params", {})
        if not isinstance(params, dict):
            self.add((*path, "params"), f"this is {_kind(params)}; it must be an object")
            return None
        template = self._template(params, (*path, "params"), index)
        return Step(name or "", mod or "", method or "", params, template)

    def _unknown_keys(self, value: dict[str, Any], known: Collection[str], path: Path) -> None:
        for key in value:
            if key not in known and not key.startswith(ENGINE):
                hint = did_you_mean(key, known) or f" Known keys: {named(known)}."
                self.add((*path, key), f'the key {quoted(key)} is unknown.{hint} A note begins with "_".')

    def _text(self, entry: dict[str, Any], key: str, path: Path) -> str | None:
        value = entry.get(key)
        if key not in entry:
            self.add(path, f'the key "{key}" is missing')
        elif not isinstance(value, str):
            self.add((*path, key), f"this is {_kind(value)}; it must be a text")
        elif not value:
            self.add((*path, key), "this is empty")
        else:
            return value
        return None

    def _name(self, name: str, path: Path, names: dict[str, str]) -> None:
        place = (*path, "name")
        if name.startswith(ENGINE):
            self.add(place, f'{quoted(name)}: names that begin with "_" are the engine\'s')
        elif len(name) > MAX_NAME:
            self.add(place, f"{quoted(name)} has {len(name)} characters; a name has at most {MAX_NAME}")
        elif not _NAME.fullmatch(name):
            self.add(place, f"{quoted(name)}: a name begins with a letter and holds only A-Z a-z 0-9 _ -")
        elif name.lower() not in names:
            names[name.lower()] = name
        elif names[name.lower()] == name:
            self.add(place, f"{quoted(name)} is the name of an earlier step too; names are unique")
        else:
            self.add(place, f"{quoted(name)} differs from the earlier {quoted(names[name.lower()])} only in case")

    def _procedure(self, mod: str, method: str, path: Path) -> None:
        try:
            self.registry.find(mod, method)
        except UnknownProcedure as error:
            known = mod in self.registry.modules
            self.add((*path, "method" if known else "mod"), str(error))

    def _template(self, params: dict[str, Any], path: Path, index: int) -> Mapping[str, Any]:
        template: dict[str, Any] = compile_value(params, path, self.add)
        for place, reference in references_in(template, path):
            if self.findings.full:
                break
            self._reference(reference, place, index)
        return template

    def _reference(self, reference: Reference, place: Path, index: int) -> None:
        if reference.step == RUNTIME:
            self._runtime_reference(reference, place)
            return
        position = self.positions.get(reference.step)
        if position is not None and position < index:
            return
        if position is None:
            problem = f"no step is named {quoted(reference.step)}"
        elif position == index:
            problem = "a step cannot refer to itself"
        else:
            problem = f"the step {quoted(reference.step)} runs later"
        earlier = [name for name, where in self.positions.items() if where < index]
        rest = "" if reference.rest is None else "." + reference.rest
        hint = did_you_mean(reference.step, earlier, before="@", after=rest)
        self.add(place, f"{quoted(str(reference))}: {problem} (earlier steps: {named(earlier)}).{hint}")

    def _runtime_reference(self, reference: Reference, place: Path) -> None:
        if reference.rest is None or reference.rest in RUNTIME_KEYS:
            return
        hint = did_you_mean(reference.rest, RUNTIME_KEYS, before=f"@{RUNTIME}.")
        self.add(place, f"{quoted(str(reference))}: {RUNTIME} has the keys {named(RUNTIME_KEYS)}.{hint}")


def _positions(entries: list[Any]) -> dict[str, int]:
    """Return where each name stands first."""
    positions: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name = entry.get("name") if isinstance(entry, dict) else None
        if isinstance(name, str):
            positions.setdefault(name, index)
    return positions


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number", type(None): "null"}
    return names[type(value)]
