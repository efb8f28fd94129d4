"""Taking an order and its lines for a change: the order first, its lines by key, then the rest."""

from datetime import date

from budgets.ledger import Source
from purchase_orders import accruals
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine


def locked(order: PurchaseOrder) -> PurchaseOrder:
    """The order as it is now, locked until the transaction ends. Statements: 1."""
    return (
        PurchaseOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor")
        .get(pk=order.pk)
    )


def locked_lines(
    order: PurchaseOrder, *, watched_on: date | None = None
) -> list[PurchaseOrderLine]:
    """Its lines with their distributions, locked in key order. Statements: 2.

    `watched_on` makes them ready for `accruals.moving` on that day.
    """
    lines = (
        PurchaseOrderLine.objects.select_for_update(no_key=True).filter(order=order).order_by("pk")
    )
    if watched_on is not None:
        return list(accruals.watched(lines, on=watched_on))
    return list(lines.prefetch_related("distributions"))


def source(order: PurchaseOrder) -> Source:
    """The order as the ledger knows it."""
    return Source(
        entity=order.entity,
        document_type=order.document_type,
        document_id=order.pk,
        number=order.number or "",
        currency=order.currency,
        rate=order.rate,
    )
