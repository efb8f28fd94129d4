"""Reading many tables as of one moment, while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

MEMORY = "256MB"
_PATIENCE = {"statement_timeout": "0", "work_mem": MEMORY}
_BY_KEY = {"enable_hashagg": "off", "max_parallel_workers_per_gather": "0"}


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
    """Statements inside may take the time and memory that they need: proofs read whole tables.

    For commands only, inside a snapshot: a page is ended by the portal's own limit. At `MEMORY`
    for each sort and twice that for each sum by key, PostgreSQL adds up some million rows without
    writing them out in between.
    """
    if connection.vendor != "postgresql":
        yield
        return
    before = {name: _set(name, value) for name, value in _PATIENCE.items()}
    yield
    for name, value in before.items():
        _set(name, value)


@contextmanager
def in_key_order() -> Iterator[None]:
    """Sums by key inside are made key after key, as an index or a sort brings the rows.

    For statements that bring about as many keys as rows. PostgreSQL cannot guess how many there
    are in a UNION, and makes their sums in a hash table that it then writes out in parts; ids are
    in order of time as the rows are, so that putting them in order costs next to nothing. Changes
    nothing outside a transaction.
    """
    if connection.vendor != "postgresql" or not connection.in_atomic_block:
        yield
        return
    before = {name: _set(name, value) for name, value in _BY_KEY.items()}
    yield
    for name, value in before.items():
        _set(name, value)


def _set(name: str, value: str) -> str:
    """Set it until the transaction ends; returns what it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
    return str(before)
