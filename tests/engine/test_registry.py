# ruff: noqa: RUF001  (look-alikes of ASCII are what some tests are about)
"""No module, class or method outside of the registry can be named, imported or executed by a flow."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.engine import Registry, UnknownProcedure, check
from tests.engine import stage
from tests.engine.stage import document, step

# Each on the registry of the sample procedures. The method is one that exists wherever the module might lead to.
MODULES = [
    *("os", "sys", "builtins", "subprocess", "importlib", "posix"),
    *("ctypes", "socket", "shutil", "pickle", "runpy", "code"),
    *("os.path", "subprocess.Popen", "importlib.util", "logging.config", "concurrent.futures.thread", "json.decoder"),
    *("flows", "flows.engine", "flows.engine.procedures", "tests"),
    *("tests.engine.stage", "stage", "engine.stage", "conftest"),
    *("__main__", "__builtins__", "__future__", "site", "antigravity", "this", "pip", "setuptools", "pytest"),
    *("tests.engine.procs.common.Kt", "engine.procs.common.Kt", "procs.common.Kt", "procedures.common.Kt", "Kt"),
    *("common", "common.__init__", "__init__", "common.__main__", "common.__pycache__"),
    *("common.__pycache__.Kt", "_common.Kt"),
    *("common.Kt.Kt", "common.Kt.Kt.prt", "common.Kt.prt", "common.Kt.logging"),
    *("common.Kt.stage", "common.Kt.stage.play"),
    *("common.Kt.__class__", "common.Kt.__dict__", "common.Kt.__globals__"),
    *("common.Kt.__init__", "common.Kt.__loader__"),
    *("common..Kt", ".common.Kt", "..common.Kt", "common.Kt."),
    *("common.", ".Kt", ".", "..", "...", " ", "\t", "common.Kt..prt"),
    *("common/Kt", "/common/Kt", "./common/Kt", "../common/Kt", "common/../common.Kt"),
    *("common\\Kt", "/etc/passwd", "C:\\common"),
    *("common.Kt.py", "common.Kt.pyc", "common/Kt.py", "common.Kt.so"),
    *("common.zip", "common.zip/Kt", "common.egg", "common.Kt.pth"),
    *("common:Kt", "common.Kt:prt", "common.Kt#prt", "common.Kt?x", "common.Kt;os"),
    *("common.Kt\nos", "common.Kt,os", "common.Kt os"),
    *("common.Kt\0", "\0common.Kt", "common\0.Kt", "common.Kt\n"),
    *("\ncommon.Kt", "common.Kt ", " common.Kt", "common . Kt"),
    *("COMMON.KT", "common.kt", "Common.Kt", "common.KT", "cOmmon.Kt"),
    *("ｃｏｍｍｏｎ.Ｋｔ", "common.Kｔ", "common．Kt", "common\u2024Kt", "common。Kt"),
    *("common.Κt", "соmmon.Kt", "common.Кt", "cօmmon.Kt"),
    *("common.Kt\u200b", "\ufeffcommon.Kt", "common.\u202eKt", "common.K\u0074\u0301", "common.\u212at"),
    *("common.*", "*", "com?on.Kt", "common.K[t]", "common.(Kt)", "common['Kt']"),
    *("common.Kt()", "%s", "{common.Kt}", "${common.Kt}"),
    *("@step1", "@@common.Kt", "file:///common/Kt", "http://localhost/Kt"),
    *("git+https://x", "lambda", "None", "1", "__import__('os')"),
    *("a" * 100_000, "." * 1000, "common." * 1000 + "Kt", "\u4e00" * 10, "nowhere", "nowhere.Kt"),
]  # fmt: skip
METHODS = [
    *("__init__", "__new__", "__class__", "__dict__", "__call__", "__reduce__"),
    *("__reduce_ex__", "__getattribute__", "__del__"),
    *("__subclasshook__", "__init_subclass__", "__module__", "__doc__"),
    *("__weakref__", "__mro__", "__bases__", "__name__"),
    *("mro", "__subclasses__", "__globals__", "__code__", "__class__.__bases__.0.__subclasses__"),
    *("__init__.__globals__"),
    *("prt.__globals__", "prt.__code__", "prt.__call__", "prt.__get__"),
    *("prt.prt", "prt.", ".prt", "Kt.prt", "common.Kt.prt"),
    *("self.prt", "logger", "logger.info", "self.logger", "logging"),
    *("stage", "stage.play", "Any", "os.system", "eval", "exec"),
    *("print", "type", "object", "_prt", "__prt", "_Kt__prt", "prt__"),
    *("PRT", "Prt", "prT", "prt ", " prt", "prt\n", "prt\0"),
    *("prt()", "prt;echo", "prt,echo", "prt echo", "prt\u200b"),
    *("\ufeffprt", "ｐｒｔ", "prｔ", "рrt", "p\u0072\u0301t", "þrt"),
    *("@step1.msg", "*", "p*", "[prt]", "<lambda>", "<locals>.prt"),
    *("1", "0prt", "None", "lambda", "-", "/prt", "../prt", "%s"),
    *(" ", "\0", "\n", ".", "..", "a" * 100_000, "prt" * 100, "nothing"),
]  # fmt: skip
ODD_MEMBERS = [
    *("constant", "instance", "described", "borrowed_class", "builtin"),
    *("_private", "__mangled", "_Odd__mangled", "grüße"),
    *("static", "of_class", "computed", "awaited", "streamed", "yielded"),
    *("short", "long", "by_keyword", "Nested", "Nested.prt"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _imported_first(registry: Registry) -> None:
    """Import what is registered, so that whatever a test imports shows."""
    for mod in ("common.Kt", "common.Odd"):
        registry.methods(mod)
    stage.clear()


def refuse(registry: Registry, mod: str, method: str) -> str:
    """Hold the registry and the checker to a refusal that imports and executes nothing; return its text."""
    before = set(sys.modules)
    with pytest.raises(UnknownProcedure) as refused:
        registry.find(mod, method)
    (finding,) = check(document(step(mod=mod, method=method)), registry).findings
    assert finding.message == str(refused.value)
    assert set(sys.modules) == before
    assert stage.happened == []
    return finding.message


@pytest.mark.parametrize("mod", MODULES, ids=lambda mod: ascii(mod)[:40])
def test_a_module_that_is_not_registered_is_refused_by_name(mod: str, registry: Registry) -> None:
    message = refuse(registry, mod, "prt")
    assert message.startswith("no module ")
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("method", METHODS, ids=lambda method: ascii(method)[:40])
def test_what_is_no_public_method_of_the_class_is_refused_by_name(method: str, registry: Registry) -> None:
    message = refuse(registry, "common.Kt", method)
    assert ' is no method that "common.Kt" offers: ' in message
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("method", ODD_MEMBERS)
def test_a_member_that_is_no_plain_method_is_refused_and_not_executed(method: str, registry: Registry) -> None:
    assert ' is no method that "common.Odd" offers: ' in refuse(registry, "common.Odd", method)


@pytest.mark.parametrize("mod", ["Popen", "Path", "JSONDecoder", "Any", "nothing", "os"])
@pytest.mark.parametrize("method", ["run", "__init__", "system", "open", "unlink", "decode"])
def test_neither_half_of_a_pair_leads_out(mod: str, method: str, registry: Registry) -> None:
    assert refuse(registry, mod, method).startswith("no module ")


def test_these_are_more_than_100_kinds() -> None:
    assert len(set(MODULES)) + len(set(METHODS)) + len(ODD_MEMBERS) + len(REFUSED) > 300


def test_methods_lists_what_can_be_called_and_nothing_else(registry: Registry) -> None:
    assert list(registry.methods("common.Kt")) == ["prt", "echo"]
    assert list(registry.methods("common.Odd")) == ["fine"]
    assert stage.happened == []


def test_modules_are_known_by_name_without_being_imported() -> None:
    before = set(sys.modules)
    assert list(Registry(["tests.engine.procs"]).modules) == [
        *("common.Broken", "common.Foreign", "common.Kt", "common.NoClass", "common.Odd", "common.Play")
    ]
    assert set(sys.modules) == before


# Procedure modules that a careless or hostile author might write, made in a folder of the test.
HEAD = """
import functools, os, subprocess, threading
from collections import UserDict
from json import JSONDecoder
from tests.engine.stage import trace
"""
PROCEDURE = "    def run(self, context, params):\n        return trace('{name}.run')\n"

FILES = {
    "Good.py": HEAD + "class Good:\n" + PROCEDURE,
    "Popen.py": "from subprocess import Popen\n",
    "run.py": "from subprocess import run\n",
    "JSONDecoder.py": "from json import JSONDecoder\n",
    "Function.py": HEAD + "def Function(context, params):\n    return trace('Function')\n",
    "Object.py": HEAD + "class Thing:\n" + PROCEDURE + "Object = Thing()\n",
    "Renamed.py": HEAD + "class Thing:\n" + PROCEDURE + "    __module__ = 'os'\nRenamed = Thing\n",
    "Lazy.py": HEAD + "def __getattr__(name):\n    trace('a module was asked')\n    return type(name, (), {})\n",
    "Thread.py": HEAD + "class Thread(threading.Thread):\n    pass\n",
    "Dict.py": HEAD + "class Dict(UserDict):\n    pass\n",
    "Decoder.py": HEAD + "class Decoder(JSONDecoder):\n    pass\n",
    "Builtin.py": HEAD + "class Builtin(dict):\n    system = os.system\n    call = print\n    bound = {}.update\n",
    "Meta.py": HEAD
    + "class Type(type):\n"
    + "    def run(cls, context, params):\n        return trace('Type.run')\n"
    + "    def __getattr__(cls, name):\n        return trace(f'asked for {name}')\n"
    + "    def __dir__(cls):\n        return trace('dir')\n"
    + "class Meta(metaclass=Type):\n    pass\n",
    "Asked.py": HEAD
    + "class Asked:\n"
    + "    def __getattr__(self, name):\n        return trace(f'asked for {name}')\n"
    + "    def __getattribute__(self, name):\n        return trace(f'asked for {name}')\n",
    "Wrapped.py": HEAD
    + "def body(self, context, params):\n    return trace('Wrapped')\n"
    + "class Wrapped:\n"
    + "    cached = functools.lru_cache(body)\n"
    + "    partial = functools.partial(body, None)\n"
    + "    partial_method = functools.partialmethod(body)\n"
    + "    once = functools.cached_property(body)\n"
    + "    single = functools.singledispatchmethod(body)\n"
    + "    of_static = staticmethod(body)\n"
    + "    __slots__ = ('slot',)\n",
    "Outer.py": HEAD
    + "class Outer:\n    class Inner:\n        class Inner:\n    "
    + PROCEDURE.replace("    ", "        "),
    "Shadowed.py": HEAD + "class Base:\n" + PROCEDURE + "class Shadowed(Base):\n    run = None\n",
    "Hidden.py": HEAD
    + "class Base:\n"
    + PROCEDURE
    + "class Hidden(Base):\n    @property\n    def run(self):\n        return trace('Hidden.run')\n",
    "Package/__init__.py": HEAD + "class Package:\n" + PROCEDURE,
    "Package/Inside.py": HEAD + "class Inside:\n" + PROCEDURE,
    "_private/Kt.py": HEAD + "class Kt:\n" + PROCEDURE,
    "Folder.py/Kt.py": HEAD + "class Kt:\n" + PROCEDURE,
    "_Hidden.py": HEAD + "class _Hidden:\n" + PROCEDURE,
    "__main__.py": HEAD + "trace('__main__')\n",
    ".Dot.py": HEAD + "trace('.Dot')\n",
    "Two.Dots.py": HEAD + "trace('Two.Dots')\n",
    "Dash-name.py": HEAD + "trace('Dash-name')\n",
    "1st.py": HEAD + "trace('1st')\n",
    "größe.py": HEAD + "trace('größe')\n",
    "Upper.PY": HEAD + "trace('Upper')\n",
    "Compiled.pyc": "",
    "Extension.so": "",
    "Extension.cpython-311-x86_64-linux-gnu.so": "",
    "Archive.zip": "",
    "Text.txt": "",
}

REFUSED = [
    *(("Popen", "communicate"), ("Popen", "run"), ("run", "run"), ("JSONDecoder", "decode"), ("Function", "__call__")),
    *(("Object", "run"), ("Renamed", "run"), ("Lazy", "run"), ("Good", "trace")),
    *(("Good", "subprocess"), ("Good", "run.__func__")),
    *(("Thread", "run"), ("Thread", "start"), ("Thread", "join"), ("Dict", "update")),
    *(("Dict", "copy"), ("Decoder", "raw_decode")),
    *(("Builtin", "update"), ("Builtin", "system"), ("Builtin", "call"), ("Builtin", "bound"), ("Builtin", "fromkeys")),
    *(("Meta", "run"), ("Meta", "mro"), ("Meta", "anything"), ("Asked", "run"), ("Asked", "__getattr__")),
    *(("Wrapped", "cached"), ("Wrapped", "partial"), ("Wrapped", "partial_method")),
    *(("Wrapped", "once"), ("Wrapped", "single")),
    *(("Wrapped", "of_static"), ("Wrapped", "slot"), ("Outer", "Inner")),
    *(("Outer", "Inner.run"), ("Outer.Inner", "run")),
    *(("Shadowed", "run"), ("Hidden", "run"), ("Package", "run"), ("Package.__init__", "run"), ("_private.Kt", "run")),
    *(("Folder.py.Kt", "run"), ("Folder.Kt", "run"), ("_Hidden", "run")),
    *(("__main__", "run"), ("Dot", "run"), (".Dot", "run")),
    *(("Two.Dots", "run"), ("Two", "run"), ("Dash-name", "run"), ("1st", "run"), ("größe", "run"), ("Upper", "run")),
    *(("Compiled", "run"), ("Extension", "run"), ("Archive", "run")),
    *(("Archive.zip", "run"), ("Text", "run"), ("good", "run")),
]  # fmt: skip

Maker = Callable[[dict[str, str]], Registry]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Return a function that writes files into a new package and returns its registry."""
    package = f"made_{abs(hash(request.node.nodeid))}"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(files: dict[str, str]) -> Registry:
        for name, text in files.items():
            path = tmp_path / package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Registry([package])

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


