"""A purchase in which real workers do what nobody clicks: order, PDF, mail, match, clearing."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.conf import settings

from core import files
from core.models import OutboxItem
from invoicing.models import Invoice, MatchRun
from purchase_orders.models import Dispatch, OrderRevision, PurchaseOrder
from requisitions.models import Requisition
from tests.factories import Organisation, item_input, submitted
from tests.faults.stand import Stand
from tests.journeys import steps

pytestmark = [pytest.mark.postgres, pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def mails_to(address: str) -> list[EmailMessage]:
    folder = Path(settings.DATA_DIR) / "mail"
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.glob("**/*.eml"))
    ]
    return [mail for mail in mails if address in str(mail["To"])]


def test_a_catalog_request_becomes_paid_ready_with_three_people_only(
    org: Organisation, stand: Stand, books_hold
):
    """Rita requests, rob receives, finn enters the invoice; the portal does all the rest."""
    stand.worker("tests.settings")
    stand.scheduler("tests.settings")
    address = org.vendor.order_email
    before = len(mails_to(address))
    asked = submitted(org, item_input(org, "DOCK", 2))
    assert asked.status == Requisition.Status.APPROVED, "within her delegated limit"

    orders = PurchaseOrder.objects.filter(status=PurchaseOrder.Status.ISSUED)
    stand.until(orders.exists, 60, "the order makes itself")
    order = orders.get()
    assert order.number == "PO-2026-000001" and order.buyer is None
    stand.until(lambda: Dispatch.objects.filter(status="sent").exists(), 90, "it is sent")
    printed = OrderRevision.objects.get(order=order)
    assert files.read(printed.pdf).startswith(b"%PDF-")
    (mail,) = mails_to(address)[before:]
    (attached,) = mail.iter_attachments()
    assert attached.get_content() == files.read(printed.pdf)
    assert order.number in mail["Subject"]

    invoice = steps.captured(org, order)
    waiting = Invoice.objects.filter(pk=invoice.pk, waiting_until__isnull=False)
    stand.until(waiting.exists, 60, "matched too early, it waits for the receipt")
    steps.received(org, order)
    cleared = Invoice.objects.filter(pk=invoice.pk, status=Invoice.Status.CLEARED)
    stand.until(cleared.exists, 60, "the receipt has it judged again, and it clears")
    outcomes = MatchRun.objects.filter(invoice=invoice).order_by("at", "id")
    assert list(outcomes.values_list("outcome", flat=True)) == ["waiting", "matched"]
    cell = org.cell("CC100", "6600")
    assert (cell.pre_encumbered, cell.encumbered, cell.spent) == (0, 0, invoice.net)
    stand.until(
        lambda: not OutboxItem.objects.filter(done_at=None).exists(), 60, "nothing is left to do"
    )
    assert not OutboxItem.objects.exclude(parked_at=None).exists()
