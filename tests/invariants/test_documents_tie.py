"""Documents and ledger tell one story; where somebody bends a document, it is named."""

from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

import requisitions.services
from core.models import OutboxItem
from invoicing.models import Invoice
from invoicing.services import void
from purchase_orders import services
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from tests.factories import NOW, Organisation
from tests.invariants.test_verify_books import stored
from tests.invoicing.billing import Biller, drain
from tests.purchase_orders.making import LATER, Maker

pytestmark = pytest.mark.django_db

Tamper = Callable[..., None]


@dataclass
class Life:
    requisition: Requisition
    order: PurchaseOrder
    invoice: Invoice

    @property
    def line(self):
        return self.order.lines.get()

    @property
    def share(self):
        return self.line.distributions.get()


@pytest.fixture
def life(org: Organisation) -> Life:
    """Requested, ordered 10 at 100, received 6, billed 6: all through the services."""
    maker, biller = Maker(org), Biller(org)
    requisition = maker.requisition(("10", "100"))
    (draft,) = maker.drafts(requisition)
    order = maker.issue(draft)
    maker.receive(order, "6")
    invoice = biller.billed(order, ("6", "100"))
    assert invoice.status == Invoice.Status.CLEARED
    drain()
    order.refresh_from_db()
    requisition.refresh_from_db()
    return Life(requisition, order, invoice)


def refused() -> str:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("verify_books", stdout=out, no_color=True)
    return out.getvalue()


def key(pk) -> object:
    return str(pk) if connection.vendor == "postgresql" else pk.hex


def test_a_whole_life_ties(life: Life, books_hold):
    books_hold()


def test_a_void_ties(life: Life, org: Organisation, books_hold):
    void(invoice=life.invoice, reason="Entered twice", actor=org.fay, at=LATER)
    books_hold()


def test_a_void_after_closing_ties(life: Life, org: Organisation, books_hold):
    services.close(order=life.order, actor=org.bea, at=LATER, reason="Enough")
    drain()
    void(invoice=life.invoice, reason="Entered twice", actor=org.fay, at=LATER)
    drain()
    books_hold()


def test_closing_ties_before_and_after_the_worker_gave_the_rest_back(
    life: Life, org: Organisation, books_hold
):
    services.close(order=life.order, actor=org.bea, at=LATER, reason="Enough")
    books_hold()
    drain()
    books_hold()
    services.reopen(order=life.order, actor=org.bea, at=LATER, reason="More after all")
    books_hold()


def test_cancelling_and_closing_a_requisition_tie(org: Organisation, books_hold):
    maker = Maker(org)
    services.cancel(order=maker.issued(("1", "100")), actor=org.bea, at=LATER, reason="No")
    requisitions.services.cancel(
        requisition=maker.requisition(("1", "100")), actor=org.rita, at=LATER, reason="No"
    )
    drain()
    books_hold()


def test_a_closed_order_that_the_worker_forgot_is_named(life: Life, org: Organisation):
    services.close(order=life.order, actor=org.bea, at=LATER, reason="Enough")
    OutboxItem.objects.filter(handler="purchase_orders.release_unused").delete()
    assert f"order {life.order.number}: is closed and still commits" in refused()


def test_a_closed_order_that_the_worker_gave_up_is_named(life: Life, org: Organisation):
    services.close(order=life.order, actor=org.bea, at=LATER, reason="Enough")
    OutboxItem.objects.filter(handler="purchase_orders.release_unused").update(parked_at=NOW)
    assert f"order {life.order.number}: is closed and still commits" in refused()


def test_a_requisition_that_ended_by_hand_is_named(org: Organisation, tampered: Tamper):
    requisition = Maker(org).requisition(("1", "100"))
    tampered(
        "UPDATE requisitions_requisition SET status = 'closed' WHERE id = %s", key(requisition.pk)
    )
    assert f"requisition {requisition.number}: is closed and still reserves" in refused()


def test_a_requisition_changed_after_its_approval_is_named(life: Life, tampered: Tamper):
    share = life.requisition.lines.get().distributions.get()
    tampered(
        "UPDATE requisitions_requisitiondistribution SET amount = %s WHERE id = %s",
        stored("999"),
        key(share.pk),
    )
    said = refused()
    assert f"requisition distribution {share.pk}: asks for 999.00, reserved 1,000.00" in said


def test_an_order_changed_after_its_issue_is_named(life: Life, tampered: Tamper):
    tampered(
        "UPDATE purchase_orders_orderdistribution SET amount = %s WHERE id = %s",
        stored("999"),
        key(life.share.pk),
    )
    said = refused()
    assert f"order distribution {life.share.pk}: costs 999.00, committed 1,000.00" in said
    assert f"order {life.order.number} line 1: net" in said


def test_an_order_total_that_is_not_its_lines_is_named(life: Life, tampered: Tamper):
    tampered(
        "UPDATE purchase_orders_purchaseorder SET net = %s, total = %s + tax WHERE id = %s",
        stored("999"),
        stored("999"),
        key(life.order.pk),
    )
    assert f"order {life.order.number}: net 999" in refused()


def test_an_order_issued_by_hand_without_commitment_is_named(org: Organisation, tampered: Tamper):
    draft = Maker(org).draft(("1", "100"))
    tampered(
        "UPDATE purchase_orders_purchaseorder SET status = 'issued', number = 'PO-X', "
        "issued_at = %s WHERE id = %s",
        NOW,
        key(draft.pk),
    )
    share = draft.lines.get().distributions.get()
    assert f"order distribution {share.pk}: costs 100.00, committed 0.00" in refused()


def test_a_receipt_counted_twice_is_named(life: Life, tampered: Tamper):
    tampered(
        "UPDATE purchase_orders_purchaseorderline SET received = received + received WHERE id = %s",
        key(life.line.pk),
    )
    said = refused()
    assert f"order line {life.line.pk}: received and rejected 12.00 / 0.00, its receipts 6" in said


def test_an_invoice_cleared_by_hand_is_named(life: Life, org: Organisation, tampered: Tamper):
    waiting = Biller(org).billed(life.order, ("4", "100"), number="LATE-1")
    assert waiting.status != Invoice.Status.CLEARED
    tampered(
        "UPDATE invoicing_invoice SET status = 'cleared', cleared_at = %s WHERE id = %s",
        NOW,
        key(waiting.pk),
    )
    said = refused()
    assert f"invoice {waiting.pk}: should cost 400.00 / 400.00" in said
    assert f"order line {life.line.pk}: billed 600.00 / 6.00 (net, quantity)" in said


def test_an_invoice_taken_back_by_hand_is_named(life: Life, tampered: Tamper):
    tampered("UPDATE invoicing_invoice SET status = 'rejected' WHERE id = %s", key(life.invoice.pk))
    said = refused()
    assert f"invoice {life.invoice.pk}: should cost 0.00 / 0.00 (least, most)" in said


def test_billed_changed_by_hand_is_named(life: Life, tampered: Tamper):
    tampered(
        "UPDATE purchase_orders_purchaseorderline SET billed_amount = %s WHERE id = %s",
        stored("1"),
        key(life.line.pk),
    )
    assert f"order line {life.line.pk}: billed 1.00 / 6.00 (net, quantity)" in refused()
