"""The steps of a purchase through the services, up to where a worker has something to do."""

from decimal import Decimal

from core.models import OutboxItem
from invoicing import services as invoicing
from invoicing.inputs import InvoiceInput, InvoiceLineInput
from invoicing.models import Invoice
from purchase_orders import services as purchase_orders
from purchase_orders.inputs import ReceiptInput
from purchase_orders.models import OrderRevision, PurchaseOrder
from requisitions.inputs import LineInput
from tests.factories import NOW, TODAY, Organisation, approved, line_input


def issued(org: Organisation, *lines: LineInput, quantity: int = 10) -> PurchaseOrder:
    """An order of bea's from an approved request, by default one line of 10 × 10.00."""
    asked = approved(org, *(lines or [line_input(org, quantity)]))
    (order,) = purchase_orders.create_from_requisition(requisition=asked, actor=org.bea, at=NOW)
    return purchase_orders.issue(order=order, actor=org.bea, at=NOW)


def received(org: Organisation, order: PurchaseOrder) -> None:
    """All of it arrives."""
    purchase_orders.post_receipt(
        order=order,
        lines=[ReceiptInput(line, line.quantity) for line in order.lines.all()],
        received_on=TODAY,
        actor=org.rob,
        at=NOW,
    )


def captured(org: Organisation, order: PurchaseOrder, number: str = "INV-1") -> Invoice:
    """All of it is billed as ordered."""
    return invoicing.capture(
        entity=org.entity,
        data=InvoiceInput(
            number=number,
            issue_date=TODAY,
            currency=order.currency,
            vendor=order.vendor,
            order_reference=order.number,
            lines=[
                InvoiceLineInput(
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    unit=line.unit,
                    order_line=line,
                    tax_code="DE19",
                )
                for line in order.lines.all()
            ],
        ),
        actor=org.finn,
        at=NOW,
    )


def billed(org: Organisation, number: str = "INV-1", *, quantity: int = 10) -> Invoice:
    """Ordered, received and billed; the match is the only work left in the queue."""
    order = issued(org, quantity=quantity)
    received(org, order)
    forget_other_work()
    return captured(org, order, number)


def forget_other_work() -> None:
    """Nothing is to be done for what happened so far, and no tick finds a PDF missing."""
    OutboxItem.objects.all().delete()
    OrderRevision.objects.all().delete()


def net(invoice: Invoice) -> Decimal:
    return sum((line.net for line in invoice.lines.all()), Decimal(0))
