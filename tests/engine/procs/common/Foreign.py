# ruff: noqa: N999  (the module bears the name of its class)
"""A module whose class comes from elsewhere."""

from tests.engine.procs.common.Kt import Kt as Foreign

__all__ = ["Foreign"]
