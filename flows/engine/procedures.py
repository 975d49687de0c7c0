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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, cast

from flows.engine.errors import FlowError, UnknownMethod, UnknownProcedure
from flows.engine.text import an, describe, meant, named, nearest, quoted
from flows.engine.types import ANYTHING, OBJECT, Type, from_annotation

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")

# What a class or module holds, without asking its metaclass or class: that could execute anything.
_bases: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_members: Callable[[type], Mapping[str, Any]] = type.__dict__["__dict__"].__get__
_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_content: Callable[[Any], dict[str, Any]] = vars(types.ModuleType)["__dict__"].__get__


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
        self._fingerprints: dict[str, str] = {}

    @property
    def modules(self) -> dict[str, str]:
        """The full name of each module by the name that a flow uses, for example `common.Kt`; imports nothing."""
        if self._modules is None:
            with self._lock:
                # Of two packages with one name the first has it.
                self._modules = self._modules or dict(
                    pair for package in reversed(self.packages) for pair in _modules_of(package)
                )
        return self._modules

    def find(self, mod: str, method: str) -> Procedure:
        """Return the procedure of that module and method; raises `UnknownProcedure` with the nearest known name."""
        found = self._found.get((mod, method))
        if found is None:
            with self._lock, _guarded(mod):
                found = self._found[mod, method] = self._look_up(mod, method)
        return found

    def fingerprint(self, mod: str) -> str:
        """Return the hash of the source of a module as this process first saw it; empty where there is no such file.

        What the module imports is not looked at.
        """
        if mod not in self._fingerprints:
            path = getattr(importlib.util.find_spec(self.modules[mod]), "origin", None)
            data = Path(path).read_bytes() if path and Path(path).is_file() else b""
            self._fingerprints[mod] = sha256(data).hexdigest() if data else ""
        return self._fingerprints[mod]

    def methods(self, mod: str) -> dict[str, Callable[..., Any]]:
        """Return the callable methods of a module by name, in the order of their definition.

        Raises `UnknownProcedure` where the module is not registered or cannot be imported.
        """
        with _guarded(mod):
            found = {
                name: (base, member)
                for base in reversed(_bases(self._class(mod)))
                for name, member in _members(base).items()
            }
            return {
                name: member
                for name, (base, member) in found.items()
                if _NAME.fullmatch(name) and self._holds(base) and not _refusal(member)
            }

    def _look_up(self, mod: str, method: str) -> Procedure:
        owner = self._class(mod)
        if not _NAME.fullmatch(method):
            self._no_method(mod, method, "is no public name")
        base = next((base for base in _bases(owner) if method in _members(base)), None)
        if base is None or not self._holds(base):
            self._no_method(mod, method, "is not defined there")
        member = _members(base)[method]
        refusal = _refusal(member)
        if refusal:
            self._no_method(mod, method, refusal)
        logger = logging.getLogger(self.modules[mod])
        return Procedure(mod, method, owner, member, logger, *_declared_types(member))

    def _no_method(self, mod: str, method: str, reason: str) -> NoReturn:
        known = self.methods(mod)
        guess = nearest(method, known)
        raise UnknownMethod(
            f"{quoted(method)} is no method that {quoted(mod)} offers: it {reason} (methods: {named(known)})."
            f"{meant(guess)}",
            instead=guess,
        )

    def _class(self, mod: str) -> type:
        """Import the module and return the class that bears its name."""
        full_name = self.modules.get(mod)
        if full_name is None:
            guess = nearest(mod, self.modules) or self._elsewhere(mod)
            raise UnknownProcedure(
                f"no module {quoted(mod)} is registered (modules: {named(sorted(self.modules))}).{meant(guess)}",
                instead=guess,
            )
        name = mod.rpartition(".")[2]
        owner = self._import(mod, full_name).get(name)
        if owner is None or not issubclass(type(owner), type):
            raise UnknownProcedure(
                f"module {quoted(mod)} has no class {quoted(name)}; the class bears the module's name"
            )
        origin = _module(owner)
        if origin != full_name:
            raise UnknownProcedure(
                f"the class {quoted(name)} of module {quoted(mod)} is imported from {quoted(str(origin))}; "
                "it must be defined in that very module"
            )
        return cast(type, owner)

    def _elsewhere(self, mod: str) -> str | None:
        """Return a guess for a module that is named without its folder, or with another one."""
        last = mod.rpartition(".")[2].lower()
        return next((known for known in self.modules if known.rpartition(".")[2].lower() == last), None)

    def _import(self, mod: str, full_name: str) -> dict[str, Any]:
        """Return what the module holds."""
        if mod not in self._broken:
            try:
                return _content(importlib.import_module(full_name))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001  (whatever a module does at import spoils no other)
                self._broken[mod] = describe(error)
        raise UnknownProcedure(f"module {quoted(mod)} cannot be imported: {self._broken[mod]}")

    def _holds(self, base: type) -> bool:
        """Return whether a class comes from the allow-listed packages."""
        module = _module(base)
        return isinstance(module, str) and any(f"{module}.".startswith(f"{package}.") for package in self.packages)


@contextmanager
def _guarded(mod: str) -> Iterator[None]:
    """Refuse a module that holds something so strange that looking at it raises."""
    try:
        yield
    except FlowError:
        raise
    except Exception as error:
        raise UnknownProcedure(f"module {quoted(mod)} cannot be read: {describe(error)}") from error


def _refusal(member: Any) -> str:
    """Return why a member of a class cannot be called by a flow; empty where it can."""
    if type(member) is not types.FunctionType:
        return f"is {an(type(member).__name__)}, not a plain method"
    if inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member):
        return "is a coroutine"
    if inspect.isgeneratorfunction(member):
        return "is a generator"
    try:
        # A decorator counts as it is, not as what it is wrapped around.
        inspect.signature(member, follow_wrapped=False).bind(None, {}, {})
    except TypeError:
        return "does not take (self, context, params)"
    return ""


def _declared_types(function: Callable[..., Any]) -> tuple[Type, Type]:
    """Return the types of the second parameter after `self`, however it is named, and of the result."""
    try:
        # First, because it raises for a function that is wrapped around itself, and the hints would hang.
        names = list(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function, include_extras=True)
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
    except Exception:  # noqa: BLE001  (a parent package may raise anything when it is imported)
        spec = None
    for folder in (spec and spec.submodule_search_locations) or ():
        yield from _modules_below(folder, "", package)


def _modules_below(folder: str, prefix: str, package: str, above: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the modules of a folder by their file names, folders without `__init__.py` included.

    A link to one of the folders `above` holds nothing new, and what cannot be read holds nothing.
    """
    place = os.path.realpath(folder)
    for entry in [] if place in above else _entries(folder):
        name = entry.name.removesuffix(".py")
        if not _NAME.fullmatch(name):
            continue
        if name != entry.name and os.path.isfile(entry.path):  # noqa: PTH113  (never raises)
            yield prefix + name, f"{package}.{prefix}{name}"
        elif name == entry.name and os.path.isdir(entry.path):  # noqa: PTH112  (never raises)
            yield from _modules_below(entry.path, f"{prefix}{name}.", package, (*above, place))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
