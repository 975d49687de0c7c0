"""One run for each line of a file; called again, it does what is missing, and nothing twice."""

from flows.each.failures import Failures
from flows.each.lines import BadFile, Line, columns_of, count_lines, is_csv, read_lines
from flows.each.pool import DatabaseAway, Pool
from flows.each.runs_of_lines import Batch, Done, Fate

__all__ = [
    "BadFile",
    "Batch",
    "DatabaseAway",
    "Done",
    "Failures",
    "Fate",
    "Line",
    "Pool",
    "columns_of",
    "count_lines",
    "is_csv",
    "read_lines",
]
