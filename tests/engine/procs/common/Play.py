# ruff: noqa: N999  (the module bears the name of its class)
"""The procedure that lets a test be the procedure."""

import logging
from typing import Any

from tests.engine import stage


class Play:
    """Call functions of the test that runs."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        stage.instances.append(self)

    def act(self, context: dict[str, Any], params: dict[str, Any]) -> Any:
        """Do what the function at place `act` of the stage does."""
        return stage.acts[params["act"]](context, params)
