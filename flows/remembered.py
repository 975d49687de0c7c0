"""Remember what was worked out of texts by their hashes, so that a page does not work it out again."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """The values of the last texts, at most so many; what depends on more than the text says so in `beside`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[tuple[bytes, object], Value] = {}

    def find(self, text: str, beside: object = None) -> Value | None:
        return self._values.get(_key(text, beside))

    def keep(self, text: str, value: Value, beside: object = None) -> None:
        if len(self._values) >= self._most:
            # Another thread may have done so, too.
            self._values.clear()
        self._values[_key(text, beside)] = value

    def of(self, text: str, make: Callable[[str], Value]) -> Value:
        """Return the value of a text, made now where it is not known."""
        known = self.find(text)
        if known is None:
            known = make(text)
            self.keep(text, known)
        return known


def _key(text: str, beside: object) -> tuple[bytes, object]:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest(), beside
