"""Orders and receipts over the API."""

from purchase_orders.api.change_orders import ChangeOrderViewSet
from purchase_orders.api.orders import OrderViewSet
from purchase_orders.api.proposals import ReleaseProposalViewSet
from purchase_orders.api.receipts import ReceiptViewSet
from purchase_orders.api.requisitions import OrderableRequisitionViewSet

__all__ = [
    "ChangeOrderViewSet",
    "OrderViewSet",
    "OrderableRequisitionViewSet",
    "ReceiptViewSet",
    "ReleaseProposalViewSet",
]
