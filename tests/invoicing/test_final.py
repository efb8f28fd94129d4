"""Final invoices: nothing more is billed, the order closes, its budget gets the rest (C19)."""

from decimal import Decimal

import pytest

from core.errors import Invalid
from core.models import OutboxItem, TrailEvent
from invoicing import services
from invoicing.models import Invoice
from purchase_orders import queries
from purchase_orders import services as orders
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW
from tests.invoicing.billing import drain
from tests.purchase_orders.making import held

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def proved(books_hold):
    """The books hold whatever a test here did."""


def state(order):
    stored = PurchaseOrder.objects.get(pk=order.pk)
    return stored.status, queries.billing_status(stored), stored.close_reason


def spent(org):
    return org.cell("CC100", "6600").spent


def test_what_a_final_invoice_left_is_freed_once_with_its_reason(org, make, bills):
    """Of 15 000 ordered 11 000 are billed, and nothing more comes: 4 000 are freed."""
    order = make.issued(("1", "15000"), basis="amount")
    make.receive(order, "1")
    invoice = bills.billed(order, ("1", "11000"), is_final=True)
    assert (invoice.status, held(order.pk), spent(org)) == ("cleared", 4000, 11000)
    drain()
    why = f"Invoice {invoice.number} was the final one."
    assert state(order) == ("closed", "final", why)
    assert (held(order.pk), spent(org)) == (0, 11000)
    promised = OutboxItem.objects.filter(handler="invoicing.end_order")
    event = TrailEvent.objects.get(type="invoice.cleared_as_final")
    assert promised.count() == 1
    services.end_order(invoice_id=invoice.pk, at=event.at)
    drain()
    released = TrailEvent.objects.get(type="order.released")
    assert (Decimal(released.data["released"]), released.reason) == (4000, why)


def test_an_invoice_that_is_not_the_last_leaves_its_order_open(make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    bills.billed(order, ("4", "10"))
    drain()
    assert (state(order), held(order.pk)) == (("issued", "partial", ""), 60)


def test_one_that_stops_ends_nothing_before_it_is_cleared(make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "4")
    invoice = bills.billed(order, ("4", "15"), is_final=True)
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    drain()
    assert (state(order)[0], held(order.pk)) == ("issued", 100)


def test_a_void_before_the_worker_came_leaves_the_order_open(org, fay, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("4", "10"), is_final=True)
    services.void(invoice=invoice, reason="More comes", actor=fay, at=NOW)
    drain()
    assert (state(order)[:2], held(order.pk), spent(org)) == (("issued", "none"), 100, 0)


def test_a_reopened_order_may_be_billed_again(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("4", "10"), is_final=True)
    drain()
    orders.reopen(order=order, actor=org.bea, at=NOW, reason="They found six more")
    services.end_order(invoice_id=invoice.pk, at=NOW)  # delivered once more
    assert (state(order)[:2], held(order.pk)) == (("issued", "partial"), 60)
    assert bills.billed(order, ("6", "10")).status == Invoice.Status.CLEARED
    assert (held(order.pk), spent(org)) == (0, 100)


def test_a_credit_note_is_never_final(make, bills):
    order = make.issued(("10", "10"))
    with pytest.raises(Invalid) as refused:
        bills.captured(order, ("4", "10"), kind="credit_note", is_final=True)
    assert [each.pointer for each in refused.value.errors] == ["/is_final"]
    assert not Invoice.objects.exists()
