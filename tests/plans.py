"""How the database finds rows: what it says of a query before it answers."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def reads_an_index_alone(read: Callable[[], object]) -> bool:
    """Return whether the first query that is made needs no row of the table itself."""
    with CaptureQueriesContext(connection) as queries:
        read()
    is_mysql = connection.vendor == "mysql"
    with connection.cursor() as cursor:
        cursor.execute(("EXPLAIN " if is_mysql else "EXPLAIN QUERY PLAN ") + queries[0]["sql"])
        return ("Using index" if is_mysql else "COVERING INDEX") in str(cursor.fetchall())
