"""What the checker has to say about a document, each with the place."""

from typing import NamedTuple

from flows.engine.errors import MAX_FINDINGS
from flows.engine.repairs import Repair
from flows.engine.text import cut

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """One thing that is wrong.

    `pointer` is the JSON Pointer (RFC 6901) of the place, empty for the whole document, with keys as they can be shown;
    `message` says what is wrong and what to write instead. `path` is the place exactly; `repair` is the edit there that
    mends it, where there is an obvious one; `offset` counts the characters before the place in a text that is not JSON.
    """

    pointer: str
    message: str
    path: Path = ()
    repair: Repair | None = None
    offset: int | None = None

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message

    def as_data(self) -> dict[str, str]:
        """Return what people and other programs read of it, as JSON values."""
        return {"pointer": self.pointer, "message": self.message}


class Findings:
    """Collect up to twenty findings; who asks `full` can stop early, so that a hostile document stays cheap."""

    def __init__(self, most: int = MAX_FINDINGS) -> None:
        self._found: list[Finding] = []
        self._most = most
        self.full = False

    def add(self, path: Path, message: str, repair: Repair | None = None, offset: int | None = None) -> None:
        if not self.full:
            self._found.append(Finding(json_pointer(path), message, path, repair, offset))
            self.full = len(self._found) == self._most

    def mend_under(self, key: str, since: int) -> None:
        """Let the repairs of the findings from number `since` on work on what stands under a key of their place."""
        for number, finding in enumerate(self._found[since:], since):
            if finding.repair:
                self._found[number] = finding._replace(repair=finding.repair.under(key))

    def __len__(self) -> int:
        return len(self._found)

    def as_tuple(self) -> tuple[Finding, ...]:
        return tuple(self._found)


def json_pointer(path: Path) -> str:
    """Return the JSON Pointer of a path of keys and indexes, to be shown: a key is cut, and nothing in it invisible."""
    return "".join("/" + cut(str(part)).replace("~", "~0").replace("/", "~1") for part in path)
