"""The example: a procedure is a class named like its module, whose methods return a dict."""

import logging
from typing import Any


class Kt:
    """Print things."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def prt(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Log a message and hand it on.

        Params: `msg`, anything that is JSON. Result: `msg`, the same. Raises `KeyError` without a `msg`.
        """
        msg = params["msg"]
        self.logger.info({"msg": msg})
        return {"msg": msg}
