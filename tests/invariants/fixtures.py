"""`books_hold()` proves the books after a test's journey; `tampered` breaks one row by raw SQL."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from budgets import invariants
from core import append_only
from tests.factories import Organisation

CHECKS = {
    "cell_never_overspent": "budgets_budgetcell",
    "cell_enc_not_negative": "budgets_budgetcell",
    "order_total_adds_up": "purchase_orders_purchaseorder",
}


def assert_books_hold() -> None:
    """Every invariant of the books holds now."""
    faults = [f"{name}: {fault}" for name, proof in invariants.prove() for fault in proof.faults]
    assert not faults, "\n".join(faults)


@pytest.fixture
def books_hold(db: None) -> Iterator[Callable[[], None]]:
    """Proves the books whenever called, and once more when the test ends."""
    yield assert_books_hold
    assert_books_hold()


@pytest.fixture
def tampered(db: None) -> Callable[..., None]:
    """`tampered("UPDATE …", …)`: what somebody with the database's own rights could do."""

    def run(statement: str, *values: object) -> None:
        connection.check_constraints()  # PostgreSQL alters no table that has checks pending
        with connection.cursor() as cursor:
            for table in append_only.tables():
                for trigger in _triggers(table):
                    cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            cursor.execute(statement, values)

    return run


@pytest.fixture
def no_checks(org: Organisation) -> Iterator[None]:
    """CHECK constraints are gone, as on a database that somebody rebuilt by hand."""
    connection.check_constraints()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for name, table in CHECKS.items():
                cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            yield
        else:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            yield
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def _triggers(table: str) -> list[str]:
    if connection.vendor == "postgresql":
        return [f"{table}_rows ON {table}", f"{table}_truncate ON {table}"]
    return [f"{table}_update", f"{table}_delete"]
