"""Taking an order and its lines for a change: the order first, its lines by key, then the rest."""

from django.db.models import F

from budgets.ledger import Source
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine


def locked(order: PurchaseOrder) -> PurchaseOrder:
    """The order as it is now, locked until the transaction ends. Statements: 1."""
    return (
        PurchaseOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor")
        .get(pk=order.pk)
    )


def locked_lines(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """Its lines with their distributions, locked in key order. Statements: 2.

    Each knows the request that it came of as `requisition_id`.
    """
    return list(
        PurchaseOrderLine.objects.select_for_update(of=("self",), no_key=True)
        .filter(order=order)
        .annotate(requisition_id=F("requisition_line__requisition"))
        .order_by("pk")
        .prefetch_related("distributions")
    )


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
