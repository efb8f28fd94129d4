"""Final invoices: nothing more is billed of an order, so it closes and frees what is left."""

from datetime import datetime
from uuid import UUID

from core.transactions import atomic
from invoicing.models import Invoice
from purchase_orders import services as purchase_orders
from purchase_orders.models import PurchaseOrder

_OPEN = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)


@atomic
def end_order(*, invoice_id: UUID, at: datetime) -> None:
    """Close the order of a cleared final invoice; what is left goes back as after any close (C19).

    Safe to run any number of times: one that was voided meanwhile ends nothing, and an order that
    somebody closed or reopened since stays as it is.
    """
    invoice = Invoice.objects.select_for_update(of=("self",), no_key=True).get(pk=invoice_id)
    order = PurchaseOrder.objects.select_related("entity").get(pk=invoice.order_id)
    is_ended = order.lines.filter(is_final=True).exists()
    if not invoice.is_final or not is_ended or order.status not in _OPEN:
        return
    purchase_orders.close(
        order=order, actor=None, at=at, reason=f"Invoice {invoice.number} was the final one."
    )
