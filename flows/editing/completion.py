"""What can be written at a place of a text that may be half typed: keys, modules, methods, references, constants."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from flows.editing.cursor import Cursor, cursor_at
from flows.editing.places import LISTS, WITH_REFERENCES
from flows.editing.tree import Kind, Node, nearest, parse_tree, value_of
from flows.engine.catalogue import Catalogue
from flows.engine.checker import FlowSource
from flows.engine.document import MAX_BYTES
from flows.engine.examples import written
from flows.engine.findings import Path
from flows.engine.legal import Legal, legal_at
from flows.engine.procedures import Registry
from flows.engine.proof import Certainty
from flows.engine.references import Reference
from flows.engine.schema import flow_schema
from flows.engine.types import BOOLEAN, NULL, Constant, ObjectOf, OneOf, Type

MOST = 100

_dumped = json.JSONEncoder(ensure_ascii=False).encode
_CALL, _SUB_FLOW = ("mod", "method", "params"), ("flow", "inputs")


class Candidate(NamedTuple):
    """One thing that can be written: as it is listed, what it is, and the JSON that is put in."""

    label: str
    detail: str
    text: str


class Completion(NamedTuple):
    """What can replace the text from `start` up to `end`."""

    start: int
    end: int
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """What completion knows of the installation: its procedures, its flows, and the name of the flow itself."""

    registry: Registry
    catalogue: Catalogue
    flows: FlowSource
    flow_names: tuple[str, ...] = ()
    name: str = ""


def complete(text: str, offset: int, site: Site) -> Completion:
    """Return what can be written at an offset, the most fitting first, at most a hundred."""
    if len(text) > MAX_BYTES:
        return Completion(offset, offset)
    root = parse_tree(text)
    cursor = cursor_at(root, offset)
    if cursor is None:
        return Completion(offset, offset)
    typed = _typed(text, cursor.node, offset)
    found: Iterable[Candidate]
    if cursor.owner is None:
        found = _values(root, text, cursor.path, site, typed)
    else:
        found = _keys(root, text, cursor, cursor.owner, site)
    fitting = [one for one in found if typed.lower() in one.label.lower()]
    fitting.sort(key=lambda one: not one.label.lower().startswith(typed.lower()))
    start, end = _replaced(cursor.node, offset)
    return Completion(start, end, tuple(fitting[:MOST]))


def _typed(text: str, node: Node, offset: int) -> str:
    return text[node.start : offset].lstrip('"') if node.kind is not Kind.GAP else ""


def _replaced(node: Node, offset: int) -> tuple[int, int]:
    """Return what a candidate replaces: the string or word at the offset; of one without its end what is before it."""
    if node.kind is Kind.GAP:
        return offset, offset
    return node.start, node.end if node.closed else offset


# --- keys ------------------------------------------------------------------------------------------------------------


def _keys(root: Node, text: str, cursor: Cursor, owner: Node, site: Site) -> Iterator[Candidate]:
    own = value_of(cursor.node, text) if cursor.node.kind is not Kind.GAP else None
    present = {one.name for one in owner.members if one.name != own}
    after = "" if cursor.has_colon else ": "
    for name, detail in _known_keys(root, text, cursor.path, present, site):
        if name not in present:
            yield Candidate(name, detail, _dumped(name) + after)


def _known_keys(root: Node, text: str, path: Path, present: set[str], site: Site) -> Iterator[tuple[str, str]]:
    legal = _legal(root, text, path, site)
    if legal is not None:
        yield from _fields(legal.type)
        return
    hidden = _SUB_FLOW if present & set(_CALL) else _CALL if present & set(_SUB_FLOW) else ()
    for name, schema in _schema_at(path).get("properties", {}).items():
        if not (_is_step(path) and name in hidden):
            yield name, schema.get("description", "") or schema.get("type", "")


def _fields(kind: Type) -> Iterator[tuple[str, str]]:
    for option in kind.options if isinstance(kind, OneOf) else (kind,):
        for name, one in option.fields.items() if isinstance(option, ObjectOf) else ():
            yield name, f"{one.type}{'' if one.required else ', may be left out'}"


def _is_step(path: Path) -> bool:
    return len(path) == 2 and path[0] in LISTS


@cache
def _schema() -> dict[str, Any]:
    return flow_schema(Catalogue((), {}))


def _schema_at(path: Path) -> dict[str, Any]:
    """Return the schema of a place, as far as it is the same in every installation."""
    found: dict[str, Any] = _schema()
    for part in path:
        known = found.get("properties", {}).get(part) or found.get("items") or found.get("additionalProperties")
        found = known if isinstance(known, dict) else {}
        if "$ref" in found:
            found = _schema()["definitions"][found["$ref"].rpartition("/")[2]]
    return found


# --- values ----------------------------------------------------------------------------------------------------------


def _values(root: Node, text: str, path: Path, site: Site, typed: str) -> Iterable[Candidate]:
    if _is_step(path[:-1]) and path[-1] in ("mod", "method", "flow"):
        return _targets(str(path[-1]), value_of(nearest(root, path[:-1]), text), site)
    legal = _legal(root, text, path, site)
    if legal is None:
        return _constants(_schema_at(path))
    if path == ("outputs",) or (len(path) == 3 and path[2] in ("params", "inputs")):
        return [Candidate("{}", "object", "{}")]
    return [*_of_type(legal.type), *_references(legal, typed, path)]


def _targets(key: str, step: dict[str, Any], site: Site) -> Iterator[Candidate]:
    if key == "flow":
        yield from (Candidate(name, "flow", _dumped(name)) for name in site.flow_names if name != site.name)
    elif key == "mod":
        methods: dict[str, list[str]] = {}
        for entry in site.catalogue.entries:
            methods.setdefault(entry.mod, []).append(entry.method)
        yield from (Candidate(mod, ", ".join(known), _dumped(mod)) for mod, known in methods.items())
    else:
        mod = step.get("mod")
        known = [entry for entry in site.catalogue.entries if entry.mod == mod]
        yield from (Candidate(entry.method, entry.signature, _dumped(entry.method)) for entry in known)


def _constants(schema: dict[str, Any]) -> Iterator[Candidate]:
    for value in schema.get("enum", ()):
        yield Candidate(str(value), "", _dumped(value))
    if schema.get("type") == "boolean":
        yield from _of_type(BOOLEAN)


def _of_type(kind: Type) -> Iterator[Candidate]:
    for option in kind.options if isinstance(kind, OneOf) else (kind,):
        if isinstance(option, Constant):
            value = written(option.value)
            yield Candidate(value if isinstance(value, str) else _dumped(value), "", _dumped(value))
        elif option in (BOOLEAN, NULL):
            words = ("true", "false") if option == BOOLEAN else ("null",)
            yield from (Candidate(word, str(option), word) for word in words)


def _references(legal: Legal, typed: str, place: Path) -> list[Candidate]:
    """Return the references, those whose type is proved first."""
    found = list(legal.references(typed, place))
    found.sort(key=lambda one: one[2] is not Certainty.PROVED)
    return [_of_reference(*one) for one in found]


def _of_reference(reference: Reference, kind: Type, certainty: Certainty) -> Candidate:
    detail = str(kind) if certainty is Certainty.PROVED else f"{kind}, assumed"
    return Candidate(str(reference), detail, _dumped(str(reference)))


def _legal(root: Node, text: str, path: Path, site: Site) -> Legal | None:
    """Return what may stand there, where references may stand."""
    in_step = len(path) > 2 and _is_step(path[:2]) and path[2] in WITH_REFERENCES
    if not in_step and path[:1] != ("outputs",):
        return None
    if path[2:] == ("when", "not"):
        path = path[:3]
    return legal_at(value_of(root, text), path, site.registry, site.flows, site.name)
