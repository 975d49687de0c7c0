"""The sites of the log benchmarks: SQLite in a folder, and a private MariaDB server with the options of its package."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.environments import ROOT, quiet_environment
from tests import needs
from tests.environment import site_environment
from tests.servers import MariaDB

# What a server has that nobody configured, where the servers of the tests differ.
_STOCK = ("--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=1")


class Site:
    """A database that can be put back to how it was when `keep` was called."""

    def __init__(self, name: str, folder: Path, server: MariaDB | None = None) -> None:
        self.name = name
        self.url = server.url("wf") if server else f"sqlite:///{folder / 'bench.sqlite3'}"
        self._server = server
        self._folder = folder
        self._data = server.folder / "data" if server else folder / "bench.sqlite3"
        self._kept = self._data.with_name("kept")

    def run(self, module: str, *arguments: str) -> Any:
        """Run a module of bench on this site and return the JSON it prints."""
        environment = quiet_environment(self._folder) | site_environment(self._folder) | {"DATABASE_URL": self.url}
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{module}", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    def keep(self) -> None:
        """Remember the database as it is now."""
        self._copy(self._data, self._kept)

    def put_back(self) -> None:
        """Make the database as it was."""
        self._copy(self._kept, self._data)

    def _copy(self, source: Path, target: Path) -> None:
        if self._server:
            self._server.stop()
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
            self._server.start()
        else:
            for rest in source.parent.glob(f"{target.name}-*"):
                rest.unlink()
            shutil.copy(source, target)


@contextmanager
def mariadb(folder: Path) -> Iterator[Site]:
    """Start a server; raises SystemExit with the cure where there is none."""
    if missing := needs.missing_for_mariadb():
        raise SystemExit(missing)
    with MariaDB(_STOCK) as server:
        server.create_database("wf")
        yield Site("MariaDB", folder, server)


@contextmanager
def sqlite(folder: Path) -> Iterator[Site]:
    """Name a file; it is made with the first connection."""
    yield Site("SQLite", folder)
