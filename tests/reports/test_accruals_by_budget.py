"""The sums by budget are the sums of the single accruals, to the cent, on either database."""

from collections import defaultdict
from decimal import Decimal

import pytest

from budgets.models import BudgetCell
from purchase_orders.models import PurchaseOrderLine
from reports.accruals import accrued_by_cell, received_not_invoiced
from tests.factories import NOW, TODAY, Organisation
from tests.reports.test_accruals import Order

pytestmark = pytest.mark.django_db


def one_share(org: Organisation, quantity: str, price: str, **given: object) -> Order:
    """A line paid by one budget alone."""
    order = Order(org, quantity, price, **given)
    first, *others = order.shares
    for share in others:
        share.delete()
    first.percent, first.amount = Decimal(100), order.line.net
    first.save()
    order.shares = [first]
    return order


@pytest.mark.parametrize("as_of", [None, TODAY])
def test_sums_by_budget_are_the_sums_of_single_accruals(org: Organisation, as_of):
    Order(org, "10", "100").receive("7")
    one_share(org, "3", "33.335").receive("1")
    one_share(org, "10", "10.10", currency="USD", rate=Decimal("0.905")).receive("7")
    one_share(org, "10", "1234.5", currency="JPY", rate=Decimal("0.006")).receive("3")
    one_share(org, "10", "1.2345", currency="KWD", rate=Decimal("3.00")).receive("1")
    amount = one_share(org, "1", "1000", line={"basis": PurchaseOrderLine.Basis.AMOUNT})
    amount.receive("0.5")
    amount.bill("0.2")
    early = one_share(org, "10", "100")
    early.bill("5")
    closed = one_share(org, "10", "100", status="cancelled", closed_at=NOW)
    closed.receive("5")
    single = defaultdict(Decimal)
    for each in received_not_invoiced(entity=org.entity, as_of=as_of):
        single[each.cell_id] += each.base
    stored = accrued_by_cell(BudgetCell.objects.values_list("pk", flat=True), as_of=as_of)
    assert single and {cell: base for cell, base in stored.items() if base} == single
