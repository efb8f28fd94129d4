"""Orders that make themselves: catalog items within the requester's delegated limit."""

from datetime import datetime
from uuid import UUID

from core import events
from core.errors import DomainError
from core.models import TrailEvent
from core.money import ZERO, to_base
from core.transactions import atomic
from purchase_orders import drafting
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.drafts import create_from_requisition, locked_requisitions
from purchase_orders.services.orders import issue
from requisitions.models import Requisition, RequisitionLine

LEFT_TO_BUYER = "requisition.left_to_buyer"


def order_by_itself(*, requisition: Requisition, at: datetime) -> list[PurchaseOrder]:
    """Order and issue an approved requisition as the portal itself, when it qualifies.

    It qualifies when every line is a catalog item at its catalog price and the total is within the
    requester's delegated limit. Each vendor's part is one transaction, so that none takes budgets
    of one order after those of another. A second call orders nothing. Whatever refuses a part
    leaves it to a buyer for good, with the reason in the requisition's trail.
    """
    sellers = dict.fromkeys(_seller(line, requisition) for line in requisition.lines.all())
    parts = [_order_part(requisition, seller, at) for seller in sellers]
    return [order for part in parts for order in part]


@atomic
def _order_part(requisition: Requisition, seller: UUID | None, at: datetime) -> list[PurchaseOrder]:
    """One vendor's lines, judged under the requisition's lock: late, twice or beside a buyer."""
    requisition = locked_requisitions({requisition.pk})[0]
    lines = list(requisition.lines.select_related("catalog_item"))
    mine = [line for line in lines if _seller(line, requisition) == seller]
    if _was_left(requisition, seller) or not _qualifies(requisition, lines, mine):
        return []
    try:
        with atomic():
            drafts = create_from_requisition(
                requisition=requisition,
                actor=None,
                at=at,
                quantities={line.pk: line.quantity for line in mine},
            )
            return [issue(order=draft, actor=None, at=at) for draft in drafts]
    except DomainError as refusal:
        _leave_to_buyer(requisition, seller, at, str(refusal))
        return []


def _seller(line: RequisitionLine, requisition: Requisition) -> UUID | None:
    return line.vendor_id or requisition.vendor_id


def _qualifies(
    requisition: Requisition, lines: list[RequisitionLine], mine: list[RequisitionLine]
) -> bool:
    """Catalog lines only, at catalog prices, within the limit; no buyer began to order."""
    if requisition.status not in drafting.ORDERABLE:
        return False
    base = to_base(
        requisition.total, rate=requisition.rate, base_currency=requisition.entity.currency
    )
    ordered = PurchaseOrderLine.objects.filter(requisition_line__in=lines)
    return (
        ZERO < base <= requisition.requester.delegated_order_limit
        and all(_at_catalog_price(line, requisition.currency) for line in lines)
        and not ordered.filter(requisition_line__in=mine).exists()
        and not ordered.filter(order__buyer__isnull=False).exists()
    )


def _at_catalog_price(line: RequisitionLine, currency: str) -> bool:
    item = line.catalog_item
    return (
        item is not None
        and item.is_active
        and item.currency == currency
        and line.unit_price <= item.unit_price
    )


def _was_left(requisition: Requisition, seller: UUID | None) -> bool:
    """Whether this part is a buyer's already: then it stays so, however late work comes again."""
    left = TrailEvent.objects.filter(document_id=requisition.pk, type=LEFT_TO_BUYER)
    return left.filter(data__vendor=str(seller)).exists()


def _leave_to_buyer(
    requisition: Requisition, seller: UUID | None, at: datetime, reason: str
) -> None:
    data = {"vendor": str(seller)}
    events.publish(LEFT_TO_BUYER, requisition, actor=None, at=at, reason=reason, data=data)
