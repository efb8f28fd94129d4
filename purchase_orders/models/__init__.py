"""Purchase orders, their frozen documents, and the receipts against them."""

from purchase_orders.models.agreements import (
    Agreement,
    AgreementQuerySet,
    DrawDown,
    DrawDownQuerySet,
)
from purchase_orders.models.billing import BilledLine
from purchase_orders.models.change_orders import (
    ChangeOrder,
    ChangeOrderDistribution,
    ChangeOrderLine,
    ChangeOrderQuerySet,
)
from purchase_orders.models.orders import (
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    PurchaseOrderQuerySet,
)
from purchase_orders.models.proposals import (
    ReleaseBatch,
    ReleaseProposal,
    ReleaseProposalQuerySet,
)
from purchase_orders.models.receipts import Receipt, ReceiptLine, ReceiptQuerySet
from purchase_orders.models.revisions import Dispatch, OrderRevision

__all__ = [
    "Agreement",
    "AgreementQuerySet",
    "BilledLine",
    "ChangeOrder",
    "ChangeOrderDistribution",
    "ChangeOrderLine",
    "ChangeOrderQuerySet",
    "Dispatch",
    "DrawDown",
    "DrawDownQuerySet",
    "OrderDistribution",
    "OrderRevision",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "PurchaseOrderQuerySet",
    "Receipt",
    "ReceiptLine",
    "ReceiptQuerySet",
    "ReleaseBatch",
    "ReleaseProposal",
    "ReleaseProposalQuerySet",
]
