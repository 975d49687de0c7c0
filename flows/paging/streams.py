"""Join queries into one statement in ways that the ORM cannot say on every database."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db import connections
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)
Statement = tuple[str, tuple[Any, ...]]
# No name and no status is this.
_EACH = "\0each"


def all_of(parts: Sequence[QuerySet[Row]]) -> Iterator[Row]:
    """Return the rows of all these queries of one table, one after the other, by one statement.

    Each part may be sorted and cut; SQLite wants such parts as tables of their own.
    """
    return _rows_of(parts[0], [compiled(part) for part in parts])


def first_of_each(rows: QuerySet[Row], column: str, values: Iterable[str]) -> Iterator[Row]:
    """Return the first of these rows, which are sorted downward, for each value of a column, by one statement.

    An index on the column and the order finds each at once; a GROUP BY would look through all rows.
    """
    # With an equality MariaDB may walk the whole table backwards by the id until it meets such a row.
    one = rows.filter(**{f"{column}__gte": _EACH, f"{column}__lte": _EACH})
    # Making the query takes longer than asking it, so it is made once.
    sql, parameters = compiled(one.order_by(f"-{column}", *rows.query.order_by)[:1])
    statements = [(sql, tuple(value if one == _EACH else one for one in parameters)) for value in values]
    return _rows_of(rows, statements) if statements else iter(())


def values_of(rows: QuerySet[Any, Any], statements: Sequence[Statement]) -> Sequence[tuple[Any, ...]]:
    """Return the plain values of all these statements by one, where those rows are; numbers and texts only."""
    sql, parameters = _joined(statements)
    with connections[rows.db].cursor() as cursor:
        cursor.execute(sql, parameters)
        found: Sequence[tuple[Any, ...]] = cursor.fetchall()
        return found


def compiled(rows: QuerySet[Any, Any]) -> Statement:
    """Return the SQL of a query and its parameters, apart."""
    sql, parameters = rows.query.get_compiler(rows.db).as_sql()
    return sql, tuple(parameters)


def last_of(rows: QuerySet[Row]) -> Row | None:
    """Return the last row of a sorted and cut query; the database walks the index, nothing is fetched on the way."""
    order = ", ".join(map(_reversed, map(str, rows.query.order_by)))
    sql, parameters = compiled(rows)
    found = rows.model._default_manager.using(rows.db).raw(
        f"SELECT * FROM ({sql}) AS walked ORDER BY {order} LIMIT 1",  # noqa: S608
        parameters,
    )
    return next(iter(found), None)


def _rows_of(rows: QuerySet[Row], statements: Sequence[Statement]) -> Iterator[Row]:
    # The text is what the ORM made; all values are parameters.
    sql, parameters = _joined(statements)
    return iter(rows.model._default_manager.using(rows.db).raw(sql, parameters))


def _joined(statements: Sequence[Statement]) -> Statement:
    texts = [f"SELECT * FROM ({sql}) AS part{number}" for number, (sql, _) in enumerate(statements)]  # noqa: S608
    return " UNION ALL ".join(texts), tuple(value for _, values in statements for value in values)


def _reversed(name: str) -> str:
    return name[1:] if name.startswith("-") else f"{name} DESC"
