# ruff: noqa: N999  (the module bears the class's name)
"""Steps that do what a test tells them by name."""

import logging
from collections.abc import Callable
from typing import Any

Act = Callable[["Odd", dict[str, Any], dict[str, Any]], Any]

ACTS: dict[str, Act] = {}


class Odd:
    """Calls the function that the test put into `ACTS`; what is left out of `params` gives back the params."""

    shared: list[str] = []

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def act(self, context: dict[str, Any], params: dict[str, Any]) -> Any:
        """Do what `do` names."""
        return ACTS[params["do"]](self, context, params)

    def give(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Return the params."""
        return dict(params)

    def see(self, context: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        """Return what this step sees."""
        return {"context": {name: context[name] for name in context if not name.startswith("_")}, "params": params}
