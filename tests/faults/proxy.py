"""Stands between a client and a MySQL server on unix sockets, and cuts the connection around a COMMIT."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_QUERY = 3
BEFORE = "before the server got it"
AT_ONCE = "after it was sent, without waiting"
AFTER = "after the server had answered"
LATE = "before the server got it, which it did then"
CUTS = (BEFORE, AT_ONCE, AFTER, LATE)
_LATE_SECONDS = 0.2


class Proxy:
    """Forwards packets both ways; of the COMMITs that pass, cuts the given share."""

    def __init__(self, server: Path, share: float, seed: int) -> None:
        self.socket = server.with_name("p")
        self.cuts = dict.fromkeys(CUTS, 0)
        self._server = server
        self._share = share
        self._chance = random.Random(seed)
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self.socket.unlink(missing_ok=True)
        self._listener.bind(str(self.socket))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        cut = threading.Event()
        with client, server, suppress(OSError):
            server.connect(str(self._server))
            answers = threading.Thread(target=self._answers, args=(server, client, cut), daemon=True)
            answers.start()
            for packet in _packets(client):
                how = self._how_to_cut(packet)
                if how == BEFORE:
                    break
                if how == AFTER:
                    cut.set()
                if how == LATE:
                    client.shutdown(socket.SHUT_RDWR)
                    time.sleep(_LATE_SECONDS)
                server.sendall(packet)
                if how in (AT_ONCE, LATE):
                    break
            for end in (client, server):
                # The other thread is woken, and the server sees the end only after what was sent.
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            answers.join()

    def _answers(self, server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if cut.is_set():
                    break
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _how_to_cut(self, packet: bytes) -> str | None:
        if packet[4:5] != bytes([_QUERY]) or packet[5:].strip(b"\0 ").upper() != b"COMMIT":
            return None
        if self._chance.random() >= self._share:
            return None
        how = self._chance.choice(CUTS)
        self.cuts[how] += 1
        return how


def _packets(client: socket.socket) -> Iterator[bytes]:
    """Yield what a client sends, one packet at a time: three bytes of length, one of order, and the body."""
    data = b""
    while received := client.recv(65_536):
        data += received
        while len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[:3], "little")):
            yield data[:end]
            data = data[end:]
