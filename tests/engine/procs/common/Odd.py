# ruff: noqa: N999, ARG003, ARG004, PLC2401, PLW0211  (refused members, as an author may write them)
"""A class full of members that no flow may call; each would leave a trace if it were."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.engine import stage


class Callable:
    """An instance of it can be called, and is no method."""

    def __call__(self, *args: Any) -> dict[str, Any]:
        return stage.trace("an instance was called")


class Descriptor:
    """Whoever reads it leaves a trace."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return stage.trace("a descriptor was read")


class Odd:
    """Members of every kind."""

    constant = 1
    instance = Callable()
    described = Descriptor()
    borrowed_class = dict
    builtin = len

    def __init__(self, logger: logging.Logger) -> None:
        stage.trace("common.Odd")

    def fine(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Do nothing."""
        return stage.trace("common.Odd.fine")

    def _private(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        return stage.trace("_private")

    def __mangled(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        return stage.trace("__mangled")

    def grüße(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Bear a name that is not ASCII."""
        return stage.trace("grüße")

    @staticmethod
    def static(self: Any, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Be no method."""
        return stage.trace("static")

    @classmethod
    def of_class(cls, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Be a method of the class."""
        return stage.trace("of_class")

    @property
    def computed(self) -> Any:
        """Be executed when it is read."""
        return stage.trace("computed")

    async def awaited(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Be a coroutine."""
        return stage.trace("awaited")

    async def streamed(self, context: dict[str, Any], params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Be an asynchronous generator."""
        yield stage.trace("streamed")

    def yielded(self, context: dict[str, Any], params: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Be a generator."""
        yield stage.trace("yielded")

    def short(self, context: dict[str, Any]) -> dict[str, Any]:
        """Take no params."""
        return stage.trace("short")

    def long(self, context: dict[str, Any], params: dict[str, Any], more: int) -> dict[str, Any]:
        """Take one argument too many."""
        return stage.trace("long")

    def by_keyword(self, *, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Take keywords only."""
        return stage.trace("by_keyword")

    class Nested:
        """Be a class in a class."""

        def prt(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
            """Be out of reach."""
            return stage.trace("Nested.prt")
