"""The work of the benchmarks: next to nothing, so that what is measured is the engine."""  # noqa: N999

import logging
from typing import Any, TypedDict


class Message(TypedDict):
    """What goes from step to step."""

    msg: str


class Chain:
    """Steps that hand a message on."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def echo(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Hand a message on."""
        return {"msg": params["msg"]}

    def declared_echo(self, context: dict[str, Any], params: Message) -> Message:
        """Hand a message on, with declared types: each reference to it is proved."""
        return {"msg": params["msg"]}

    def take(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Take whatever it is given and hand on a message of its own."""
        return {"msg": "taken"}

    def rows(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Return rows of about `bytes` bytes of JSON in all, and a message."""
        row = {"id": 1000, "name": "a name of some length", "price": 12.5, "tags": ["red", "blue"]}
        return {"msg": params["msg"], "rows": [row] * (params["bytes"] // 88)}
