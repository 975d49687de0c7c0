"""A deploy whose code breaks a stored, enabled flow is told which flow, and where in it."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests import commands
from tests.conftest import RUN_MANAGE
from tests.environment import site_environment
from tests.servers import MariaDB

pytestmark = pytest.mark.no_database

PROCEDURES = '''
from typing import TypedDict
class In(TypedDict):
    path: str
class Out(TypedDict):
    rows: int
class Table:
    def __init__(self, logger):
        self.logger = logger
    def load(self, context, params: In) -> Out:
        """Load a table."""
        return {"rows": 1}
    def show(self, context, params):
        """Show anything."""
        return {}
'''
LOAD = {"name": "load", "mod": "shop.Table", "method": "load", "params": {"path": "x"}}
SHOW = {"name": "show", "mod": "shop.Table", "method": "show", "params": {"n": "@load.rows", "all": "@load"}}

Manage = Callable[..., CompletedProcess[str]]


class Site:
    """A site of the test: its procedures, its stored flows, and a way to call manage.py."""

    def __init__(self, folder: Path, manage: RUN_MANAGE) -> None:
        self.folder = folder
        self.run_manage = manage
        self.module = folder / "code" / "drifting" / "shop" / "Table.py"
        self.module.parent.mkdir(parents=True)
        self.write(PROCEDURES)

    def write(self, text: str) -> None:
        self.module.write_text(text, encoding="utf-8")

    def manage(self, *arguments: str, **environment: str) -> CompletedProcess[str]:
        code = {"PYTHONPATH": str(self.folder / "code"), "PYTHONDONTWRITEBYTECODE": "1"}
        return self.run_manage(*arguments, **{"FLOWS_PROCEDURE_PACKAGES": "drifting"} | code | environment)

    def store(self, name: str, *steps: dict[str, Any], enabled: int = 1, deleted: int = 0) -> None:
        document = json.dumps({"procedures": steps})
        with sqlite3.connect(self.folder / "site.sqlite3") as connection:
            connection.execute(
                "INSERT INTO wf_flow (flow_name, flow_json, enabled, deleted, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, '2025-01-01 00:00:00', '2025-01-01 00:00:00')",
                (name, document, enabled, deleted),
            )
        connection.close()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with the two tables."""
    folder = tmp_path_factory.mktemp("tables")
    made = commands.run("createtables", environment={**os.environ, **site_environment(folder)})
    assert made.returncode == 0, made.stderr
    return folder / "site.sqlite3"


@pytest.fixture
def site(tmp_path: Path, tables: Path, manage: RUN_MANAGE) -> Site:
    """A site with the old tables, and one enabled flow that loads and shows."""
    shutil.copy(tables, tmp_path / tables.name)
    site = Site(tmp_path, manage)
    site.store("nightly", LOAD, SHOW)
    return site


