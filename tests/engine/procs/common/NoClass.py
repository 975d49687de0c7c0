# ruff: noqa: N999  (the module bears the name of its class)
"""A module without the class that bears its name."""
