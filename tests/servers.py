"""Private servers for tests: each in a folder of its own, on a socket, gone when the test ends."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
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


class _Server:
    """A server of one test or more, in a folder of its own; it is a context that starts and ends it."""

    name = ""

    def __init__(self) -> None:
        self.folder = _short_folder()
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

    def start(self) -> None:
        """Start the server and wait until it answers."""
        raise NotImplementedError

    def kill9(self) -> None:
        """End the server as a crash would."""
        for process in reversed(self._processes):
            # In a session of its own each; what it started ends with it.
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

    def _begin(self, *command: str, environment: dict[str, str] | None = None) -> None:
        with self._log.open("ab") as log:
            # Ctrl-C at the terminal is for the tests, which then stop the server in their own time.
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self._processes.append(process)

    def _wait_until(self, answers: Callable[[], bool], seconds: float = _SECONDS_TO_START) -> None:
        give_up = time.monotonic() + seconds
        while not answers():
            if self._processes[-1].poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)


class MariaDB(_Server):
    """A MariaDB server that nobody else can reach: without network, on a socket in a folder of its own.

    >>> with MariaDB() as server:
    ...     server.create_database("shop")
    ...     url = server.url("shop")

    `MariaDB(DURABLE)` keeps each commit over `kill9()`; `stop()`, `kill9()` and `start()` may be called meanwhile.
    """

    name = "mariadbd"

    def __init__(self, options: Sequence[str] = FAST) -> None:
        super().__init__()
        self.options = options
        self.socket = self.folder / "s"

    def url(self, database: str = "") -> str:
        """Return the DATABASE_URL of a database on this server."""
        return f"mysql://root@localhost/{database}?unix_socket={self.socket}"

    def start(self) -> None:
        data = self.folder / "data"
        if not data.exists():
            shutil.copytree(_installed(), data)
        self._begin(
            program(self.name) or self.name,
            "--no-defaults",
            *_as_root(),
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            f"--default-time-zone={ZONE_OFFSET}",
            "--skip-networking",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=32M",
            "--character-set-server=utf8mb4",
            *self.options,
        )
        self._wait_until(lambda: _answers(self.socket))

    def stop(self) -> None:
        """Shut the server down as an administrator would."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(_SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill9(self) -> None:
        super().kill9()
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

    def _signal(self, number: signal.Signals) -> None:
        if not self._processes:
            raise RuntimeError("the server is not running")
        self._processes[-1].send_signal(number)


class Redis(_Server):
    """A Redis server that nobody else can reach: on a socket in a folder of its own, nothing of it kept on disk.

    >>> with Redis() as server:
    ...     broker = server.url
    """

    name = "redis-server"

    def __init__(self) -> None:
        super().__init__()
        self.socket = self.folder / "s"

    @property
    def url(self) -> str:
        """Return the CELERY_BROKER_URL of this server."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start the server, empty, and wait until it answers."""
        options = ("--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", "")
        self._begin(program(self.name) or self.name, *options)
        self._wait_until(lambda: _answers(self.socket))

    def kill9(self) -> None:
        """End the server as a crash would: what it held is gone."""
        super().kill9()
        self.socket.unlink(missing_ok=True)

    def flush(self) -> None:
        """Forget all messages."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(64)


class RabbitMQ(_Server):
    """A RabbitMQ server on ports of its own of this machine's loopback, with its own name service.

    What is on its disk is there again after `start`.

    >>> with RabbitMQ() as server:
    ...     broker = server.url
    """

    name = "rabbitmq-server"

    def __init__(self) -> None:
        super().__init__()
        self._port, self._inner_port, self._names_port = free_ports(3)

    @property
    def url(self) -> str:
        """Return the CELERY_BROKER_URL of this server."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}//"

    def start(self) -> None:
        environment = self._environment
        # Erlang would leave a name service of its own behind.
        names = (program("epmd") or "epmd", "-port", str(self._names_port), "-address", "127.0.0.1")
        self._begin(*names, environment=environment)
        self._begin(RABBITMQ, environment=environment)
        self._wait_until(lambda: listens(self._port), 2 * _SECONDS_TO_START)

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
