# ruff: noqa: N999  (the module bears the class's name)
"""The procedure that lets a test be the procedure."""

import logging
from typing import Any

from flows.engine import current_step
from tests.engine.keyprocs import _scene


class Play:
    """Call the function that the test gave for the step that runs."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        _scene.instances.append(self)

    def act(self, context: dict[str, Any], params: dict[str, Any]) -> Any:
        """Do what the function of this step does; without one, hand on the params."""
        current = current_step.get()
        assert current is not None
        _scene.called.append(current.step)
        act = _scene.acts.get(current.step)
        return dict(params) if act is None else act(context, params)
