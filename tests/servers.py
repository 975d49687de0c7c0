"""Private servers for tests: each in a folder of its own, on a socket, gone when the test ends."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

from tests.environment import ZONE_OFFSET
from tests.needs import RABBITMQ, program

# The commits of tests need not survive a power cut.
FAST = ("--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync")
# For tests that kill the server: with the options above a crash loses what was committed.
DURABLE = ("--innodb-flush-log-at-trx-commit=1",)

_LONGEST_SOCKET_PATH = 107
_SECONDS_TO_START = 30.0
_SECONDS_TO_STOP = 20.0


class MariaDB:
    """A MariaDB server that nobody else can reach: without network, on a socket in a folder of its own.

    >>> with MariaDB() as server:
    ...     server.create_database("shop")
    ...     url = server.url("shop")

    `MariaDB(DURABLE)` keeps each commit over `kill9()`; `stop()`, `kill9()` and `start()` may be called meanwhile.
    """

    def __init__(self, options: Sequence[str] = FAST) -> None:
        self.options = options
        self.folder = _short_folder()
        self.socket = self.folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            shutil.copytree(_installed(), self.folder / "data")
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str = "") -> str:
        """Return the DATABASE_URL of a database on this server."""
        return f"mysql://root@localhost/{database}?unix_socket={self.socket}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _server(),
                    "--no-defaults",
                    *_as_root(),
                    f"--datadir={self.folder / 'data'}",
                    f"--socket={self.socket}",
                    f"--pid-file={self.folder / 'pid'}",
                    f"--default-time-zone={ZONE_OFFSET}",
                    "--skip-networking",
                    "--skip-log-bin",
                    "--innodb-buffer-pool-size=32M",
                    "--character-set-server=utf8mb4",
                    *self.options,
                ],
                stdout=log,
                stderr=log,
                # Ctrl-C at the terminal is for the tests, which then stop the server in their own time.
                start_new_session=True,
            )
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        """Shut the server down as an administrator would."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill9(self) -> None:
        """End the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def pause(self) -> None:
        """Let the server hang: connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a server that hangs go on."""
        self._signal(signal.SIGCONT)

    def execute(self, sql: str, database: str = "") -> list[tuple[Any, ...]]:
        """Run one statement over a connection of its own and return its rows."""
        import MySQLdb  # noqa: PLC0415  (may be missing)

        connection = MySQLdb.connect(unix_socket=str(self.socket), user="root", database=database, charset="utf8mb4")
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows = list(cursor.fetchall())
            connection.commit()
        finally:
            connection.close()
        return rows

    def create_database(self, name: str) -> None:
        """Make an empty database; one of that name is dropped before."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + _SECONDS_TO_START
        while not _answers(self.socket):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"mariadbd did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the server is not running")
        self._process.send_signal(number)


class Redis:
    """A Redis server that nobody else can reach: on a socket in a folder of its own, nothing of it kept on disk.

    >>> with Redis() as server:
    ...     broker = server.url
    """

    def __init__(self) -> None:
        self.folder = _short_folder()
        self.socket = self.folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return the CELERY_BROKER_URL of this server."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        options = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", "")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("redis-server") or "redis-server", *options], stdout=log, stderr=log, start_new_session=True
            )
        give_up = time.monotonic() + _SECONDS_TO_START
        while not _answers(self.socket):
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"redis-server did not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def kill9(self) -> None:
        """End the server as a crash would: what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def flush(self) -> None:
        """Forget all messages."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(64)

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


class RabbitMQ:
    """A RabbitMQ server on ports of its own of this machine's loopback, with its own name service.

    >>> with RabbitMQ() as server:
    ...     broker = server.url
    """

    def __init__(self) -> None:
        self.folder = _short_folder()
        self._port, self._inner_port, self._names_port = free_ports(3)
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Return the CELERY_BROKER_URL of this server."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        """Start the server, with what it kept on disk, and wait until it answers."""
        # Erlang would leave a name service of its own behind.
        names = [program("epmd") or "epmd", "-port", str(self._names_port), "-address", "127.0.0.1"]
        with self._log.open("ab") as log:
            for command in (names, [RABBITMQ]):
                self._processes.append(
                    subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, start_new_session=True)
                )
        give_up = time.monotonic() + 2 * _SECONDS_TO_START
        while not listens(self._port):
            if self._processes[-1].poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"rabbitmq-server did not start:\n{self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill9(self) -> None:
        """End the server as a crash would; messages that are on disk are there again after `start`."""
        for process in reversed(self._processes):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def _environment(self) -> dict[str, str]:
        plugins = self.folder / "plugins"
        plugins.write_text("[].\n")
        return {
            **os.environ,
            "HOME": str(self.folder),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_DIST_PORT": str(self._inner_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": f"{self.folder.name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
        }


def free_ports(number: int) -> list[int]:
    """Return ports of the loopback that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def listens(port: int) -> bool:
    """Say whether somebody listens on a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _short_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wf"))
    if len(str(folder / "s")) > _LONGEST_SOCKET_PATH:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="wf", dir="/tmp"))
    return folder


def _server() -> str:
    return program("mariadbd") or "mariadbd"


@cache
def _installed() -> Path:
    """Return the data folder of a server that never ran, for all of this process to copy."""
    folder = Path(tempfile.mkdtemp(prefix="wf"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [
        program("mariadb-install-db") or "mariadb-install-db",
        "--no-defaults",
        *_as_root(),
        f"--datadir={folder}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mariadb-install-db failed in {folder}:\n{done.stdout}")
    return folder


def _as_root() -> list[str]:
    """Return what the server wants to hear before it runs as root."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
