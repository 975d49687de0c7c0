"""Join queries into one statement in ways that the ORM cannot say on every database."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connections, router
from django.db.models import QuerySet

from flows.models import SysLog

Statement = tuple[str, tuple[Any, ...]]


def all_of(parts: Sequence[QuerySet[SysLog]]) -> Iterator[SysLog]:
    """Return the rows of all these queries, one after the other, by one statement.

    Each part may be sorted and cut; SQLite wants such parts as tables of their own.
    """
    sql, parameters = _joined([compiled(part) for part in parts])
    # The text is what the ORM made; all values are parameters.
    return iter(SysLog.objects.raw(sql, parameters))


def values_of(statements: Sequence[Statement]) -> Sequence[tuple[Any, ...]]:
    """Return the plain values of all these queries by one statement; numbers and texts only."""
    sql, parameters = _joined(statements)
    with connections[_alias()].cursor() as cursor:
        cursor.execute(sql, parameters)
        found: Sequence[tuple[Any, ...]] = cursor.fetchall()
        return found


def compiled(rows: QuerySet[Any, Any]) -> Statement:
    """Return the SQL of a query and its parameters, apart."""
    sql, parameters = rows.query.get_compiler(_alias()).as_sql()
    return sql, tuple(parameters)


def last_of(rows: QuerySet[SysLog]) -> SysLog | None:
    """Return the last row of a sorted and cut query; the database walks the index, nothing is fetched on the way."""
    order = ", ".join(map(_reversed, map(str, rows.query.order_by)))
    sql, parameters = compiled(rows)
    return next(iter(SysLog.objects.raw(f"SELECT * FROM ({sql}) AS walked ORDER BY {order} LIMIT 1", parameters)), None)  # noqa: S608


def _joined(statements: Sequence[Statement]) -> Statement:
    texts = [f"SELECT * FROM ({sql}) AS part{number}" for number, (sql, _) in enumerate(statements)]  # noqa: S608
    return " UNION ALL ".join(texts), tuple(value for _, values in statements for value in values)


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"{name} DESC"


def _alias() -> str:
    return router.db_for_read(SysLog) or "default"
