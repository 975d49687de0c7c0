# ruff: noqa: N999  (the module bears the name of its class)
"""A procedure as users write them."""

import logging
from typing import Any

from tests.engine import stage


class Kt:
    """Print things."""

    def __init__(self, logger: logging.Logger) -> None:
        stage.happened.append("common.Kt")
        self.logger = logger

    def prt(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Log a message and hand it on."""
        stage.happened.append("common.Kt.prt")
        self.logger.info({"msg": params["msg"]})
        return {"msg": params["msg"]}

    def echo(self, ctx: dict[str, Any], old_config: dict[str, Any]) -> dict[str, Any]:
        """Hand on what came in; the arguments bear other names, as in old procedures."""
        stage.happened.append("common.Kt.echo")
        return old_config
