"""Credit notes in ledger, on orders and in the accrual report."""

from datetime import timedelta

import pytest

from budgets.models import LedgerEntry, Stage
from invoicing.models import Invoice
from reports import queries
from tests.factories import TODAY, Organisation
from tests.invoicing.billing import Biller
from tests.purchase_orders.making import Maker

pytestmark = pytest.mark.django_db


def test_a_return_for_credit_takes_its_quantity_back_everywhere(org: Organisation, books_hold):
    maker, biller = Maker(org), Biller(org)
    order = maker.issued(("10", "100"))
    maker.receive(order, "10")
    biller.billed(order, ("10", "100"))
    credit = biller.credit(order, ("2", "100"))
    assert credit.status == Invoice.Status.CLEARED
    entry = LedgerEntry.objects.get(document_id=credit.pk, stage=Stage.ACT)
    assert (entry.amount, entry.quantity) == (-200, -2)
    assert not LedgerEntry.objects.filter(document_id=credit.pk, stage=Stage.ENC).exists()
    day = TODAY + timedelta(days=1)
    now = queries.received_not_invoiced(entity=org.entity)
    then = queries.received_not_invoiced(entity=org.entity, as_of=day)
    assert [row.base for row in now] == [row.base for row in then] == [200]


def test_a_price_credit_moves_money_only(org: Organisation, books_hold):
    maker, biller = Maker(org), Biller(org)
    order = maker.issued(("10", "100"))
    maker.receive(order, "10")
    biller.billed(order, ("6", "100"))
    credit = biller.credit(order, ("6", "3"))
    assert credit.status == Invoice.Status.CLEARED
    entry = LedgerEntry.objects.get(document_id=credit.pk)
    assert (entry.stage, entry.amount, entry.quantity) == (Stage.ACT, -18, 0)
    rows = queries.received_not_invoiced(entity=org.entity, as_of=TODAY + timedelta(days=1))
    assert [row.base for row in rows] == [400]
