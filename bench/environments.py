"""The environments of the peers: one each, made on demand below bench/.envs, never the product's."""

import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / "bench" / ".envs"

PEERS = {
    "pypyr": "pypyr>=5.9",
    "burr": "burr>=0.40",
    "celery": "celery>=5.5",
    "luigi": "luigi>=3.6",
    "spiff": "SpiffWorkflow>=3.1",
    "redun": "redun>=0.30",
    "dbos": "dbos>=2",
    "jsonschema": "jsonschema>=4.23",
    "django_db_logger": "django-db-logger>=0.1.13",
}
"""What is installed for a peer, by the name of its module in bench/peers."""


class Missing(Exception):
    """A peer that cannot take part; the text says why, without paths or addresses."""


def python_of(peer: str) -> Path:
    """Return the Python of a peer's environment, which is made where it is missing; raises `Missing`."""
    folder = ENVIRONMENTS / f"{peer}-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    ready = folder / ".ready"
    if not ready.exists():
        print(f"{peer}: installing {PEERS[peer]} into {folder.relative_to(ROOT)}", file=sys.stderr, flush=True)
        venv.create(folder, clear=True, with_pip=True)
        _install(python, PEERS[peer])
        ready.touch()
    return python


def _install(python: Path, requirement: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise Missing(f"pip could not install {requirement}")


def quiet_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a contestant's process: nothing of the caller's, no home, no telemetry."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "BURR_TELEMETRY_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
