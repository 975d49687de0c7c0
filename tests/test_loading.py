"""What a command loads: the pages of the admin are for the pages alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.environment import site_environment

pytestmark = pytest.mark.no_database

ADMIN = "print('flows.admin' in sys.modules)"
COMMAND = f"import sys, django; django.setup(); import flows.management.commands.runflow; {ADMIN}"
CHECKS = (
    f"import sys, django; django.setup(); from django.core import checks; checks.run_checks(tags=['admin']); {ADMIN}"
)
PAGES = f"import sys, django; django.setup(); import wfsite.urls; {ADMIN}"


@pytest.mark.parametrize(
    ("code", "loads"), [(COMMAND, "False"), (CHECKS, "True"), (PAGES, "True")], ids=["runflow", "checks", "pages"]
)
def test_the_pages_of_the_admin_are_loaded_for_the_site_and_its_checks_only(
    tmp_path: Path, code: str, loads: str
) -> None:
    environment = {**os.environ, **site_environment(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loads


def test_a_command_collects_garbage_and_passes_over_what_was_loaded(tmp_path: Path) -> None:
    code = "import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code],
        cwd=ROOT, env={**os.environ, **site_environment(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "True True"
