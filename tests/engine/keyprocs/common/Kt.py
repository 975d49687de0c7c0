# ruff: noqa: N999  (the module bears the class's name)
"""A procedure that declares nothing, as old ones do."""

import logging
from typing import Any


class Kt:
    """Print things."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def prt(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Hand on the message."""
        return {"msg": params["msg"]}
