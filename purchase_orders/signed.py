"""What approvers of an order sign, and whether it is still what they signed."""

from typing import Any
from uuid import UUID

from approvals.models import ApprovalRequest
from approvals.queries import rounds_of
from core.errors import Conflict
from purchase_orders import changed
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine

_AGREED = (
    *("limit_by", "limit", "commits", "minimum", "allowance_percent"),
    *("release_minimum", "release_maximum"),
)
_LINE = ("requisition_line_id", "agreement_line_id", "basis", "match_type", "over_receipt_percent")
_PERIOD = ("period_from", "period_to")


def content(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> dict[str, Any]:
    """Everything that is agreed to, as JSON data with exact figures as text.

    `lines` are in order, each with its coded `parts`. What the entity's rate makes of it is not
    part of it: that is fixed when it is issued. Statements: 1 for a blanket order.
    """
    return {
        **changed.stated(changed.whole(order, lines)),
        "order": str(order.pk),
        "vendor_id": str(order.vendor_id),
        "kind": order.kind,
        "title": order.title,
        "bill_to": order.bill_to,
        "contract": changed.plain(order.contract_id),
        "agreement": changed.plain(order.agreement_id),
        "budget_reason": order.budget_reason,
        "agreed": _agreed(order),
        "further": [
            {name: changed.plain(getattr(line, name)) for name in (*_LINE, *_PERIOD)}
            for line in lines
        ],
    }


def _agreed(order: PurchaseOrder) -> dict[str, Any]:
    """The limits of a blanket order."""
    if order.kind != PurchaseOrder.Kind.BLANKET:
        return {}
    terms = Agreement.objects.get(order=order)
    return {name: changed.plain(getattr(terms, name)) for name in _AGREED}


def parts(said: dict[str, Any]) -> dict[str, str]:
    """Digests of the parts of a content, together all of it."""
    return changed.parts_of(
        said,
        vendor=[said["vendor_id"]],
        terms=[said[name] for name in ("kind", "title", "bill_to", "contract", "agreement")]
        + [said["budget_reason"], said["agreed"]],
        lines=said["further"],
    )


def stored(pk: UUID) -> dict[str, Any]:
    """The content of an order as it is now. Statements: 3, 4 for a blanket order."""
    order = PurchaseOrder.objects.select_related("vendor").get(pk=pk)
    return content(order, changed.lines_of(order))


def require_as_approved(order: PurchaseOrder) -> None:
    """Raise Conflict unless the order's newest round approved exactly what it says now.

    Statements: 3, 4 for a blanket order.
    """
    round_ = rounds_of(order.pk).first()
    if (
        round_ is None
        or round_.status != ApprovalRequest.Status.APPROVED
        or round_.digest != changed.digest(content(order, changed.lines_of(order)))
    ):
        raise Conflict(
            f"{order.reference} is not what was approved any more: edit it and send it for "
            "approval again."
        )
