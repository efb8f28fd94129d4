"""Purchase orders, their frozen documents, and the receipts against them."""

from purchase_orders.models.billing import BilledLine
from purchase_orders.models.orders import (
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderQuerySet,
)
from purchase_orders.models.receipts import Receipt, ReceiptLine, ReceiptQuerySet
from purchase_orders.models.revisions import Dispatch, OrderRevision

__all__ = [
    "BilledLine",
    "Dispatch",
    "OrderDistribution",
    "OrderRevision",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "PurchaseOrderQuerySet",
    "Receipt",
    "ReceiptLine",
    "ReceiptQuerySet",
]
