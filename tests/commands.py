"""The `manage.py` processes of the tests: forks of one parent that has Django's modules loaded, and none of the site.

Each command is a process from its first line to its exit code, and what it does at its end is done. Only Django, half
of what a start takes, is not loaded again for each of hundreds. What a start loads is tested without this.

As a program it is the parent: it reads one JSON object a line, and answers with the exit code of the command.
"""

import atexit
import faulthandler
import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADED = (
    "django.contrib.admin.views.main",
    "django.core.management.commands.migrate",
    "django.core.serializers.json",
    "django.db.backends.mysql.base",
    "django.db.backends.sqlite3.base",
    "django.forms",
    "django.template.loader_tags",
    "django.urls",
    "environ",
    # Plain Python, without Django.
    "flows.editing",
    "flows.picture",
)
_LONGEST_SECONDS = 240


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` in a process of its own; return how it ended, and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        request = {"arguments": arguments, "environment": environment, "files": [str(output), str(errors)]}
        parent = _parent()
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps(request) + "\n")
        parent.stdin.flush()
        code = int(parent.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


@cache
def _parent() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.commands"]
    parent = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(parent.communicate)
    return parent


def main() -> None:
    """Serve until the other end is closed; a child returns from here as a script does from its last line."""
    for name in LOADED:
        # There may be no driver for MySQL.
        with suppress(ImportError):
            import_module(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _command(**json.loads(line))
            return
        _pid, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _command(arguments: list[str], environment: dict[str, str], files: list[str]) -> None:
    """Do in this process what `python manage.py` does in one of its own."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(files, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.path[1:1] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    faulthandler.dump_traceback_later(_LONGEST_SECONDS, exit=True)
    script = str(ROOT / "manage.py")
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
