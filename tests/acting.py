"""A package of procedures for tests of runs, made in a folder of the test: each call leaves a line in a file."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

ACT = '''
"""Steps that say that they were called, and do as they are told."""

import os
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def say(text):
    with (HERE / "called").open("a") as file:
        file.write(text + "\\n")


class Act:
    def __init__(self, logger):
        self.logger = logger

    def give(self, context, params):
        say(params.get("say", "give"))
        return params

    def fail(self, context, params):
        say(params.get("say", "fail"))
        raise ValueError(params.get("message", "no"))

    def fail_while(self, context, params):
        """Fail as long as a file is there."""
        say(params.get("say", "fail_while"))
        if (HERE / params["file"]).exists():
            raise OSError("the file is still there")
        return {"ok": True}

    def odd(self, context, params):
        say(params.get("say", "odd"))
        return {"kept": {1, 2}}

    def look(self, context, params):
        say("look")
        return {"context": {name: context[name] for name in context if not name.startswith("_")}}

    def leave(self, context, params):
        from django.db import transaction
        say("leave")
        transaction.atomic().__enter__()
        return {}

    def die_while(self, context, params):
        """End the process, as one that takes too much memory is ended, as long as a file is there; `n` must be 3."""
        say(params.get("say", "die_while"))
        if (HERE / params["file"]).exists() and params.get("n", 3) == 3:
            os.kill(os.getpid(), 9)
        return {"ok": True}

    def nap(self, context, params):
        time.sleep(params["for"])
        return {}

    def wander(self, context, params):
        os.chdir("/")
        return {}
'''


class Acting:
    """The package `acts` with its one module, and what was called of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.module = folder / "Act.py"
        self.module.write_text(ACT)

    @property
    def called(self) -> list[str]:
        """Return what was called since the last time somebody asked."""
        file = self.folder / "called"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines

    @staticmethod
    def step(name: str, method: str = "give", **keys: Any) -> dict[str, Any]:
        """Return a step of a document; its parameters say its name, so that the call can be seen."""
        params = {"say": name} | keys.pop("params", {})
        return {"name": name, "mod": "Act", "method": method, "params": params, **keys}


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Acting:
    """Let flows call the procedures of a package of this test's own."""
    name = f"acts_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    settings.FLOWS_PROCEDURE_PACKAGES = ["procedures", name]
    return Acting(folder)
