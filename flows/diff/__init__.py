"""Compare two documents, by keys and by lines, in plain Python."""

from flows.diff.keys import Difference, differences
from flows.diff.lines import Fold, Line, Row, folded
from flows.diff.summary import summary

__all__ = ["Difference", "Fold", "Line", "Row", "differences", "folded", "summary"]
