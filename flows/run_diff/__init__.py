"""Two runs of a flow, held against each other."""

from flows.run_diff.comparing import RunDiff, Section, Side, StepDiff, compare
from flows.run_diff.reading import read_diff
from flows.run_diff.values import Change

__all__ = ["Change", "RunDiff", "Section", "Side", "StepDiff", "compare", "read_diff"]
