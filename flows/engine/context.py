"""The results of earlier steps as one step sees them: a dict of its own, copied where it is touched."""

from collections.abc import ItemsView, Iterator, ValuesView
from sys import getrefcount
from typing import Any

from flows.engine.values import copy_value


class Context(dict[str, Any]):
    """A real dict, whose values are copied when they are first read.

    A step that looks at one small result does not pay for the large ones, and what it changes stays its own. A value
    is still the engine's as long as it is the very object that `shared` holds under that key. `touched` is set by
    whatever reads or changes a value, so that an untouched context can be lent to the next step too.
    """

    __slots__ = ("shared", "touched")

    def __init__(self, shared: dict[str, dict[str, Any]]) -> None:
        super().__init__(shared)
        self.shared = shared
        self.touched = False

    def __getitem__(self, key: str) -> Any:
        self.touched = True
        value = super().__getitem__(key)
        if value is self.shared.get(key):
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
        return self[key] if key in self else default  # noqa: SIM401  (this is that get)

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def __setitem__(self, key: str, value: Any) -> None:
        self.touched = True
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.touched = True
        super().__delitem__(key)

    def __ior__(self, other: Any) -> Any:
        self.touched = True
        return super().__ior__(other)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.touched = True
        super().update(*args, **kwargs)

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        self.get(key)
        self.touched = True
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self._own_all()
        return super().popitem()

    def clear(self) -> None:
        self.touched = True
        super().clear()

    def _own_all(self) -> None:
        self.touched = True
        for key in self:
            self[key]


class Contexts:
    """The results of a run, and the contexts made of them.

    Making a dict of all results for each step would cost the more the longer the flow is. So the same context is lent
    again, unless the last step touched it, or somebody (a thread, a class attribute) still holds it.
    """

    __slots__ = ("_alone", "_context", "_is_back", "results")

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self._is_back = False
        self._renew()

    def lend(self) -> Context:
        """Return the context for one step."""
        context = self._context
        if self._is_back:
            self._is_back = False
        elif context.touched or getrefcount(context) != self._alone or len(context) != len(self.results):
            context = self._renew()
        return context

    def record(self, name: str, result: Any) -> None:
        """Let the steps to come see a result."""
        results, context = self.results, self._context
        # What is written in C, eval() say, adds a key without a word.
        is_as_it_was = not context.touched and getrefcount(context) == self._alone and len(context) == len(results)
        results[name] = result
        if is_as_it_was:
            dict.__setitem__(context, name, result)
        else:
            self._renew()
        self._is_back = True

    def _renew(self) -> Context:
        # Counted in the same way here and there: a local name, the attribute, the argument of the count.
        context = self._context = Context(self.results)
        self._alone = getrefcount(context)
        self._is_back = False
        return context
