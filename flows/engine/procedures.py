"""The registry: which Python a flow may call, and the one place that imports it."""

import importlib
import importlib.util
import inspect
import logging
import os
import re
import threading
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from flows.engine.errors import UnknownProcedure
from flows.engine.text import describe, did_you_mean, named, quoted
from flows.engine.types import ANYTHING, OBJECT, Type, from_annotation

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Procedure:
    """A method that a flow may call: the class to make an instance of, and the plain function to call on it.

    `accepts` and `returns` are the declared types of `params` and of the result, or any object.
    """

    mod: str
    method: str
    owner: type
    function: Callable[..., Any]
    logger: logging.Logger
    accepts: Type = OBJECT
    returns: Type = OBJECT

    def __str__(self) -> str:
        return f"{self.mod}.{self.method}"


class Registry:
    """The procedures below allow-listed packages.

    Modules are found by their file names, and imported when a flow first names one. Classes and methods are looked up
    statically: no property is executed, no attribute of an instance is touched. One registry serves a process; it is
    safe to share between threads.
    """

    def __init__(self, packages: Sequence[str] = ("procedures",)) -> None:
        self.packages = tuple(packages)
        self._lock = threading.RLock()
        self._modules: dict[str, str] | None = None
        self._found: dict[tuple[str, str], Procedure] = {}
        self._broken: dict[str, str] = {}

    @property
    def modules(self) -> dict[str, str]:
        """The full name of each module by the name that a flow uses, for example `common.Kt`; imports nothing."""
        if self._modules is None:
            self._modules = {}
            for package in self.packages:
                for mod, full_name in _modules_of(package):
                    self._modules.setdefault(mod, full_name)
        return self._modules

    def find(self, mod: str, method: str) -> Procedure:
        """Return the procedure of that module and method; raises `UnknownProcedure` with the nearest known name."""
        found = self._found.get((mod, method))
        if found is None:
            with self._lock:
                found = self._found[mod, method] = self._look_up(mod, method)
        return found

    def methods(self, mod: str) -> dict[str, Callable[..., Any]]:
        """Return the callable methods of a module by name, in the order of their definition.

        Raises `UnknownProcedure` where the module is not registered or cannot be imported.
        """
        return {
            name: member
            for owner in reversed(self._classes(self._class(mod)))
            for name, member in vars(owner).items()
            if _NAME.fullmatch(name) and not _refusal(member)
        }

    def _look_up(self, mod: str, method: str) -> Procedure:
        owner = self._class(mod)
        if not _NAME.fullmatch(method):
            self._no_method(mod, method, "is no public name")
        member = next((vars(base)[method] for base in owner.__mro__ if method in vars(base)), None)
        known = next((base for base in self._classes(owner) if vars(base).get(method) is member), None)
        if member is None or known is None:
            self._no_method(mod, method, "is not defined there")
        refusal = _refusal(member)
        if refusal:
            self._no_method(mod, method, refusal)
        logger = logging.getLogger(owner.__module__)
        return Procedure(mod, method, owner, member, logger, *_declared_types(member))

    def _no_method(self, mod: str, method: str, reason: str) -> NoReturn:
        known = self.methods(mod)
        raise UnknownProcedure(
            f"{quoted(method)} is no method that {quoted(mod)} offers: it {reason} (methods: {named(known)})."
            f"{did_you_mean(method, known)}"
        )

    def _class(self, mod: str) -> type:
        """Import the module and return the class that bears its name."""
        full_name = self.modules.get(mod)
        if full_name is None:
            raise UnknownProcedure(
                f"no module {quoted(mod)} is registered (modules: {named(sorted(self.modules))})."
                f"{did_you_mean(mod, self.modules)}"
            )
        name = mod.rpartition(".")[2]
        owner = vars(self._import(mod, full_name)).get(name)
        if not isinstance(owner, type):
            raise UnknownProcedure(
                f"module {quoted(mod)} has no class {quoted(name)}; the class bears the module's name"
            )
        if owner.__module__ != full_name:
            raise UnknownProcedure(
                f"the class {quoted(name)} of module {quoted(mod)} is imported from {quoted(owner.__module__)}; "
                "it must be defined in that very module"
            )
        return owner

    def _import(self, mod: str, full_name: str) -> types.ModuleType:
        if mod not in self._broken:
            try:
                return importlib.import_module(full_name)
            except BaseException as error:  # noqa: BLE001  (whatever a module does at import spoils no other)
                self._broken[mod] = describe(error)
        raise UnknownProcedure(f"module {quoted(mod)} cannot be imported: {self._broken[mod]}")

    def _classes(self, owner: type) -> list[type]:
        """Return the class and those of its bases that come from the allow-listed packages."""
        return [base for base in owner.__mro__ if self._holds(base.__module__)]

    def _holds(self, module: str) -> bool:
        return any(module == package or module.startswith(package + ".") for package in self.packages)


def _refusal(member: Any) -> str:
    """Return why a member of a class cannot be called by a flow; empty where it can."""
    if not isinstance(member, types.FunctionType):
        return f"is a {type(member).__name__}, not a plain method"
    if inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member):
        return "is a coroutine"
    if inspect.isgeneratorfunction(member):
        return "is a generator"
    try:
        inspect.signature(member).bind(None, {}, {})
    except TypeError:
        return "does not take (self, context, params)"
    return ""


def _declared_types(function: Callable[..., Any]) -> tuple[Type, Type]:
    """Return the types of the second parameter after `self`, however it is named, and of the result."""
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        names = list(inspect.signature(function).parameters)
    except Exception:  # noqa: BLE001  (an annotation that does not resolve declares nothing)
        return OBJECT, OBJECT
    params = hints.get(names[2]) if len(names) > 2 else None
    return _object_type(params), _object_type(hints.get("return"))


def _object_type(annotation: Any) -> Type:
    declared = OBJECT if annotation is None else from_annotation(annotation)
    return OBJECT if declared in (ANYTHING, OBJECT) else declared


def _modules_of(package: str) -> Iterator[tuple[str, str]]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        yield from _modules_below(folder, "", package)


def _modules_below(folder: str, prefix: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of a folder by their file names, folders without `__init__.py` included."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        name = entry.name.removesuffix(".py")
        if not _NAME.fullmatch(name):
            continue
        if name != entry.name and entry.is_file():
            yield prefix + name, f"{package}.{prefix}{name}"
        elif name == entry.name and entry.is_dir():
            yield from _modules_below(entry.path, f"{prefix}{name}.", package)
