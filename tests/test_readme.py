"""What the README and the tutorial tell their reader to do works, and what they link to is there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flows.engine
from tests.conftest import ROOT, RUN_MANAGE

README = (ROOT / "README.md").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial" / "first-flow.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.no_database


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_five_lines_run_the_sample_without_django() -> None:
    lines = next(block for block in blocks(README, "python") if "Registry" in block)
    code = f"{lines}\nimport sys\nassert not [name for name in sys.modules if name.startswith('django')]"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout == "{'step1': {'msg': 'hello'}, 'step2': {'msg': 'hello'}}\n", done.stderr


def test_the_smallest_flow_is_the_sample() -> None:
    shown = next(block for block in blocks(README, "json"))

    assert json.loads(shown) == json.loads((ROOT / "samples" / "hello.json").read_text())


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))], ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]

    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]

    assert missing == []


def test_every_public_name_of_the_engine_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "engine.md").read_text(encoding="utf-8")

    assert [name for name in flows.engine.__all__ if not re.search(rf"\b{name}\b", page)] == []


def test_the_tutorial_works_as_it_is_told(manage: RUN_MANAGE, tmp_path: Path) -> None:
    package = tmp_path / "tutorial" / "shop"
    package.mkdir(parents=True)
    (package / "Prices.py").write_text(blocks(TUTORIAL, "python")[0])
    document = tmp_path / "raise-prices.json"
    document.write_text(blocks(TUTORIAL, "json")[0])
    environment = {"PYTHONPATH": str(tmp_path), "FLOWS_PROCEDURE_PACKAGES": "procedures,tutorial"}
    assert manage("createtables").returncode == 0

    wrong = tmp_path / "wrong" / "raise-prices.json"
    wrong.parent.mkdir()
    wrong.write_text(document.read_text().replace('{"msg": "@raise.total"}', '{"msg": "@raise.totl"}'))
    refused = manage("importflows", str(wrong), **environment)
    imported = manage("importflows", str(document), "--enable", **environment)
    ran = manage("runflow", "raise-prices", "--input", "percent=10", **environment)
    too_much = manage("runflow", "raise-prices", "--input", "percent=80", **environment)

    told = next(line for line in TUTORIAL.splitlines() if line.startswith("raise-prices.json: /procedures"))
    assert refused.returncode == 2
    assert refused.stderr.strip().endswith(told)
    assert (imported.returncode, ran.returncode) == (0, 0), imported.stderr + ran.stderr
    assert (too_much.returncode, too_much.stderr) == (
        2,
        "CommandError: input percent: 80 is more than the maximum 50\n",
    )
