"""What the registry knows of each procedure, as plain data for schemas, editors and pages."""

import inspect
import re
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flows.engine.errors import UnknownProcedure
from flows.engine.procedures import Procedure, Registry
from flows.engine.types import ObjectOf, Type

_SECTION = re.compile(r"^([A-Z][A-Za-z]+(?: [a-z]+)?):[ ]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter of a procedure."""

    name: str
    type: Type
    required: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One procedure: where it is defined, what its docstring says, and what it declares.

    `sections` holds the parts of the docstring that begin with a title such as `Params:`; `parameters` is empty where
    nothing is declared.
    """

    mod: str
    method: str
    summary: str
    description: str
    sections: dict[str, str]
    parameters: tuple[Parameter, ...]
    accepts: Type
    returns: Type
    file: str
    line: int

    @property
    def signature(self) -> str:
        """What it takes and returns, on one line: `take(number: integer, text?: string) → ok, number`."""
        shown = ", ".join(f"{one.name}{'' if one.required else '?'}: {one.type}" for one in self.parameters)
        takes = shown or ("" if isinstance(self.accepts, ObjectOf) and self.accepts.rest is None else "…")
        keys = ", ".join(f"{one['name']}: {one['type']}" for one in _result_keys(self.returns))
        return f"{self.method}({takes}) → {keys or '…'}"

    def as_data(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return {
            "mod": self.mod,
            "method": self.method,
            "summary": self.summary,
            "description": self.description,
            "sections": self.sections,
            "params": [{"name": one.name, "type": str(one.type), "required": one.required} for one in self.parameters],
            "result": _result_keys(self.returns),
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The procedures of an installation in the order of their names; `broken` says of a module why it has none."""

    entries: tuple[Entry, ...]
    broken: dict[str, str]


def catalogue(registry: Registry) -> Catalogue:
    """Import every registered module and return what it offers."""
    entries: list[Entry] = []
    broken: dict[str, str] = {}
    for mod in sorted(registry.modules):
        try:
            methods = registry.methods(mod)
        except UnknownProcedure as error:
            broken[mod] = str(error)
            continue
        entries.extend(_entry(procedure) for method in methods if (procedure := _found(registry, mod, method)))
    return Catalogue(tuple(entries), broken)


def _found(registry: Registry, mod: str, method: str) -> Procedure | None:
    # A class may hide what its base offers (`run = None`).
    try:
        return registry.find(mod, method)
    except UnknownProcedure:
        return None


def _entry(procedure: Procedure) -> Entry:
    summary, description, sections = _docstring(procedure.function)
    fields = procedure.accepts.fields if isinstance(procedure.accepts, ObjectOf) else {}
    parameters = tuple(Parameter(name, one.type, one.required) for name, one in fields.items())
    code = _author_code(procedure.function)
    return Entry(
        procedure.mod,
        procedure.method,
        summary,
        description,
        sections,
        parameters,
        procedure.accepts,
        procedure.returns,
        code.co_filename,
        code.co_firstlineno,
    )


def _author_code(function: Callable[..., Any]) -> types.CodeType:
    """Return the code that its author wrote: of a decorated function what is inside, as far as that is a function."""
    passed: list[Any] = []
    while isinstance(inner := getattr(function, "__wrapped__", None), types.FunctionType) and inner not in passed:
        function = inner
        passed.append(inner)
    return cast(types.FunctionType, function).__code__


def _docstring(function: Callable[..., Any]) -> tuple[str, str, dict[str, str]]:
    """Return summary, description and titled sections of a docstring; a title that comes again goes on."""
    text = inspect.cleandoc(function.__doc__) if isinstance(function.__doc__, str) else ""
    summary, _, rest = text.partition("\n\n")
    marks = list(_SECTION.finditer(rest))
    ends = [mark.start() for mark in marks[1:]] + [len(rest)] * bool(marks)
    sections: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        title, body = mark.group(1), rest[mark.end() : end].strip()
        sections[title] = f"{sections[title]}\n\n{body}" if title in sections else body
    description = rest[: marks[0].start()] if marks else rest
    return " ".join(summary.split()), description.strip(), sections


def _result_keys(returns: Type) -> list[dict[str, Any]]:
    if not isinstance(returns, ObjectOf):
        return []
    return [{"name": name, "type": str(one.type), "certain": one.required} for name, one in returns.fields.items()]