@pytest.mark.parametrize(("mod", "method"), REFUSED, ids=[f"{mod}-{method}" for mod, method in REFUSED])
def test_what_an_author_may_write_by_mistake_or_malice_is_refused(mod: str, method: str, made: Maker) -> None:
    registry = made(FILES)
    if mod in registry.modules:  # importing what is registered is no escape
        with pytest.raises(UnknownProcedure):
            registry.find(mod, "")
    assert stage.happened == []
    refuse(registry, mod, method)


def test_only_python_files_with_plain_names_are_modules(made: Maker) -> None:
    assert set(made(FILES).modules) == {
        *("Asked", "Builtin", "Decoder", "Dict", "Function", "Good", "Hidden"),
        *("JSONDecoder", "Lazy", "Meta", "Object", "Outer"),
        *("Popen", "Renamed", "Shadowed", "Thread", "Wrapped", "run", "Package.Inside"),
    }  # fmt: skip


DID = "return {'did': 'run'}\n"
RUN = f"    def run(self, context, params): {DID}"
DECORATED = """
import functools
def decorator(function):
    @functools.wraps(function)
    def inner(self, context, params):
        return function(self, context, params)
    return inner
"""

ALLOWED = {
    "a plain method": f"class Good:\n{RUN}",
    "other names of arguments": f"class Good:\n    def run(self, c, cfg): {DID}",
    "any arguments": f"class Good:\n    def run(self, *args, **kwargs): {DID}",
    "more arguments with defaults": f"class Good:\n    def run(self, c, p, more=1, *, most=2): {DID}",
    "positional only": f"class Good:\n    def run(self, c, p, /): {DID}",
    "a lambda in the class": "class Good:\n    run = lambda self, c, p: {'did': 'run'}\n",
    "a function of the module": f"def do(self, c, p): {DID}class Good:\n    run = do\n",
    "a base of the same module": f"class Base:\n{RUN}class Good(Base): pass\n",
    "a decorator": f"{DECORATED}class Good:\n    @decorator\n{RUN}",
    "a metaclass": f"import abc\nclass Good(abc.ABC):\n{RUN}",
    "slots": f"class Good:\n    __slots__ = ('logger',)\n{RUN}",
    "an outside base": f"import threading\nclass Good(threading.Thread):\n{RUN}",
}


