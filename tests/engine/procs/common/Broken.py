# ruff: noqa: N999  (the module bears the name of its class)
"""A module that cannot be imported."""

raise RuntimeError("no licence file")
