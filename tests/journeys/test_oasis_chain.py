"""A chain no one here wrote: order AEG012345, 90 of 100 received, invoice A00095678 for 100."""

import pytest

from core import outbox
from core.errors import Conflict
from invoicing import services as invoicing
from invoicing.models import Invoice
from purchase_orders import services as orders
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import PurchaseOrder
from tests.factories import NOW, TODAY
from tests.shared_data import folder
from vendors.inputs import BankInput
from vendors.services import bank, master_data

pytestmark = pytest.mark.django_db


@pytest.fixture
def taken_over(org, bea):
    data = (folder("oasis-ubl") / "UBL-Order-2.0-Example.xml").read_bytes()
    order = orders.import_ubl(entity=org.entity, data=data, actor=bea, at=NOW)
    master_data.approve(vendor=order.vendor, actor=org.vera, at=NOW)
    account = BankInput("Consortial", "12345678", routing="10-26-58", country="GB")
    bank.take_over(vendor=order.vendor, data=account, at=NOW, note="On file before the portal")
    return order


def receive(order, quantity, rob):
    orders.post_receipt(
        order=order,
        lines=[ReceiptInput(order.lines.get(), quantity)],
        received_on=TODAY,
        actor=rob,
        at=NOW,
    )
    outbox.drain()


def bill(org, finn):
    data = (folder("oasis-ubl") / "UBL-Invoice-2.0-Example.xml").read_bytes()
    invoice = invoicing.import_file(
        entity=org.entity, data=data, filename="invoice.xml", actor=finn, at=NOW
    )
    outbox.drain()
    return Invoice.objects.get(pk=invoice.pk)


def test_the_order_is_taken_over_at_its_line_amount(org, taken_over):
    line = taken_over.lines.get()
    assert taken_over.status == PurchaseOrder.Status.ISSUED
    assert (taken_over.legacy_number, taken_over.currency) == ("AEG012345", "GBP")
    assert (line.quantity, line.unit, line.unit_price, line.net) == (100, "KGM", 1, 100)
    assert taken_over.number


def test_the_same_order_is_not_taken_over_twice(org, bea, taken_over):
    data = (folder("oasis-ubl") / "UBL-Order-2.0-Example.xml").read_bytes()
    with pytest.raises(Conflict):
        orders.import_ubl(entity=org.entity, data=data, actor=bea, at=NOW)


def test_billing_the_full_hundred_stops_at_ten_over(org, finn, rob, taken_over):
    receive(taken_over, 90, rob)
    invoice = bill(org, finn)
    assert invoice.order == taken_over
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    exception = invoice.exceptions.unresolved().get(check_name="quantity_received")
    assert (exception.expected, exception.actual, exception.variance) == ("90", "100", "10")
    assert "10 kg more than received" in exception.sentence


def test_after_the_missing_ten_only_the_tax_is_left(org, finn, rob, taken_over):
    """17.50 is 17.5 % of 100.00, but 90.00 is left after the allowance: 15.75 was due."""
    receive(taken_over, 90, rob)
    invoice = bill(org, finn)
    receive(taken_over, 10, rob)
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    assert {each.check_name for each in invoice.exceptions.unresolved()} == {"tax"}


def test_the_rest_can_be_accepted_and_pays_what_was_agreed(org, finn, fay, rob, taken_over):
    receive(taken_over, 90, rob)
    invoice = bill(org, finn)
    receive(taken_over, 10, rob)
    for exception in invoice.exceptions.unresolved():
        invoicing.resolve(
            exception=exception,
            resolution="accept",
            reason_code="tax_checked",
            comment="Agreed with the vendor.",
            actor=fay,
            at=NOW,
        )
    invoice.refresh_from_db()
    assert invoice.status == Invoice.Status.CLEARED
    assert taken_over.lines.get().billed_quantity == 100
