"""What would mend a finding, as data: an edit at its place."""

from collections.abc import Container
from enum import Enum
from typing import Any, NamedTuple

from flows.engine.text import quoted


class Mend(Enum):
    """What is done at the place of the finding."""

    WRITE = "write another value"
    RENAME = "call the key by another name"
    ADD = "add a key to the object"
    REMOVE = "remove the key and its value"


class Repair(NamedTuple):
    """An edit that mends a finding: which key is meant, and which value is written there."""

    mend: Mend
    key: str = ""
    value: Any = None

    @classmethod
    def write(cls, value: str | None) -> "Repair | None":
        """Return the repair that writes this text, or None where there is no guess."""
        return cls(Mend.WRITE, value=value) if value else None

    @classmethod
    def rename(cls, key: str | None, taken: Container[str]) -> "Repair | None":
        """Return the repair that calls a key by its right name; None without a guess, or where that is taken."""
        return cls(Mend.RENAME, key) if key and key not in taken else None

    @classmethod
    def add(cls, key: str, value: Any) -> "Repair":
        return cls(Mend.ADD, key, value)

    @classmethod
    def remove(cls) -> "Repair":
        return cls(Mend.REMOVE)

    def under(self, key: str) -> "Repair":
        """Return the repair that does the same one level deeper, under a key of the place."""
        if self.mend is Mend.ADD:
            return self.add(key, {self.key: self.value})
        return self._replace(value={key: self.value}) if self.mend is Mend.WRITE else self

    def __str__(self) -> str:
        """Return what it does, for a button."""
        if self.mend is Mend.WRITE:
            return f"Write {_shown(self.value)}"
        if self.mend is Mend.RENAME:
            return f"Call it {quoted(self.key)}"
        return f"Add {quoted(self.key)}" if self.mend is Mend.ADD else "Remove it"


def _shown(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else ", ".join(f"{key} {quoted(value[key])}" for key in value)
