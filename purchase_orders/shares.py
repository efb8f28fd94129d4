"""An order's distributions as the ledger takes them, with what they use up of reservations."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from budgets.ledger import Share
from core.composed import Composed
from core.money import ZERO, allocate, round_amount
from purchase_orders.models import Agreement, PurchaseOrder, PurchaseOrderLine
from requisitions.facts import share
from requisitions.models import RequisitionDistribution

_reserved = Composed[tuple[Any, ...]](
    lambda ids: RequisitionDistribution.objects.filter(pk__in=ids).values_list(
        "pk", "amount", "line__basis", "line__quantity", "line__ordered_quantity"
    )
)


def shares(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> list[Share]:
    """One share per distribution, in the order's currency. Statements: 1, none without lines.

    Of a blanket order what it commits itself: its limit or a minimum, or nothing where its releases
    do (C24).
    """
    if order.is_blanket:
        return _of_blanket(order, lines)
    ids = [part.requisition_distribution_id for line in lines for part in line.distributions.all()]
    reserved = {row[0]: row[1:] for row in _reserved({*filter(None, ids)})}
    return [
        share(
            line,
            part,
            converts=part.requisition_distribution_id,
            converts_amount=_converted(
                order, line, part.amount, reserved.get(part.requisition_distribution_id)
            ),
        )
        for line in lines
        for part in line.distributions.all()
    ]


def _of_blanket(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> list[Share]:
    """What it commits itself: its limit or its minimum, as its lines pay for it."""
    terms = Agreement.objects.get(order=order)
    whole = terms.committed
    if not whole:
        return []
    parts = [(line, part) for line in lines for part in line.distributions.all()]
    weights = [part.amount for _, part in parts]
    if not any(weights):
        weights = [part.percent for _, part in parts]
    amounts = allocate(whole, weights, order.currency)
    return [
        replace(share(line, part), amount=amount, quantity=ZERO, period=None)
        for (line, part), amount in zip(parts, amounts, strict=True)
        if amount
    ]


def _converted(
    order: PurchaseOrder,
    line: PurchaseOrderLine,
    amount: Decimal,
    estimate: tuple[Decimal, str, Decimal, Decimal] | None,
) -> Decimal:
    """By quantity the estimate × q_order/q_requested (C3), by amount what is ordered (C3′).

    The order that completes a line takes the whole estimate: the ledger caps it at what is left, so
    no cent of rounding stays reserved.
    """
    if estimate is None:
        return ZERO
    reserved, basis, requested, ordered = estimate
    if basis == line.Basis.AMOUNT:
        return amount
    if ordered >= requested:
        return reserved
    return round_amount(reserved * line.quantity / requested, order.currency)
