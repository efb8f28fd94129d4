"""Reading many tables as of one moment, while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside belongs to one moment; writing inside is refused on PostgreSQL.

    Inside a running transaction or another snapshot it changes nothing: that one's view is what
    counts there.
    """
    if connection.in_atomic_block or _is_reading():
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Django would begin IMMEDIATE here and lock out every writer; a reader needs no lock.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def _is_reading() -> bool:
    """Whether a snapshot is open on SQLite, where Django does not know of it."""
    open_connection: Any = connection.connection
    return connection.vendor == "sqlite" and bool(
        open_connection and open_connection.in_transaction
    )


@contextmanager
def patient() -> Iterator[None]:
    """Statements inside may take as long as they need: proofs read whole tables.

    For commands only, inside a snapshot: a page is ended by the portal's own limit.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SET LOCAL statement_timeout = 0")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
