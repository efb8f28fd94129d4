"""What pages show of orders and contracts: orders under one, and what an order exceeds."""

from typing import Any

from django import template
from django.utils import timezone

from purchase_orders import contracts, queries
from purchase_orders.models import PurchaseOrder
from vendors.models import Contract
from vendors.models.contracts import READERS

register = template.Library()
SHOWN = 50


@register.inclusion_tag("purchase_orders/_orders_under.html", takes_context=True)
def orders_under(context: template.Context, contract: Contract) -> dict[str, Any]:
    """Orders under a contract that the person may see, and what all of them come to."""
    seen = queries.order_list(context["request"].user).filter(contract=contract)
    ordered = contracts.ordered_under(contract)
    cap = contract.spend_cap
    return {
        "orders": seen[:SHOWN],
        "contract": contract,
        "ordered": ordered,
        "left": None if cap is None else cap - ordered,
    }


@register.inclusion_tag("purchase_orders/_contract_flags.html", takes_context=True)
def contract_flags(context: template.Context, order: PurchaseOrder) -> dict[str, Any]:
    """Lines above contract and an exceeded cap, by the day of issue or, of a draft, today; for
    those who may read contracts."""
    if not context["request"].user.has_role(*READERS):
        return {"order": order}
    on = order.entity.day_of(order.issued_at or timezone.now())
    return {
        "order": order,
        "above": contracts.above(order, order.lines.all(), on=on),
        "over": contracts.over_cap(order),
    }
