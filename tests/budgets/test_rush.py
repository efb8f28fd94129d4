"""Two hundred orders at once for a budget with room for ten; and builds that would let more pass.

The broken builds race in the same way and are asked the same questions: were they not caught, the
tests above them would prove nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from accounts.models import Control
from budgets import ledger
from budgets.ledger import BudgetExceeded
from budgets.models import BudgetCell, LedgerEntry
from purchase_orders import services as purchase_orders
from purchase_orders.models import PurchaseOrder
from tests.budgets.postings import D, Desk, Paper
from tests.factories import NOW, TODAY, Organisation
from tests.invariants.fixtures import assert_books_hold
from tests.journeys.test_concurrency_budget import own_drafts
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ORDERS, ROOM, PRICE = 200, 10, D(50)  # 500 in the budget


def encumber(paper: Paper) -> None:
    ledger.encumber(source=paper.source, shares=[paper.share(PRICE)], on=TODAY, actor=None, at=NOW)


def rush(cell: BudgetCell, order: Callable[[Paper], None]) -> Counter[str]:
    """How many of all the orders at once passed, and how many were refused; anything else fails."""
    return all_at_once([lambda: order(Paper(cell))] * ORDERS)


def all_at_once(orders: list[Callable[[], object]]) -> Counter[str]:
    """The answers to all of them, each timed from the moment at which all began.

    p95 is printed, not asserted: it says how fast this machine is. `bin/bench` measures it alone.
    """
    took: list[float] = []

    def one(order: Callable[[], object]) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")  # nobody is told to come back later
        began = time.perf_counter()
        try:
            order()
        except BudgetExceeded:
            return "refused"
        finally:
            took.append(time.perf_counter() - began)
        return "passed"

    outcomes = race([lambda order=order: one(order) for order in orders])
    assert not [each for each in outcomes if not isinstance(each, str)], outcomes
    print(f"p95 of {len(took)} at once: {sorted(took)[int(len(took) * 0.95)]:.2f} s")
    return Counter(outcomes)


def exactly_ten(cell: BudgetCell, outcomes: Counter[str]) -> bool:
    """What the rush must come to, by answers, stored balance and entries alike."""
    entries = LedgerEntry.objects.filter(cell=cell).aggregate(total=Sum("amount"))["total"]
    stored = BudgetCell.objects.get(pk=cell.pk).encumbered
    return outcomes == {"passed": ROOM, "refused": ORDERS - ROOM} and entries == stored == D(500)


def deadlocks() -> int:
    """How many the database saw since it was made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    return count


def test_two_hundred_orders_at_once_and_room_for_ten(tight: Desk):
    before = deadlocks()
    assert exactly_ten(tight.cell, rush(tight.cell, encumber))
    assert deadlocks() == before
    assert_books_hold()


def test_two_hundred_issues_at_once_through_the_services(org: Organisation, books_hold):
    """Drafts of 30.00 on 300.00: ten numbers without a gap, and no deadlock."""
    cell = org.cells["CC400", "6600", None]
    drafts = own_drafts(org, ORDERS, "CC400")
    _set_amount(org, cell, D(300))
    before = deadlocks()

    def issue(draft: PurchaseOrder) -> Callable[[], object]:
        return lambda: purchase_orders.issue(order=draft, actor=org.bea, at=NOW)

    outcomes = all_at_once([issue(draft) for draft in drafts])
    assert outcomes == {"passed": ROOM, "refused": ORDERS - ROOM}
    assert org.cell("CC400", "6600").encumbered == D(300)
    assert deadlocks() == before
    numbers = PurchaseOrder.objects.exclude(number=None).order_by("number")
    assert [each.number for each in numbers] == [f"PO-2026-{n:06d}" for n in range(1, ROOM + 1)]


def _set_amount(org: Organisation, cell: BudgetCell, amount: Decimal) -> None:
    ledger.set_budget(
        entity=org.entity,
        fiscal_year=TODAY.year,
        cost_center=cell.cost_center,
        gl_account=cell.gl_account,
        amount=amount,
        control=Control.STOP,
        actor=org.cora,
        at=NOW,
        reason="Room for ten",
    )


def _open_to_all(cell: BudgetCell) -> None:
    """As in a build that looks first and trusts what it saw: nothing stands behind it."""
    BudgetCell.objects.filter(pk=cell.pk).update(control=Control.TRACK)


def _spent(cell: BudgetCell) -> Decimal:
    return LedgerEntry.objects.filter(cell=cell).aggregate(total=Sum("amount"))["total"] or D(0)


def sum_then_insert(paper: Paper) -> None:
    with transaction.atomic():
        if _spent(paper.cell) + PRICE > 500:
            raise BudgetExceeded([])
        encumber(paper)


def read_then_write(paper: Paper) -> None:
    """No lock, and a balance that is written as it was read, plus the new order."""
    with transaction.atomic():
        cell = BudgetCell.objects.get(pk=paper.cell.pk)
        if cell.encumbered + PRICE > 500:
            raise BudgetExceeded([])
        encumber(paper)
        BudgetCell.objects.filter(pk=cell.pk).update(encumbered=cell.encumbered + PRICE)


def lock_then_sum_in_an_old_snapshot(paper: Paper) -> None:
    """REPEATABLE READ: the sum is as old as the transaction, however long it waits for the lock."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT 1 FROM budgets_ledgerentry LIMIT 1")
            # a lock that changes nothing in the row, so that nobody is told to try again
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [paper.cell.pk])
        if _spent(paper.cell) + PRICE > 500:
            raise BudgetExceeded([])
        _note(paper)


def _note(paper: Paper) -> None:
    """Only the entry: the balance of the cell, or the sum of its month, would make the database
    refuse the second."""
    LedgerEntry.objects.create(
        event="order.issued",
        event_key=str(paper.id),
        entity=paper.cell.entity,
        cell=paper.cell,
        stage="ENC",
        amount=PRICE,
        document_amount=PRICE,
        currency="EUR",
        rate=D(1),
        document_type=paper.kind,
        document_id=paper.id,
        line_id=paper.line,
        distribution_id=paper.distribution,
        posting_date=TODAY,
        recorded_at=NOW,
    )


@pytest.mark.parametrize(
    "broken", [sum_then_insert, read_then_write, lock_then_sum_in_an_old_snapshot]
)
def test_a_broken_build_is_caught(tight: Desk, broken: Callable[[Paper], None]):
    """In one rush of three at the latest: it says that more than ten passed, or loses count."""
    _open_to_all(tight.cell)
    with _without_sums_of_months():
        found = (exactly_ten(tight.cell, rush(tight.cell, broken)) for _ in range(3))
        assert not all(found), f"{broken.__name__} went unnoticed"


@contextmanager
def _without_sums_of_months() -> Iterator[None]:
    """As in a build whose database does not keep them: they would refuse a second writer too."""
    table = LedgerEntry._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_months")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_months")
