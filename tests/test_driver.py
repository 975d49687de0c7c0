"""Transactions over the driver: all or nothing, in those of others a savepoint, and with the errors of Django."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from flows.recording.driver import driver_transaction, for_driver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def numbers() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers_of_a_test (number INTEGER PRIMARY KEY)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE numbers_of_a_test")


def insert(*numbers: int) -> None:
    statement = for_driver("INSERT INTO numbers_of_a_test VALUES (%s)", connection.vendor)
    with driver_transaction(connection) as cursor:
        for number in numbers:
            cursor.execute(statement, [number])


def stored() -> list[int]:
    # Over a connection of its own a row is seen only when it is committed.
    seen = connection.copy()
    try:
        with seen.cursor() as cursor:
            cursor.execute("SELECT number FROM numbers_of_a_test ORDER BY number")
            return [number for (number,) in cursor.fetchall()]
    finally:
        seen.close()


def test_all_statements_are_committed_together() -> None:
    insert(1, 2)

    assert stored() == [1, 2]


def test_a_statement_that_fails_takes_back_those_before_it_and_raises_the_error_of_django() -> None:
    with pytest.raises(IntegrityError):
        insert(1, 1)

    assert stored() == []
    insert(2)
    assert stored() == [2]


def insert_and_be_interrupted() -> None:
    with driver_transaction(connection) as cursor:
        cursor.execute("INSERT INTO numbers_of_a_test VALUES (1)")
        raise KeyboardInterrupt


def test_what_raises_between_statements_takes_them_back() -> None:
    with pytest.raises(KeyboardInterrupt):
        insert_and_be_interrupted()

    assert stored() == []


def query_and_be_interrupted() -> None:
    with driver_transaction(connection), connection.cursor() as cursor:
        cursor.execute("INSERT INTO numbers_of_a_test VALUES (1)")
        raise KeyboardInterrupt


def test_a_query_of_django_meanwhile_is_part_of_it() -> None:
    with pytest.raises(KeyboardInterrupt):
        query_and_be_interrupted()

    assert stored() == []


def test_inside_a_transaction_of_others_only_its_own_part_is_taken_back_and_nothing_is_committed() -> None:
    with transaction.atomic():
        insert(1)
        with pytest.raises(IntegrityError):
            insert(2, 2)
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM numbers_of_a_test")
            assert list(cursor.fetchall()) == [(1,)]
        transaction.set_rollback(True)

    assert stored() == []


def test_a_closed_connection_is_opened() -> None:
    connection.close()

    insert(1)

    assert stored() == [1]


def insert_over_a_connection_that_breaks() -> None:
    with driver_transaction(connection) as cursor:
        cursor.execute("INSERT INTO numbers_of_a_test VALUES (1)")
        connection.connection.close()
        cursor.execute("INSERT INTO numbers_of_a_test VALUES (2)")


def test_a_connection_that_cannot_roll_back_is_closed_so_that_the_next_statement_opens_another() -> None:
    with pytest.raises(DatabaseError):
        insert_over_a_connection_that_breaks()

    assert stored() == []
    insert(3)
    assert stored() == [3]


def test_a_percent_sign_reaches_both_drivers_as_one() -> None:
    statement = for_driver("SELECT '%%s', %s", connection.vendor)

    with driver_transaction(connection) as cursor:
        cursor.execute(statement, ["%s"])

        assert tuple(cursor.fetchone()) == ("%s", "%s")
