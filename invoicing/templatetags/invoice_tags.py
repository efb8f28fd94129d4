"""What pages of the apps below show of invoices."""

from typing import Any

from django import template

from invoicing import presentation, queries
from purchase_orders.models import PurchaseOrder

register = template.Library()


@register.filter
def check_name(name: str) -> str:
    """A check by the name that people see."""
    return presentation.check_name(name)


@register.inclusion_tag("invoicing/_invoices_of.html", takes_context=True)
def invoices_of(context: template.Context, order: PurchaseOrder) -> dict[str, Any]:
    """Invoices on an order, newest first, as far as the person may see them. Statements: 1."""
    seen = queries.invoices(context["request"].user)
    return {"invoices": seen.filter(order=order).order_by("-pk")}