@pytest.mark.parametrize("text", ALLOWED.values(), ids=ALLOWED.keys())
def test_a_plain_function_of_the_class_or_of_a_registered_base_is_found(text: str, made: Maker) -> None:
    procedure = made({"Good.py": text}).find("Good", "run")
    assert (procedure.mod, procedure.method, procedure.owner.__name__) == ("Good", "run", "Good")
    assert procedure.function(None, {}, {}) == {"did": "run"}
    assert procedure.logger.name == procedure.owner.__module__


def test_a_base_class_from_another_registered_module_is_found(made: Maker) -> None:
    registry = made({"base/Base.py": f"class Base:\n{RUN}", "Good.py": ""})
    good = f"from {registry.packages[0]}.base.Base import Base\nclass Good(Base): pass\n"
    registry = made({"Good.py": good})
    assert registry.find("Good", "run").function(None, {}, {}) == {"did": "run"}


def test_a_folder_without_init_holds_modules_too(made: Maker) -> None:
    assert (
        made({"sub/folder/Good.py": ALLOWED["a plain method"]}).find("sub.folder.Good", "run").mod == "sub.folder.Good"
    )


def test_the_first_package_wins_where_two_hold_one_name(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = made({"common/Kt.py": "class Kt:\n    def own(self, c, p): return {}\n"}).packages
    assert list(Registry([first, "tests.engine.procs"]).methods("common.Kt")) == ["own"]
    assert list(Registry(["tests.engine.procs", first]).methods("common.Kt")) == ["prt", "echo"]


@pytest.mark.parametrize(
    "package", ["nowhere_at_all", "nowhere.at.all", "os", "tests.engine.stage", "", ".", "\0", "a b"]
)
def test_a_package_that_is_none_holds_no_module(package: str) -> None:
    assert Registry([package]).modules == {}


BROKEN = {
    "a syntax error": ("class Bad(:\n", "SyntaxError: "),
    "wrong indentation": ("class Bad:\nx = 1\n", "IndentationError: "),
    "a NUL in the source": ("x = 1\0\n", ": "),
    "an import that fails": (
        "import a_module_that_nobody_has\n",
        "ModuleNotFoundError: No module named 'a_module_that_nobody_has'",
    ),
    "a name that is missing": (
        "from os import nothing_like_this\n",
        "ImportError: cannot import name 'nothing_like_this'",
    ),
    "sys.exit": ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    "a generator exit": ("raise GeneratorExit\n", "GeneratorExit"),
    "recursion without end": ("def f(): f()\nf()\n", "RecursionError: maximum recursion depth exceeded"),
    "no memory": ("raise MemoryError('all gone')\n", "MemoryError: all gone"),
    "an error that cannot be shown": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
        "E: (its text cannot be shown: ValueError)",
    ),
    "an error with control characters": (
        "raise ValueError('a\\x1b[31m\\nb\\u202e')\n",
        r"ValueError: a\x1b[31m\nb\u202e",
    ),
    "an error of a megabyte": ("raise ValueError('x' * 1_000_000)\n", "ValueError: xxx"),
    "an error of its own kind": ("class Stop(BaseException): pass\nraise Stop('now')\n", "Stop: now"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_a_module_that_cannot_be_imported_is_reported_and_spoils_no_other(text: str, message: str, made: Maker) -> None:
    registry = made({"Bad.py": text, "Good.py": ALLOWED["a plain method"]})
    flow = document(step(mod="Bad", method="run"), step(name="b", mod="Good", method="run"), step(name="c", mod="Bad"))
    first, second = (finding.message for finding in check(flow, registry).findings)
    assert first.startswith('module "Bad" cannot be imported: ')
    assert message in first
    assert first == second
    assert first.isprintable()
    assert len(first) < 1100
    assert check(document(step(mod="Good", method="run")), registry).findings == ()


def test_a_module_that_cannot_be_imported_is_tried_once(made: Maker) -> None:
    registry = made({"Bad.py": HEAD + "trace('tried')\nraise ValueError\n"})
    for _ in range(3):
        with pytest.raises(UnknownProcedure):
            registry.find("Bad", "run")
    assert stage.happened == ["tried"]


def test_an_import_that_the_user_interrupts_is_tried_again(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = made(
        {"Good.py": "import os\nif 'INTERRUPTED' in os.environ: raise KeyboardInterrupt\n" + f"class Good:\n{RUN}"}
    )
    monkeypatch.setenv("INTERRUPTED", "yes")
    with pytest.raises(KeyboardInterrupt):
        registry.find("Good", "run")
    monkeypatch.delenv("INTERRUPTED")
    assert registry.find("Good", "run").method == "run"


def test_a_folder_that_cannot_be_read_holds_nothing(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = made({"Good.py": ALLOWED["a plain method"], "below/Hidden.py": ALLOWED["a plain method"]})
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("below"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert set(registry.modules) == {"Good"}


SLOW = HEAD + "import time\ntrace('imported')\ntime.sleep(0.05)\nclass Slow:\n" + PROCEDURE


def test_threads_that_ask_at_once_get_one_answer_and_one_import(made: Maker) -> None:
    registry = made({"Slow.py": SLOW})
    together = threading.Barrier(16)

    def ask(_: int) -> Any:
        together.wait()
        return registry.find("Slow", "run")

    with ThreadPoolExecutor(16) as pool:
        first, *others = pool.map(ask, range(16))
    assert [answer == first for answer in others] == [True] * 15
    assert stage.happened == ["imported"]


def test_threads_that_ask_at_once_get_one_refusal(made: Maker) -> None:
    registry = made({"Slow.py": SLOW + "raise ValueError('always')\n"})
    together = threading.Barrier(16)

    def ask(_: int) -> str:
        together.wait()
        return str(check(document(step(mod="Slow", method="run")), registry).findings[0].message)

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(ask, range(16)))
    assert answers == {'module "Slow" cannot be imported: ValueError: always'}
    assert stage.happened == ["imported"]


def test_a_thread_never_sees_a_registry_that_is_still_being_read(made: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = made({"Good.py": ALLOWED["a plain method"]})
    reading, go_on, scandir = threading.Event(), threading.Event(), os.scandir

    def slow_scandir(path: Any) -> Any:
        reading.set()
        go_on.wait(10)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", slow_scandir)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: dict(registry.modules))
        assert reading.wait(10)
        second = pool.submit(lambda: dict(registry.modules))
        threading.Timer(0.2, go_on.set).start()
        assert second.result() == first.result()


def test_a_linked_file_is_a_module_of_the_package_like_any_other(made: Maker, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text(f"class Linked:\n{RUN}")
    registry = made({"Good.py": ALLOWED["a plain method"]})
    (tmp_path / registry.packages[0] / "Linked.py").symlink_to(elsewhere)
    (tmp_path / registry.packages[0] / "Gone.py").symlink_to(tmp_path / "gone.py")
    assert set(registry.modules) == {"Good", "Linked"}
    assert registry.find("Linked", "run").owner.__module__ == f"{registry.packages[0]}.Linked"
    assert "elsewhere" not in sys.modules


def test_a_link_to_a_folder_above_does_not_break_the_registry(made: Maker, tmp_path: Path) -> None:
    registry = made({"Good.py": ALLOWED["a plain method"]})
    (tmp_path / registry.packages[0] / "again").symlink_to(tmp_path / registry.packages[0])
    assert set(registry.modules) == {"Good"}


def test_a_decorator_that_adds_an_argument_is_asked_for_its_own_arguments(made: Maker) -> None:
    text = (
        "import functools\ndef with_session(f):\n    @functools.wraps(f)\n"
        "    def inner(self, context, params): return f(self, context, params, 'session')\n    return inner\n"
        "class Good:\n    @with_session\n    def run(self, context, params, session): return {'did': 'run'}\n"
    )
    assert made({"Good.py": text}).find("Good", "run").function(None, {}, {}) == {"did": "run"}


@pytest.mark.parametrize("mod", ["Shadowed", "Hidden"])
def test_methods_and_find_agree_where_a_class_hides_a_method_of_its_base(mod: str, made: Maker) -> None:
    assert "run" not in made(FILES).methods(mod)


LEAKS = {
    "a class whose __module__ is a number": f"class Bad:\n    __module__ = 5\n{RUN}",
    "a base whose __module__ is a number": "class Base:\n    __module__ = 5\n"
    f"class Bad(Base):\n    __module__ = __name__\n{RUN}",
    "a module that puts a number in its place": "import sys\nsys.modules[__name__] = 5\n",
    "a function that wraps itself": f"class Bad:\n{RUN}    run.__wrapped__ = run\n",
}


@pytest.mark.parametrize("text", LEAKS.values(), ids=LEAKS.keys())
def test_a_strange_module_is_found_or_refused_but_never_raises_out_of_check(text: str, made: Maker) -> None:
    report = check(document(step(mod="Bad", method="run")), made({"Bad.py": text}))
    assert (report.definition is None) == bool(report.findings)


def test_an_instance_with_the_name_of_the_module_is_not_touched(made: Maker) -> None:
    text = (
        HEAD
        + "class Lazy:\n    @property\n    def __class__(self):\n        trace('evaluated')\n        return dict\n"
        + "Bad = Lazy()\n"
    )
    with pytest.raises(UnknownProcedure):
        made({"Bad.py": text}).find("Bad", "run")
    assert stage.happened == []


def test_a_metaclass_is_not_asked(made: Maker) -> None:
    text = (
        HEAD + "class Type(type):\n    def __getattribute__(cls, name):\n        trace(name)\n"
        "        return type.__getattribute__(cls, name)\nclass Bad(metaclass=Type):\n    pass\n"
    )
    registry = made({"Bad.py": text})
    with pytest.raises(UnknownProcedure):
        registry.find("Bad", "run")
    assert stage.happened == []
