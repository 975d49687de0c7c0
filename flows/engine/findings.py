"""What the checker has to say about a document, each with the place."""

from typing import NamedTuple

from flows.engine.errors import MAX_FINDINGS
from flows.engine.text import cut

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """One thing that is wrong.

    `pointer` is the JSON Pointer (RFC 6901) of the place, empty for the whole document, with keys as they can be shown;
    `message` says what is wrong and what to write instead.
    """

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class Findings:
    """Collect up to twenty findings; who asks `full` can stop early, so that a hostile document stays cheap."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self.full = False

    def add(self, path: Path, message: str) -> None:
        if not self.full:
            self._found.append(Finding(json_pointer(path), message))
            self.full = len(self._found) == MAX_FINDINGS

    def __bool__(self) -> bool:
        return bool(self._found)

    def as_tuple(self) -> tuple[Finding, ...]:
        return tuple(self._found)


def json_pointer(path: Path) -> str:
    """Return the JSON Pointer of a path of keys and indexes, to be shown: a key is cut, and nothing in it invisible."""
    return "".join("/" + cut(str(part)).replace("~", "~0").replace("/", "~1") for part in path)
