"""Read the keys of a document one by one and report those that are not as they should be."""

from collections.abc import Collection
from typing import Any

from flows.engine.findings import Findings, Path
from flows.engine.patterns import MAX_WAYS
from flows.engine.references import ENGINE
from flows.engine.repairs import Repair
from flows.engine.text import meant, nearest, quoted
from flows.engine.types import kind_of

_EXAMPLES = {"name": "step1", "mod": "common.Kt", "method": "prt", "flow": "hello", "type": "string"}


class Reader:
    """Typed access to the values of a document. A value that is missing or wrong is reported and read as None."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.patience: float = 10 * MAX_WAYS  # for patterns, until the whole document counts as too slow
        self.add = findings.add

    def unknown_keys(self, value: dict[str, Any], known: Collection[str], path: Path) -> None:
        """Report each key that is not known; those that begin with `_` are notes."""
        for key in value:
            if self.findings.full:
                break
            if key not in known and not key.startswith(ENGINE):
                guess = nearest(key, known)
                hint = meant(guess) or " Known keys: " + ", ".join(known) + "."
                message = f'the key {quoted(key)} is unknown.{hint} A note begins with "_".'
                self.add((*path, key), message, Repair.rename(guess or ENGINE + key, value))

    def required_text(self, value: dict[str, Any], key: str, path: Path) -> str | None:
        """Return a text that must be there and may not be empty."""
        found = value.get(key)
        if isinstance(found, str) and found:
            return found
        if key not in value:
            self.add(path, f'the key "{key}" is missing; write e.g. "{_EXAMPLES[key]}"')
        elif isinstance(found, str):
            self.add((*path, key), f'this is empty; write e.g. "{_EXAMPLES[key]}"')
        else:
            self.add((*path, key), f"this is {kind_of(found)}; it must be a text")
        return None

    def text(self, value: dict[str, Any], key: str, path: Path) -> str:
        found = value.get(key, "")
        if isinstance(found, str):
            return found
        self.add((*path, key), f"this is {kind_of(found)}; it must be a text")
        return ""

    def flag(self, value: dict[str, Any], key: str, path: Path) -> bool:
        found = value.get(key, False)
        if isinstance(found, bool):
            return found
        self.add((*path, key), f"this is {kind_of(found)}; it must be true or false")
        return False

    def number(self, value: dict[str, Any], key: str, path: Path, low: float, high: float) -> float | None:
        """Return a number from `low` to `high`, or None where it is not given."""
        if key not in value:
            return None
        found = value[key]
        if isinstance(found, bool) or not isinstance(found, int | float):
            self.add((*path, key), f"this is {kind_of(found)}; it must be a number")
        elif not low <= found <= high:
            self.add((*path, key), f"{found} is out of range; it must be from {low:g} to {high:g}")
        else:
            return float(found)
        return None

    def whole(self, value: dict[str, Any], key: str, path: Path, low: int, high: int) -> int | None:
        """Return a whole number from `low` to `high`, or None where it is not given."""
        found = self.number(value, key, path, low, high)
        if found is None:
            return None
        if not found.is_integer():
            self.add((*path, key), f"{found} is not a whole number")
            return None
        return int(found)

    def object(self, value: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
        found = value.get(key, {})
        if isinstance(found, dict):
            return found
        self.add((*path, key), f"this is {kind_of(found)}; it must be an object")
        return {}

    def list(self, value: dict[str, Any], key: str, path: Path) -> list[Any]:
        found = value.get(key, [])
        if isinstance(found, list):
            return found
        self.add((*path, key), f"this is {kind_of(found)}; it must be a list")
        return []
