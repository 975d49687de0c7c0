"""Where a page of a table begins."""

from datetime import datetime
from typing import Any, NamedTuple, Self

from flows.models import local_text
from flows.paging.periods import read_time

HIGHEST_ID = 2**63 - 1


class Key(NamedTuple):
    """The place of a row in both orders, that of the ids and that of the times."""

    id: int
    created_at: datetime | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        return cls(row.pk, row.created_at)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the key that an address holds, such as ``12@2026-03-01 08:39:02.007``; None where it is none."""
        number, _, moment = text.partition("@")
        if not (number.isascii() and number.isdecimal() and len(number) < 20) or int(number) > HIGHEST_ID:
            return None
        return cls(int(number), read_time(moment) if moment else None)

    def __str__(self) -> str:
        return f"{self.id}@{local_text(self.created_at, 'microseconds')}" if self.created_at else str(self.id)

    def nudged(self, *, back: bool) -> Self:
        """Return the key that stands right beside this one, on the side of the older or the newer rows."""
        return self._replace(id=min(max(self.id + (-1 if back else 1), 0), HIGHEST_ID))


class Cursor(NamedTuple):
    """Where a page begins: at rows older than the key, or at newer ones; without a key at that end of the table."""

    older: bool = True
    key: Key | None = None

    @classmethod
    def read(cls, parameters: dict[str, str], *, is_timed: bool) -> Self:
        """Return the cursor that an address holds; the newest page where it holds none that fits the order."""
        for name, older in (("before", True), ("after", False)):
            key = Key.read(parameters.get(name, ""))
            if key and (key.created_at or not is_timed):
                return cls(older, key)
        return cls(older=parameters.get("from") != "oldest")

    def parameters(self) -> dict[str, str]:
        """Return the cursor as the parameters of an address."""
        if self.key is None:
            return {} if self.older else {"from": "oldest"}
        return {"before" if self.older else "after": str(self.key)}


NEWEST = Cursor()
OLDEST = Cursor(older=False)
# The same, without a look for the lowest id.
FIRST = Cursor(older=False, key=Key(0))
