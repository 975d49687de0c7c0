"""The results of earlier steps as one step sees them: a dict of its own, copied where it is touched."""

from collections.abc import ItemsView, Iterator, ValuesView
from typing import Any

from flows.engine.values import copy_value


class Context(dict[str, Any]):
    """A real dict, whose values are copied when they are first read.

    A step that looks at one small result does not pay for the large ones, and what it changes stays its own. A value
    is still the engine's as long as it is the very object that `shared` holds under that key.
    """

    __slots__ = ("_shared",)

    def __init__(self, shared: dict[str, dict[str, Any]]) -> None:
        super().__init__(shared)
        self._shared = shared

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if value is self._shared.get(key):
            value = copy_value(value)
            super().__setitem__(key, value)
        return value

    # dict(context) and {**context} read past __getitem__ unless the subclass has an __iter__ of its own.
    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self._own_all()
        return super().items()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self._own_all()
        return super().values()

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default

    def pop(self, key: str, *default: Any) -> Any:
        self.get(key)
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self._own_all()
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else super().setdefault(key, default)

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def _own_all(self) -> None:
        for key in self:
            self[key]
