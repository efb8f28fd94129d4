"""What the page of a blanket order shows of its limit, its releases and its log."""

from typing import Any

from django import template
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Role
from core.fields import AmountField, amount
from core.money import ZERO
from core.templatetags.documents import bars
from purchase_orders import agreements, offering, presentation
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine

MOST_RELEASES = 50
MOST_ROWS = 100
MOST_OFFERS = 20

register = template.Library()


@register.inclusion_tag("purchase_orders/agreements/_blanket.html", takes_context=True)
def blanket(context: template.Context, order: PurchaseOrder) -> dict[str, Any]:
    """Limit, released, billed and what is left, the releases and every draw-down, newest first.

    Statements: 7, for buyers 11.
    """
    terms, user = order.agreement_terms, context["request"].user
    lines = PurchaseOrderLine.objects.filter(order__agreement=order).order_by()
    billed = lines.aggregate(sum=Sum("billed_amount"))["sum"] or ZERO
    waits = agreements.waiting(order)
    to_bill = max(terms.released - billed, ZERO)
    limit = terms.limit or ZERO
    left = agreements.unscheduled(terms)
    releases = list(_releases(order, user)[: MOST_RELEASES + 1])
    rows = list(agreements.log(order).reverse()[: MOST_ROWS + 1])
    held = presentation.held(order)
    taken = agreements.taken(order)
    parts = [("spent", billed), ("committed", to_bill), ("reserved", waits)]
    return {
        "order": order,
        "terms": terms,
        "billed": billed,
        "to_bill": to_bill,
        "waiting": waits,
        "unscheduled": left,
        "is_over": left is not None and left < 0,
        "over": -left if left is not None else ZERO,
        "bars": bars(max(limit, billed + to_bill + waits), parts),
        "prices": [
            {"line": line, "taken": taken.get(line.pk, agreements.Taken())}
            for line in order.lines.all()
        ],
        "releases": releases[:MOST_RELEASES],
        "more_releases": len(releases) > MOST_RELEASES,
        "rows": rows[:MOST_ROWS],
        "more_rows": len(rows) > MOST_ROWS,
        "held": held.open if held else None,
        "base": order.entity.currency,
        "offers": _offers(order, user),
        "csrf_token": context["csrf_token"],
    }


def _offers(order: PurchaseOrder, user: Any) -> list[offering.Offer]:
    """What was asked for and waits for a buyer, who sees it here."""
    if not user.has_role(Role.BUYER):
        return []
    today = order.entity.day_of(timezone.now())
    return offering.of_blanket(order, user, on=today, most=MOST_OFFERS)


def _releases(order: PurchaseOrder, user: Any) -> Any:
    lines = PurchaseOrderLine.objects.filter(order=OuterRef("pk")).order_by()
    sums = lines.values("order").annotate(sum=Sum("billed_amount")).values("sum")
    billed = Coalesce(Subquery(sums, output_field=AmountField()), amount(ZERO))
    found = PurchaseOrder.objects.visible_to(user).filter(agreement=order)
    return found.annotate(billed=billed).order_by("-pk")
