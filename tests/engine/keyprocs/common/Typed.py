# ruff: noqa: N999  (the module bears the class's name)
"""A procedure that declares what it takes and returns."""

import logging
from typing import Any, Literal, NotRequired, TypedDict


class Row(TypedDict):
    id: int
    name: str


class TakeParams(TypedDict):
    number: int
    text: NotRequired[str]
    mode: NotRequired[Literal["fast", "slow"]]
    rows: NotRequired[list[Row]]
    ratio: NotRequired[float]


class Made(TypedDict):
    ok: bool
    number: int
    text: str
    rows: list[Row]
    first: Row
    extra: NotRequired[str]


class Typed:
    """Take and return declared keys."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def make(self, context: dict[str, Any], params: dict[str, Any]) -> Made:
        """Return one of each."""
        row: Row = {"id": 1, "name": "a"}
        return {"ok": True, "number": 1, "text": "t", "rows": [row], "first": row}

    def take(self, context: dict[str, Any], params: TakeParams) -> dict[str, Any]:
        """Hand on what came in."""
        return dict(params)
