"""Groups of rows, and figures of each."""

import logging
from collections import defaultdict
from statistics import fmean
from typing import Any, NotRequired, TypedDict

from procedures.table import Row

Key = tuple[Any, ...]


class SummariseParams(TypedDict):
    rows: list[Row]
    by: list[str]
    measures: list[str]
    digits: NotRequired[int]


class Figures(TypedDict):
    count: int
    mean: float | None
    minimum: float | None
    maximum: float | None


class Group(TypedDict):
    group: dict[str, Any]
    count: int
    measures: dict[str, Figures]


class SummariseResult(TypedDict):
    groups: list[Group]
    count: int


class Groups:
    """Summarise rows by group."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def summarise(self, context: dict[str, Any], params: SummariseParams) -> SummariseResult:
        """Count the rows of each group; give count, mean, minimum and maximum of its measures, in their own units.

        Params: `rows`, flat dicts; `by`, the columns whose values make a group; `measures`, columns of numbers;
        `digits`, decimals to which a mean is rounded, default 2.

        Result: `groups`, sorted by their values: `{"group": {column: value}, "count": rows in it, "measures":
        {column: {"count", "mean", "minimum", "maximum"}}}`; `count`, the number of groups. A missing value (null)
        does not enter the figures: their own `count` says how many did, and without any the others are null.

        Raises `ValueError` for a column that a row does not have, `TypeError` for a measure that is no number.
        """
        by, measures = params["by"], params["measures"]
        members: defaultdict[Key, list[Row]] = defaultdict(list)
        for row in params["rows"]:
            members[tuple(_cell(row, column) for column in by)].append(row)
        groups = [
            _group(dict(zip(by, key, strict=True)), members[key], measures, params.get("digits", 2))
            for key in sorted(members, key=_sortable)
        ]
        self.logger.info("%d rows are in %d groups by %s", len(params["rows"]), len(groups), ", ".join(by))
        return {"groups": groups, "count": len(groups)}


def _group(group: dict[str, Any], rows: list[Row], measures: list[str], digits: int) -> Group:
    figures = {column: _figures([_number(row, column) for row in rows], digits) for column in measures}
    return {"group": group, "count": len(rows), "measures": figures}


def _figures(values: list[float | None], digits: int) -> Figures:
    known = [value for value in values if value is not None]
    if not known:
        return {"count": 0, "mean": None, "minimum": None, "maximum": None}
    return {"count": len(known), "mean": round(fmean(known), digits), "minimum": min(known), "maximum": max(known)}


def _number(row: Row, column: str) -> float | None:
    value = _cell(row, column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f'{_place(row)}: "{column}" is {value!r}, no number; check it with table.Rules.check first')
    return value


def _cell(row: Row, column: str) -> Any:
    if column not in row:
        raise ValueError(f'{_place(row)} has no column "{column}" (columns: {", ".join(row)})')
    return row[column]


def _place(row: Row) -> str:
    return f"the row of line {row['_line']}" if "_line" in row else "a row"


def _sortable(key: Key) -> list[tuple[bool, bool, Any]]:
    # Numbers before texts before nothing: values of different types cannot be compared with each other.
    return [(value is None, isinstance(value, str), value) for value in key]
