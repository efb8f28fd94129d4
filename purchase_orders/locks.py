"""Taking an order and its lines for a change: the order first, its lines by key, then the rest."""

from django.db.models import F

from budgets.ledger import Source
from core.composed import Composed
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine

_locked = Composed[PurchaseOrder](
    lambda pk: (
        PurchaseOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "vendor")
        .filter(pk=pk)
    )
)
_locked_lines = Composed[PurchaseOrderLine](
    lambda order: (
        PurchaseOrderLine.objects.select_for_update(of=("self",), no_key=True)
        .filter(order=order)
        .annotate(requisition_id=F("requisition_line__requisition"))
        .order_by("pk")
        .prefetch_related("distributions")
    )
)


def locked(order: PurchaseOrder) -> PurchaseOrder:
    """The order as it is now, locked until the transaction ends. Statements: 1."""
    return _locked.one(order.pk)


def locked_lines(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    """Its lines with their distributions, locked in key order. Statements: 2.

    Each knows the request that it came of as `requisition_id`.
    """
    return _locked_lines(order.pk)


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