def test_a_site_whose_flows_fit_the_code_has_nothing_to_say(site: Site) -> None:
    done = site.manage("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (0 silenced).\n"


def test_a_renamed_method_is_told_with_the_flows_and_the_pointers_that_break(site: Site) -> None:
    site.store("weekly", SHOW | {"params": {}}, LOAD | {"name": "again"}, LOAD)
    site.store("disabled", LOAD, enabled=0)
    site.store("deleted", LOAD, deleted=1)
    site.store("untouched", SHOW | {"params": {}})
    site.write(PROCEDURES.replace("def load", "def loaded"))

    checked = site.manage("check")
    assert checked.returncode == 0
    assert '(flows.W002) The enabled flow "nightly" cannot run:\n\t/procedures/0/method: "load" is no' in checked.stderr
    assert 'Did you mean "loaded"?' in checked.stderr
    assert '"weekly" cannot run:\n\t/procedures/1/method' in checked.stderr
    assert "\n\t/procedures/2/method" in checked.stderr
    assert not any(name in checked.stderr for name in ("disabled", "deleted", "untouched", "Traceback"))

    flows = site.manage("checkflows")
    assert flows.returncode == 2
    lines = flows.stdout.splitlines()
    broken = sorted(line.split(" ")[0] + line.split(" ")[1] for line in lines if '"load" is no method' in line)
    assert broken == [
        "disabled:/procedures/0/method:",
        "nightly:/procedures/0/method:",
        "weekly:/procedures/1/method:",
        "weekly:/procedures/2/method:",
    ]
    assert any(line.startswith("untouched: valid") for line in lines)
    assert "3 of 4 flows are invalid." in flows.stderr
    assert "Traceback" not in flows.stderr


@pytest.mark.parametrize(
    ("old", "new", "pointer", "message"),
    [
        ("rows: int", "count: int", "/procedures/1/params/n", '"@load" is Out and has no key "rows"'),
        ("path: str", "file: str", "/procedures/0/params", 'the key "file" is missing; it is a string'),
        ("path: str", "path: int", "/procedures/0/params/path", "this is a text; an integer is needed here"),
        ("class Table", "class Tables", "/procedures/0/", 'module "shop.Table" has no class "Table"'),
        ("from typing", "import gone\nfrom typing", "/procedures/0/", "No module named 'gone'"),
    ],
)
def test_whatever_no_longer_fits_is_told_with_its_place(
    old: str, new: str, pointer: str, message: str, site: Site
) -> None:
    site.write(PROCEDURES.replace(old, new))
    done = site.manage("check", "--fail-level", "WARNING")
    assert f"\n\t{pointer}" in done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    # So a pipeline can stop the deploy.
    assert done.returncode == 1


def test_checkflows_json_tells_every_verdict(site: Site) -> None:
    done = site.manage("checkflows", "--json", "nightly")
    assert json.loads(done.stdout) == {
        "flows": [
            {
                "flow": "nightly",
                "valid": True,
                "findings": [],
                "hints": [],
                "verdicts": [
                    {"pointer": "/procedures/1/params/n", "reference": "@load.rows", "verdict": "proved", "reason": ""},
                    {"pointer": "/procedures/1/params/all", "reference": "@load", "verdict": "proved", "reason": ""},
                ],
            }
        ]
    }
    site.write(PROCEDURES.replace("rows: int", "count: int").replace("-> Out", "-> dict"))
    (flow,) = json.loads(site.manage("checkflows", "--json", "nightly").stdout)["flows"]
    assert flow["verdicts"][0]["verdict"] == "assumed"
    assert flow["verdicts"][0]["reason"] == "the step does not declare what it returns"
    site.write(PROCEDURES.replace("rows: int", "count: int"))
    done = site.manage("checkflows", "--json", "nightly")
    (flow,) = json.loads(done.stdout)["flows"]
    assert done.returncode == 2
    assert (flow["valid"], flow["verdicts"][0]["verdict"]) == (False, "wrong")
    assert flow["findings"][0]["pointer"] == "/procedures/1/params/n"


def test_many_broken_flows_do_not_flood_the_screen(site: Site) -> None:
    for number in range(25):
        site.store(f"flow{number}", LOAD)
    site.write(PROCEDURES.replace("def load", "def load_table"))
    done = site.manage("check")
    assert done.stderr.count("cannot run:") == 20
    assert "More enabled flows cannot run than are named here." in done.stderr


def test_a_package_that_is_not_there_is_an_error(site: Site) -> None:
    names = ("nowhere", "json.decoder", "nowhere.deeper", "drifting.shop.Table.deeper", ".")
    done = site.manage("check", FLOWS_PROCEDURE_PACKAGES=",".join(("drifting", *names)))
    assert done.returncode == 1
    assert done.stderr.count("flows.E001") == len(names)
    assert all(f'names "{name}", which is no package' in done.stderr for name in names)
    assert "Traceback" not in done.stderr


def test_a_package_whose_parent_fails_at_import_is_an_error_too(site: Site) -> None:
    parent = site.folder / "code" / "failing"
    (parent / "inner").mkdir(parents=True)
    (parent / "__init__.py").write_text("1 / 0\n", encoding="utf-8")
    done = site.manage("check", FLOWS_PROCEDURE_PACKAGES="drifting,failing.inner")
    assert '(flows.E001) FLOWS_PROCEDURE_PACKAGES names "failing.inner", which is no package.' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_module_that_no_flow_calls_is_told_at_a_deploy_only(site: Site) -> None:
    (site.module.parent / "Broken.py").write_text("import gone\n", encoding="utf-8")
    assert site.manage("check").stderr == ""
    done = site.manage("check", "--deploy")
    assert "(flows.W001) module \"shop.Broken\" cannot be imported: ModuleNotFoundError: No module named 'gone'" in (
        done.stderr
    )


def test_a_check_imports_only_the_procedures_that_enabled_flows_name(site: Site) -> None:
    for name in ("Named", "Unnamed"):
        text = PROCEDURES.replace("class Table", f"class {name}") + f"\nprint('imported {name}')\n"
        (site.module.parent / f"{name}.py").write_text(text, encoding="utf-8")
    site.store("named", LOAD | {"mod": "shop.Named"})
    site.store("off", LOAD | {"mod": "shop.Unnamed"}, enabled=0)
    assert site.manage("check").stdout.startswith("imported Named\n")
    assert "imported" not in site.manage("check", "auth").stdout


def test_a_missing_table_or_an_unreachable_database_does_not_make_check_fail(
    tmp_path: Path, manage: RUN_MANAGE
) -> None:
    folder = tmp_path / "is-a-folder"
    folder.mkdir()
    for url in (f"sqlite:///{tmp_path / 'empty.sqlite3'}", f"sqlite:///{folder}", "mysql://nobody@127.0.0.1:1/none"):
        done = manage("check", DATABASE_URL=url)
        assert (done.returncode, done.stderr) == (0, ""), url


# --- the clock of the server -----------------------------------------------------------------------------------------


def test_a_server_in_another_time_zone_is_told(mariadb_server: MariaDB, manage: RUN_MANAGE) -> None:
    mariadb_server.create_database("drift_clock")
    url = mariadb_server.url("drift_clock")
    right = manage("check", "--database", "default", DATABASE_URL=url)
    assert "flows.W003" not in right.stderr
    assert right.returncode == 0
    wrong = manage("check", "--database", "default", DATABASE_URL=url, DB_TIME_ZONE="America/New_York")
    assert "(flows.W003) The clock of the database says " in wrong.stderr
    assert "that of DB_TIME_ZONE=America/New_York says " in wrong.stderr
    # Only those who ask for the database are told.
    assert manage("check", DATABASE_URL=url, DB_TIME_ZONE="America/New_York").stderr == ""
