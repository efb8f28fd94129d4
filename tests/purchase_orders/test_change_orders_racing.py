"""Changes of orders beside invoices, receipts and each other: one order of locks, nothing twice."""

from collections import Counter
from decimal import Decimal

import pytest

from budgets.ledger import BelowUsed
from core.errors import Conflict, IllegalTransition
from core.transactions import atomic
from purchase_orders import services
from purchase_orders.locks import locked
from purchase_orders.models import ChangeOrder, PurchaseOrder, Receipt
from tests import factories
from tests.purchase_orders.making import LATER, Maker, held, line_of
from tests.purchase_orders.test_change_orders import (
    approve,
    bill_all,
    changed,
    draft,
    issue,
    submitted,
)
from tests.racing import race

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def make(transactional_db: None) -> Maker:
    return Maker(factories.organisation())


def test_two_changes_of_one_order_leave_one(make: Maker) -> None:
    order = make.issued(("10", "100"))
    results = race([lambda: draft(make, order, changed(order, quantity="9"))] * 8)
    assert Counter(type(each) for each in results) == {ChangeOrder: 1, Conflict: 7}


def test_a_change_is_issued_once(make: Maker) -> None:
    order = make.issued(("10", "100"))
    change = approve(submitted(make, order, changed(order, quantity="20")))
    results = race([lambda: issue(make, change)] * 8)
    assert Counter(type(each) for each in results) == {ChangeOrder: 1, IllegalTransition: 7}
    order.refresh_from_db()
    assert (order.revision, held(order.pk), held(change.pk, "PRE")) == (2, 2000, 0)


def test_a_change_beside_a_receipt_never_goes_below_it(make: Maker) -> None:
    for _ in range(6):
        order = make.issued(("10", "100"))
        change = submitted(make, order, changed(order, quantity="4"))
        issued, received = race(
            [
                lambda change=change: issue(make, change),
                lambda order=order: make.receive(order, "6", at=LATER),
            ]
        )
        line = line_of(order)
        if isinstance(issued, ChangeOrder):
            assert (line.quantity, line.received) == (4, 0)
            assert isinstance(received, services.OverReceipt)
        else:
            assert isinstance(issued, BelowUsed)
            assert isinstance(received, Receipt)
            assert (line.quantity, line.received) == (10, 6)


def test_a_change_beside_an_invoice_never_goes_below_it(make: Maker) -> None:
    def clear(order: PurchaseOrder) -> str:
        with atomic():  # as clearing does: the order first
            locked(order)
            if line_of(order).quantity < 10:
                return "less is ordered"
            bill_all(make, order)
        return "billed"

    for _ in range(6):
        order = make.issued(("10", "100"))
        change = submitted(make, order, changed(order, unit_price="95"))
        issued, billed = race(
            [lambda change=change: issue(make, change), lambda order=order: clear(order)]
        )
        assert billed == "billed"
        if isinstance(issued, ChangeOrder):
            assert held(order.pk) == 0
            assert line_of(order).net == 950
        else:
            assert isinstance(issued, BelowUsed)
            assert line_of(order).net == 1000


def test_changes_of_many_orders_share_a_cell_without_a_circle(make: Maker) -> None:
    orders = [make.issued(("10", "10"), ("5", "10")) for _ in range(8)]
    changes = [
        approve(
            submitted(
                make, order, changed(order, quantity="20"), changed(order, 2, is_cancelled=True)
            )
        )
        for order in orders
    ]
    results = race([lambda change=change: issue(make, change) for change in changes])
    assert {type(each) for each in results} == {ChangeOrder}, results
    assert make.org.cell("CC100", "6600").encumbered == Decimal(8 * 200)
