"""Orders that make themselves: catalog items within the requester's delegated limit."""

from datetime import datetime

from core import events
from core.errors import DomainError
from core.money import ZERO, to_base
from core.transactions import atomic
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.drafts import create_from_requisition
from purchase_orders.services.orders import issue
from requisitions.models import Requisition, RequisitionLine


def order_by_itself(*, requisition: Requisition, at: datetime) -> list[PurchaseOrder]:
    """Order and issue an approved requisition as the portal itself, when it qualifies.

    It qualifies when every line is a catalog item at its catalog price and the total is within the
    requester's delegated limit. A second call orders nothing. Whatever refuses the order leaves the
    requisition to a buyer, with the reason in its trail.
    """
    if not qualifies(requisition):
        return []
    try:
        with atomic():
            return _order_all(requisition, at)
    except DomainError as refusal:
        _leave_to_buyer(requisition, at, str(refusal))
        return []


def qualifies(requisition: Requisition) -> bool:
    """Catalog lines only, at catalog prices, within the limit, nothing ordered yet."""
    lines = list(requisition.lines.select_related("catalog_item"))
    if requisition.status != Requisition.Status.APPROVED or not lines:
        return False
    base = to_base(
        requisition.total, rate=requisition.rate, base_currency=requisition.entity.currency
    )
    return (
        ZERO < base <= requisition.requester.delegated_order_limit
        and all(_at_catalog_price(line, requisition.currency) for line in lines)
        and not PurchaseOrderLine.objects.filter(requisition_line__in=lines).exists()
    )


def _at_catalog_price(line: RequisitionLine, currency: str) -> bool:
    item = line.catalog_item
    return (
        item is not None
        and item.is_active
        and item.currency == currency
        and line.unit_price <= item.unit_price
    )


def _order_all(requisition: Requisition, at: datetime) -> list[PurchaseOrder]:
    drafts = create_from_requisition(requisition=requisition, actor=None, at=at)
    return [issue(order=draft, actor=None, at=at) for draft in drafts]


@atomic
def _leave_to_buyer(requisition: Requisition, at: datetime, reason: str) -> None:
    events.publish("requisition.left_to_buyer", requisition, actor=None, at=at, reason=reason)
