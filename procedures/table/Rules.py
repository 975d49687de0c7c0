"""Rules for the rows of a table: which are valid, and what is wrong with the others."""

import logging
import math
import re
from datetime import date
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

from procedures.table import Row


class Rule(TypedDict):
    """What a column must hold; the words mean what they mean in JSON Schema."""

    type: NotRequired[Literal["string", "integer", "number", "date"]]
    required: NotRequired[bool]
    enum: NotRequired[list[str]]
    minimum: NotRequired[float]
    maximum: NotRequired[float]


class CheckParams(TypedDict):
    rows: list[Row]
    rules: dict[str, Rule]
    missing: NotRequired[list[str]]


class Counts(TypedDict):
    read: int
    valid: int
    rejected: int


class CheckResult(TypedDict):
    rows: list[Row]
    rejected: list[Row]
    counts: Counts


class Rules:
    """Check rows against declared rules."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def check(self, context: dict[str, Any], params: CheckParams) -> CheckResult:
        """Split rows into valid ones, with typed values, and rejected ones, with the reason; none is lost.

        Params:

        - `rows`, flat dicts of texts, as `table.Csv.read` returns them. A row that carries a `_reason` is rejected
          for it.
        - `rules`, column -> `{"type", "required", "enum", "minimum", "maximum"}`, each of them optional. `type` is
          string (the default), integer, number or date (2007-11-11); `enum` lists the texts that are allowed;
          `minimum` and `maximum` are inclusive, in the column's own unit. A column without a rule may hold anything.
        - `missing`, the texts that mean "no value", default only the empty text. A required column may not hold one.

        Result: `rows`, the valid ones: numbers are numbers, what is missing is null, a date stays its text;
        `rejected`, the others with the values as they were read and all that is wrong in `_reason`; `counts`, with
        read = valid + rejected. Rejected rows are logged as one warning. The step does not fail for them: let a later
        step decide.

        Raises `ValueError` for a rule that cannot be meant: an unknown word or type, a column that the rows do not
        have.
        """
        rules, missing = params["rules"], frozenset(params.get("missing", [""]))
        _check_rules(rules, params["rows"])
        verdicts = [_judge(row, rules, missing) for row in params["rows"]]
        rejected = [verdict.row for verdict in verdicts if verdict.rejected]
        valid = [verdict.row for verdict in verdicts if not verdict.rejected]
        self._report(rejected, len(verdicts))
        counts: Counts = {"read": len(verdicts), "valid": len(valid), "rejected": len(rejected)}
        return {"rows": valid, "rejected": rejected, "counts": counts}

    def _report(self, rejected: list[Row], read: int) -> None:
        if not rejected:
            self.logger.info("all %d rows are valid", read)
            return
        first = "; ".join(f"line {row.get('_line', '?')}: {row['_reason']}" for row in rejected[:5])
        self.logger.warning("%d of %d rows rejected, the first ones: %s", len(rejected), read, first)


class _Verdict(NamedTuple):
    row: Row
    rejected: bool


class _RuleError(ValueError):
    """A value breaks its rule; the message says how."""


def _judge(row: Row, rules: dict[str, Rule], missing: frozenset[str]) -> _Verdict:
    if "_reason" in row:
        return _Verdict(row, rejected=True)
    typed: Row = {}
    reasons = []
    for column in dict.fromkeys([*row, *rules]):
        try:
            typed[column] = _value(row.get(column), rules.get(column, {}), missing)
        except _RuleError as wrong:
            reasons.append(f"{column}: {wrong}")
    if not reasons:
        return _Verdict(typed, rejected=False)
    place = {"_line": row["_line"]} if "_line" in row else {}
    return _Verdict(place | {"_reason": "; ".join(reasons)} | row, rejected=True)


def _value(value: Any, rule: Rule, missing: frozenset[str]) -> Any:
    if value is None or (isinstance(value, str) and value in missing):
        if rule.get("required", False):
            raise _RuleError("is missing")
        return None
    if "enum" in rule and value not in rule["enum"]:
        raise _RuleError(f"{_shown(value)} is none of {', '.join(map(str, rule['enum']))}")
    typed = _TYPES[rule.get("type", "string")](value)
    if "minimum" in rule and typed < rule["minimum"]:
        raise _RuleError(f"{_shown(value)} is below {rule['minimum']}")
    if "maximum" in rule and typed > rule["maximum"]:
        raise _RuleError(f"{_shown(value)} is above {rule['maximum']}")
    return typed


_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _integer(value: Any) -> int:
    if not _INTEGER.fullmatch(str(value).strip()):
        raise _RuleError(f"{_shown(value)} is no integer")
    return int(value)


def _number(value: Any) -> float:
    # float() alone would take "nan", "infinity" and "1_000".
    if not _NUMBER.fullmatch(str(value).strip()) or not math.isfinite(float(value)):
        raise _RuleError(f"{_shown(value)} is no number")
    return float(value)


def _date(value: Any) -> str:
    try:
        # Python alone would also take 20071111 and 2007-W45-7.
        if _DATE.fullmatch(str(value)):
            return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        pass
    raise _RuleError(f"{_shown(value)} is no date like 2007-11-11")


def _string(value: Any) -> Any:
    return value


_TYPES = {"string": _string, "integer": _integer, "number": _number, "date": _date}


def _shown(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}…"'


def _check_rules(rules: dict[str, Rule], rows: list[Row]) -> None:
    columns = {column for row in rows for column in row}
    for column, rule in rules.items():
        unknown = set(rule) - set(Rule.__annotations__)
        if unknown:
            raise ValueError(f'params.rules: "{column}" has unknown words: {", ".join(sorted(unknown))}')
        if rule.get("type", "string") not in _TYPES:
            raise ValueError(f'params.rules: "{column}": the type is one of {", ".join(_TYPES)}, not {rule["type"]!r}')
        if {"minimum", "maximum"} & set(rule) and rule.get("type") not in ("integer", "number"):
            raise ValueError(f'params.rules: "{column}": minimum and maximum need the type integer or number')
        if rows and column not in columns:
            raise ValueError(f'params.rules: no row has a column "{column}" (columns: {", ".join(sorted(columns))})')
