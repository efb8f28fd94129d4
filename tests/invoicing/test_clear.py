"""What clearing books, to the cent: odd lines, odd charges, and what nobody may clear."""

from decimal import Decimal

import pytest

from core import files
from core.errors import Conflict, Invalid, NotAllowed
from invoicing import services
from invoicing.facts import credited
from invoicing.inputs import InvoiceLineInput
from invoicing.models import Invoice, InvoiceLine, MatchException
from purchase_orders import services as orders
from purchase_orders.models import PurchaseOrderLine
from tests.factories import NOW
from tests.purchase_orders.making import held

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def proved(books_hold):
    """The books hold whatever a test here did."""


def accept_all(invoice, actor):
    for exception in invoice.exceptions.unresolved():
        services.resolve(
            exception=exception,
            resolution=MatchException.Resolution.ACCEPTED,
            reason_code="other",
            actor=actor,
            at=NOW,
        )
    return Invoice.objects.get(pk=invoice.pk)


def on_line_one(*lines):
    return [
        InvoiceLineInput(
            quantity=Decimal(quantity),
            unit_price=Decimal(price),
            order_line_reference="1",
            tax_code="DE19",
        )
        for quantity, price in lines
    ]


def spent(org):
    return org.cell("CC100", "6600").spent


@pytest.mark.parametrize("lines", [[("10", "10"), ("-2", "10")], [("-2", "10"), ("10", "10")]])
def test_a_negative_line_leaves_what_it_takes_back_committed(org, make, bills, lines):
    """10 and −2 of 10 bill 8, in whatever order they stand: 20 stay for the last two."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, lines=on_line_one(*lines))
    assert invoice.status == Invoice.Status.CLEARED
    assert (held(order.pk), spent(org)) == (20, 80)
    bills.billed(order, ("2", "10"))
    assert (held(order.pk), spent(org)) == (0, 100)


def test_two_lines_of_one_order_line_liquidate_it_to_the_cent(org, make, bills):
    order = make.issued(("3", "33.333"))
    make.receive(order, "3")
    bills.billed(order, lines=on_line_one(("1", "33.333"), ("2", "33.333")))
    assert (held(order.pk), spent(org)) == (0, Decimal("100.00"))


def test_a_discount_on_its_own_line_uses_nothing_of_the_order_up(org, fay, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    # as a file says it, though it should not: keyed, its price would be refused
    data = bills.data(order, lines=on_line_one(("5", "10"), ("1", "-5")))
    file = files.store(b"<Invoice/>", content_type="application/xml", at=NOW)
    came = services.capture(entity=org.entity, data=data, actor=org.finn, at=NOW, original=file)
    accept_all(bills.match(came), fay)
    assert (held(order.pk), spent(org)) == (50, 45)


def test_a_keyed_discount_uses_nothing_of_the_order_up_either(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("5", "10"), charges=[bills.charge("-5")])
    assert invoice.status == Invoice.Status.CLEARED
    assert (held(order.pk), spent(org)) == (50, 45)


def test_a_credit_note_leaves_what_is_still_ordered_committed(org, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    bills.billed(order, ("6", "10"))
    assert bills.credit(order, ("2", "10")).status == Invoice.Status.CLEARED
    assert (held(order.pk), spent(org)) == (40, 40)


def test_by_amount_lines_of_one_order_line_count_together(org, make, bills):
    order = make.issued(("1", "1000"), basis="amount")
    make.receive(order, "1")
    bills.billed(order, lines=on_line_one(("1", "600"), ("-1", "100")))
    assert (held(order.pk), spent(org)) == (500, 500)


def test_freight_on_goods_that_cost_nothing_is_spent(org, fay, make, bills):
    org.bea.approval_limit = Decimal(1000)
    org.bea.save()
    data = make.order_data(make.line("1", "0"))
    draft = orders.create(entity=org.entity, data=data, actor=org.bea, at=NOW)
    order = make.issue(draft)
    make.receive(order, "1")
    invoice = bills.billed(order, ("1", "0"), charges=[bills.charge("20")])
    invoice = accept_all(invoice, fay)
    assert invoice.status == Invoice.Status.CLEARED
    assert spent(org) == invoice.net == 20


def test_what_is_billed_in_another_currency_is_never_cleared(org, fay, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "10"), currency="USD")
    with pytest.raises(NotAllowed, match="USD"):
        accept_all(invoice, fay)
    assert (spent(org), held(order.pk)) == (0, 100)


def test_a_cancelled_order_is_never_billed(org, fay, make, bills):
    order = make.issued(("10", "10"))
    orders.cancel(order=order, actor=org.bea, at=NOW, reason="Not needed")
    invoice = bills.billed(order, ("10", "10"))
    assert invoice.status == Invoice.Status.IN_EXCEPTION
    with pytest.raises(NotAllowed, match="cancelled"):
        accept_all(invoice, fay)
    orders.release_unused(order=order, at=NOW)
    assert (held(order.pk), spent(org)) == (0, 0)


def test_an_invoice_is_not_voided_below_its_credit_note(org, fay, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("10", "10"))
    credit = bills.credit(order, ("4", "10"))
    with pytest.raises(Conflict, match="credit note"):
        services.void(invoice=invoice, reason="Wrong", actor=fay, at=NOW)
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount, spent(org)) == (6, 60, 60)
    services.void(invoice=credit, reason="Wrong", actor=fay, at=NOW)
    services.void(invoice=invoice, reason="Wrong", actor=fay, at=NOW)
    assert (held(order.pk), spent(org)) == (100, 0)


def test_a_void_takes_back_no_quantity_that_a_credit_note_took_back_before(org, fay, make, bills):
    """Its money would still be there: 5 at 10 and 5 at 30 were billed, 8 went back at 10."""
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    first = bills.billed(order, ("5", "10"))
    accept_all(bills.billed(order, ("5", "30")), fay)
    accept_all(bills.credit(order, ("8", "10")), fay)
    with pytest.raises(Conflict, match="credit note"):
        services.void(invoice=first, reason="Wrong", actor=fay, at=NOW)
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (2, 120)


def test_a_void_of_a_credit_note_mirrors_what_it_took_back_though_averages_moved(
    org, fay, make, bills
):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    accept_all(bills.billed(order, ("10", "12")), fay)
    returned = accept_all(bills.credit(order, ("4", "12")), fay)
    accept_all(bills.credit(order, ("6", "1")), fay)  # 11 a piece now
    services.void(invoice=returned, reason="They came back", actor=fay, at=NOW)
    line = PurchaseOrderLine.objects.get(order=order)
    assert (line.billed_quantity, line.billed_amount) == (10, 114)


def test_a_void_on_a_closed_order_commits_nothing_anew(org, fay, make, bills):
    order = make.issued(("10", "10"))
    make.receive(order, "10")
    invoice = bills.billed(order, ("4", "10"))
    orders.close(order=order, actor=org.bea, at=NOW, reason="No more")
    orders.release_unused(order=order, at=NOW)
    services.void(invoice=invoice, reason="Wrong", actor=fay, at=NOW)
    assert (held(order.pk), spent(org)) == (0, 0)


def test_a_void_says_why(org, fay, make, bills):
    order = make.issued(("1", "10"))
    make.receive(order, "1")
    invoice = bills.billed(order, ("1", "10"))
    with pytest.raises(Invalid):
        services.void(invoice=invoice, reason=" ", actor=fay, at=NOW)
    assert spent(org) == 10


def test_goods_come_back_at_a_price_they_were_ordered_or_billed_at():
    bought = PurchaseOrderLine(
        unit_price=Decimal(10), billed_quantity=Decimal(4), billed_amount=Decimal(42)
    )
    for price, taken_back in (
        ("10", "quantity"),  # as ordered
        ("10.50", "quantity"),  # as billed on average
        ("10.495001", "quantity"),
        ("10.495", "price"),  # half a cent off
        ("0.50", "price"),
    ):
        for base in (Decimal(1), Decimal(10)):
            line = InvoiceLine(unit_price=Decimal(price) * base, price_base_quantity=base)
            assert credited(line, bought) == taken_back
    bought.basis = bought.Basis.AMOUNT
    assert credited(line, bought) == credited(line, None) == "price"
