"""The catalogue says of each procedure what its author wrote: words, types, and where."""

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.engine import Registry
from flows.engine.catalogue import Catalogue, Entry, _author_code, catalogue
from flows.engine.types import INTEGER, OBJECT, STRING
from tests.engine import stage

BASE = '''
from __future__ import annotations
import functools
from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

class In(TypedDict):
    path: str
    rows: NotRequired[int]

class Out(TypedDict):
    count: int

class Base:
    def __init__(self, logger):
        self.logger = logger

    def inherited(self, context, params: In) -> Out:
        """Be inherited."""
        return {"count": 1}

    def hidden(self, context, params):
        """Be hidden by the class below."""
        return {}
'''

DECORATED = '''
def traced(function):
    @functools.wraps(function)
    def wrapper(self, context, params):
        return function(self, context, params)
    return wrapper

class Partial:
    __doc__ = "Not the procedure's own."
    def __call__(self, *arguments):
        return {}

def odd(function):
    def wrapper(self, context, params):
        return {}
    wrapper.__wrapped__ = Partial()
    wrapper.__doc__ = 7
    return wrapper

class Table(Base):
    hidden = None

    def load(self, context: dict[str, Any], params: In) -> Out:
        """Read a table
        from a file.

        It may be large.

        Params: `path`, where it is; `rows`, how many
        to read.

        Result: `count` of rows.

        Raises `OSError` where it is not there.

        Params: a title that comes again goes on.
        """
        return {"count": 1}

    @traced
    def decorated(self, context, params: In) -> Out:
        """Be decorated."""
        return {"count": 1}

    @odd
    def odd(self, context, params):
        return {}

    def silent(self, context, params):
        return {}
'''


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    """The catalogue of a package with one module in a folder, its base in another, and two that are broken."""
    files = {
        "base.py": BASE,
        "shop/Table.py": "from made_catalogue.base import *\nfrom made_catalogue.base import functools\n" + DECORATED,
        "Broken.py": "import nowhere_at_all\n",
        "Exits.py": "raise SystemExit(3)\n",
        "_helper.py": "raise RuntimeError\n",
    }
    for name, text in files.items():
        path = tmp_path / "made_catalogue" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield catalogue(Registry(["made_catalogue"]))
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_catalogue"]:
        del sys.modules[name]


def entry(made: Catalogue, method: str) -> Entry:
    (found,) = (one for one in made.entries if one.method == method)
    return found


def test_every_procedure_that_a_flow_may_call_is_listed_and_nothing_else(made: Catalogue) -> None:
    assert [(one.mod, one.method) for one in made.entries] == [
        ("shop.Table", method) for method in ("inherited", "load", "decorated", "odd", "silent")
    ]


def test_a_broken_module_is_reported_and_spoils_no_other(made: Catalogue) -> None:
    assert made.broken == {
        "Broken": "module \"Broken\" cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'",
        "Exits": 'module "Exits" cannot be imported: SystemExit: 3',
        "base": 'module "base" has no class "base"; the class bears the module\'s name',
    }


def test_a_docstring_is_told_as_summary_description_and_titled_sections(made: Catalogue) -> None:
    load = entry(made, "load")
    assert load.summary == "Read a table from a file."
    assert load.description == "It may be large."
    assert load.sections == {
        "Params": "`path`, where it is; `rows`, how many\nto read.\n\na title that comes again goes on.",
        "Result": "`count` of rows.\n\nRaises `OSError` where it is not there.",
    }


@pytest.mark.parametrize("method", ["silent", "odd"])
def test_a_procedure_without_a_docstring_has_no_summary(method: str, made: Catalogue) -> None:
    found = entry(made, method)
    assert (found.summary, found.description, found.sections) == ("", "", {})
    assert (found.accepts, found.returns, found.parameters) == (OBJECT, OBJECT, ())


@pytest.mark.parametrize("method", ["load", "decorated", "inherited"])
def test_declared_types_are_told_key_by_key(method: str, made: Catalogue) -> None:
    found = entry(made, method)
    assert [(one.name, one.type, one.required) for one in found.parameters] == [
        ("path", STRING, True),
        ("rows", INTEGER, False),
    ]
    assert found.as_data()["params"] == [
        {"name": "path", "type": "string", "required": True},
        {"name": "rows", "type": "integer", "required": False},
    ]
    assert found.as_data()["result"] == [{"name": "count", "type": "integer", "certain": True}]


@pytest.mark.parametrize(
    ("method", "file", "line"),
    [
        ("load", "Table.py", "    def load("),
        ("decorated", "Table.py", "    @traced"),
        ("inherited", "base.py", "    def inherited("),
        ("odd", "Table.py", "    def wrapper("),
    ],
)
def test_it_says_where_a_procedure_is_defined_also_if_inherited_or_decorated(
    method: str, file: str, line: str, made: Catalogue
) -> None:
    found = entry(made, method)
    assert Path(found.file).name == file
    assert Path(found.file).read_text(encoding="utf-8").split("\n")[found.line - 1].startswith(line)


def test_the_sample_procedures_are_listed_without_being_called() -> None:
    found = catalogue(stage.REGISTRY)
    assert [(one.mod, one.method) for one in found.entries] == [
        *(("common.Kt", "prt"), ("common.Kt", "echo"), ("common.Odd", "fine"), ("common.Play", "act"))
    ]
    assert set(found.broken) == {"common.Broken", "common.Foreign", "common.NoClass"}
    assert stage.happened == []


def test_a_wrapper_of_a_wrapper_leads_to_what_its_author_wrote() -> None:
    def traced(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def wrapper(*arguments: int) -> int:
            return function(*arguments)

        return wrapper

    @traced
    @traced
    def inner() -> int:
        return 1

    assert _author_code(inner).co_name == "inner"


def test_a_function_that_wraps_itself_is_what_it_is() -> None:
    def looped() -> None: ...

    looped.__wrapped__ = looped  # type: ignore[attr-defined]
    assert _author_code(looped).co_name == "looped"
