"""The engine is plain Python: it imports the standard library and itself, and runs without Django."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "flows" / "engine").rglob("*.py"))

LOADED = """
import sys
before = set(sys.modules)
{code}
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""
SIX_LINES = """
from flows.engine import Registry, parse, run
registry = Registry(["tests.engine.procs"])
text = '{"procedures": [{"name": "a", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}}]}'
assert run(parse(text, registry)) == {"a": {"msg": "hello"}}
"""


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter loads for this code."""
    command = [sys.executable, "-c", LOADED.format(code=code)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("code", "own"), [("import flows.engine", {"flows"}), (SIX_LINES, {"flows", "tests"})], ids=["import", "run"]
)
def test_the_engine_loads_only_the_standard_library_and_itself(code: str, own: set[str]) -> None:
    loaded = loaded_by(code)
    assert own <= loaded
    assert loaded - own - set(sys.stdlib_module_names) == set()


def imported_by(path: Path) -> Iterator[str]:
    """Yield the full name of each module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_of_the_engine_names_only_the_standard_library_and_the_engine(path: Path) -> None:
    names = set(imported_by(path))
    outside = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert {name for name in outside if not name.startswith("flows.engine")} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_engine_evaluates_no_text_and_imports_by_name_in_one_place_only(path: Path) -> None:
    assert not {"pickle", "marshal", "shelve", "subprocess", "runpy", "code"} & set(imported_by(path))
    called = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not {"eval", "exec", "compile", "__import__"} & called
    assert path.stem == "procedures" or not any(name.startswith("importlib") for name in imported_by(path))


def test_these_are_all_files_of_the_engine() -> None:
    assert {"checker", "document", "procedures", "references", "runner", "values"} <= {path.stem for path in FILES}
