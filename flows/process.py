"""Name this process so that another one on the same machine can tell whether it still lives."""

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
# Fields of /proc/PID/stat after the name of the program, which may hold anything.
_STATE, _START_TIME = 0, 19


class ProcessName(NamedTuple):
    """Where a process runs, its number there, and when it began, by the machine's own count.

    `place` is one boot of one machine, and in it one space of process numbers: containers have their own. It is
    empty where the system does not tell; then nobody can say whether the process lives.
    """

    place: str
    pid: int
    began: int

    @property
    def is_known_dead(self) -> bool:
        """Whether the process is known to have ended: it ran here, and nothing of that number and beginning is left."""
        if not self.place or self.place != place():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            # It is there, and somebody else's.
            pass
        # Where the system hides the processes of others, nobody can say more.
        return _began(self.pid) not in (None, self.began)


def this_process() -> ProcessName:
    """Return the name of the calling process."""
    pid = os.getpid()
    return ProcessName(place(), pid, _began(pid) or 0)


@lru_cache(maxsize=1)
def place() -> str:
    """Return the boot and the space of process numbers in which this process runs; empty where that is not told."""
    try:
        namespace = str(_NAMESPACE.readlink()).translate({ord(letter): None for letter in "pid:[]"})
        return f"{_BOOT.read_text().strip()}/{namespace}"
    except OSError:
        return ""


def _began(pid: int) -> int | None:
    """Return when a process began, in ticks since the boot; -1 for one that has ended; None where that is not told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return -1 if fields[_STATE] in "ZX" else int(fields[_START_TIME])
