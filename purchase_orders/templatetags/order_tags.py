"""What pages show of orders: those of a requisition, how far one has come, what it holds."""

from decimal import Decimal
from typing import Any

from django import template
from django.utils import timezone

from core.money import ZERO
from core.templatetags.documents import bars
from purchase_orders import offering, presentation, queries
from purchase_orders.models import PurchaseOrder
from requisitions.models import Requisition

MOST_OFFERS = 3

register = template.Library()


@register.inclusion_tag("purchase_orders/_orders_of.html", takes_context=True)
def orders_of(context: template.Context, requisition: Requisition) -> dict[str, Any]:
    """The orders that came of a requisition, as far as the person may see them. Statements: 1."""
    seen = queries.order_list(context["request"].user)
    return {"orders": seen.filter(pk__in=queries.orders_of(requisition.pk).values("pk"))}


@register.inclusion_tag("purchase_orders/_order_buttons.html", takes_context=True)
def order_buttons(context: template.Context, requisition: Requisition) -> dict[str, Any]:
    """How an approved request can be ordered: from blanket orders it stands on, or by itself."""
    request = context["request"]
    today = requisition.entity.day_of(timezone.now())
    offers = offering.of_requisition(requisition, request.user, on=today)
    return {
        "request": request,
        "csrf_token": context["csrf_token"],
        "requisition": requisition,
        "offers": offers[:MOST_OFFERS],
        "whole": any(each.whole for each in offers),
    }


@register.inclusion_tag("purchase_orders/_bar.html")
def order_bar(order: PurchaseOrder) -> dict[str, Any]:
    """What the order holds of the budget: billed, open and released of what it committed."""
    held = presentation.held(order)
    if held is None:
        return {"held": None, "order": order}
    parts = [("spent", held.liquidated), ("committed", held.open)]
    return {
        "held": held,
        "order": order,
        "currency": order.entity.currency,
        "bars": bars(held.committed, parts),
    }


@register.inclusion_tag("purchase_orders/_progress.html")
def progress(part: Decimal, whole: Decimal, tone: str = "committed") -> dict[str, Any]:
    """How much of a quantity is there, as a thin bar; more than all of it is marked."""
    return {
        "bars": bars(whole, [(tone, min(part, whole))]),
        "is_over": part > whole,
        "is_empty": part == ZERO,
    }


@register.simple_tag
def receipt_state(order: PurchaseOrder) -> str:
    """`none`, `partial`, `full`, `over` or `short_closed`."""
    return queries.receipt_status(order)


@register.simple_tag
def billing_state(order: PurchaseOrder) -> str:
    """`none`, `partial`, `full`, `over` or `final`."""
    return queries.billing_status(order)
