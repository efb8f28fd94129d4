"""The facts that policy rules ask about, of an order and of a change of one."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition
from vendors.queries import service_owners


def of(
    order: PurchaseOrder,
    parts: Iterable[Any],
    *,
    amount: Decimal,
    catalog_only: bool,
    budget_state: str,
    under_contract: bool = False,
    rolling_total: Decimal | None = None,
) -> dict[str, Any]:
    """As JSON data. Amounts are base currency, `rolling_total` where it is more than the amount;
    `parts` say who pays, with centre and account.

    Kind of service and risk are those of the requests behind the order. Statements: 2.
    """
    requests = Requisition.objects.filter(lines__order_lines__order=order)
    asked = list(requests.distinct().order_by("pk"))
    parts = list(parts)
    # "" stands for a cost centre without an owner: somebody must decide for it, too
    centers = {part.cost_center.code: str(part.cost_center.owner_id or "") for part in parts}
    owners = sorted(set(centers.values()))
    service_type = asked[0].service_type if asked else "other"
    return {
        "amount": str(amount),
        "tier_amount": str(max(amount, rolling_total or amount)),
        "rolling_total": str(rolling_total or amount),
        "currency": order.currency,
        "service_type": service_type,
        "cost_centers": sorted(centers),
        "gl_accounts": sorted({part.gl_account.code for part in parts}),
        "gl_classes": sorted({str(part.gl_account.kind) for part in parts}),
        "vendor_status": "approved" if order.vendor.is_approved else "other",
        "vendor_family": order.vendor.family_key,
        "catalog_only": catalog_only,
        "within_delegated_limit": False,
        "under_contract": under_contract,
        "emergency": False,
        "personal_data": any(each.personal_data for each in asked),
        "data_residency": next((each.data_residency for each in asked if each.data_residency), ""),
        "regulated": any(each.regulated for each in asked),
        "third_party_access": any(each.third_party_access for each in asked),
        "budget_state": budget_state,
        "budget_owners": owners,
        "centers_by_owner": {
            owner: sorted(code for code, each in centers.items() if each == owner)
            for owner in owners
        },
        "service_owners": service_owners(order.entity, service_type),
    }
