"""The site as it is served in production: by the command of the unit in deploy/, with its own style sheets."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import ROOT
from tests.environment import site_environment
from tests.servers import free_ports, listens

pytestmark = pytest.mark.no_database

_SECONDS_TO_START = 30.0


def test_the_unit_serves_the_admin_and_its_style_sheets_under_names_that_last(tmp_path: Path) -> None:
    if missing := needs.missing_for_serving():
        needs.skip(missing)
    folder = copy_of_the_site(tmp_path / "site")
    environment = {**os.environ, **site_environment(tmp_path), "SERVE_STATIC": "on", "HTTPS": "on"}
    collect = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(collect, cwd=folder, env=environment, check=True)

    with served(folder, environment) as port:
        page, text = get(port, "/admin/login/")
        styles = re.findall(r'href="(/static/[^"]+[.]css)"', text)
        answers = [get(port, path)[0] for path in styles]
        elsewhere, _ = get(port, "/admin/login/", host="elsewhere.example")
        encrypted, _ = get(port, "/admin/login/", scheme="https")

    assert (page.status, elsewhere.status) == (200, 400)
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert all(re.search(r"[.][0-9a-f]{12}[.]css$", path) for path in styles)
    assert {(answer.status, answer.headers["Cache-Control"]) for answer in answers} == {
        (200, "max-age=315360000, public, immutable")
    }
    assert "Strict-Transport-Security" not in page.headers
    assert encrypted.headers["Strict-Transport-Security"] == "max-age=2592000"
    assert "; Secure" in encrypted.headers["Set-Cookie"]


def test_a_site_without_the_package_is_told_how_to_get_it(tmp_path: Path) -> None:
    hide = (
        "import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: n != 'whitenoise' and find(n) or None;"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{hide} import wfsite.settings"],
        cwd=ROOT, env={**os.environ, **site_environment(tmp_path), "SERVE_STATIC": "on"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "SERVE_STATIC=on needs a package that is missing: pip install -r requirements-web.txt" in done.stderr


def copy_of_the_site(folder: Path) -> Path:
    """Make a site whose static files do not land in the checkout."""
    shutil.copytree(ROOT / "wfsite", folder / "wfsite")
    shutil.copy(ROOT / "manage.py", folder)
    for name in ("flows", "templates", "procedures"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@contextmanager
def served(folder: Path, environment: dict[str, str]) -> Iterator[int]:
    """Run the command of the unit with this Python, on a port of its own, and stop it as systemd does."""
    unit = (ROOT / "deploy" / "wfsite-web.service").read_text(encoding="utf-8")
    _, *arguments = shlex.split(unit.partition("\nExecStart=")[2].partition("\n")[0])
    [port] = free_ports(1)
    arguments[arguments.index("--bind") + 1] = f"127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "gunicorn", *arguments], cwd=folder, env=environment)
    try:
        give_up = time.monotonic() + _SECONDS_TO_START
        while not listens(port):
            assert process.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
    assert process.wait(40) == 0


def get(port: int, path: str, host: str = "localhost", scheme: str = "http") -> tuple[HTTPResponse, str]:
    """Ask as a proxy does for somebody who came by this scheme."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host, "X-Forwarded-Proto": scheme})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response, text
