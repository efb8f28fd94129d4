"""Received, not invoiced: what was delivered and has no cleared invoice yet, per order line."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from accounts.models import Entity
from budgets.models import Commitment, LedgerEntry, Stage
from core.money import ZERO, allocate, round_amount, to_base
from purchase_orders.models import OrderDistribution, PurchaseOrder, PurchaseOrderLine, ReceiptLine


@dataclass(frozen=True, slots=True)
class Accrual:
    """One distribution of an order line: `amount` in the order's currency, `base` in the entity's.

    `quantity` is the whole line's, received and not billed. `cell_id` is the budget that pays.
    """

    order_id: UUID
    order_number: str
    vendor: str
    line_id: UUID
    line_number: int
    description: str
    quantity: Decimal
    unit: str
    currency: str
    amount: Decimal
    base: Decimal
    cell_id: int | None


def end_of(entity: Entity, day: date) -> datetime:
    """The moment at which a day ends where the entity is."""
    return datetime.combine(day + timedelta(days=1), time.min, entity.zone)


def received_not_invoiced(*, entity: Entity, as_of: date | None = None) -> list[Accrual]:
    """Rule C6: order price × (received − billed) of every open line, now or at the end of a day.

    Lines by amount: received × price − billed. A line that was billed further than received does
    not count against others. Statements: 1 now, 3 for a past day.
    """
    if as_of is None:
        return [
            accrual
            for line, shares in _by_line(_with_cells(_open_lines(entity)))
            for accrual in _accruals(entity, line, shares)
        ]
    received = _received(entity, as_of)
    rows = OrderDistribution.objects.filter(line__in=list(received))
    lines = _by_line(_with_cells(rows))
    billed = _billed([share.pk for _, shares in lines for share in shares], as_of)
    accruals: list[Accrual] = []
    for line, shares in lines:
        facts = [billed.get(share.pk, (ZERO, ZERO)) for share in shares]
        line.received = received[line.pk]
        line.billed_quantity = sum((quantity for quantity, _ in facts), ZERO)
        line.billed_amount = sum((net for _, net in facts), ZERO)
        accruals += _accruals(entity, line, shares)
    return accruals


def _open_lines(entity: Entity) -> QuerySet[OrderDistribution]:
    return OrderDistribution.objects.filter(
        Q(line__received__gt=F("line__billed_quantity"))
        | Q(line__basis="amount", line__received__gt=0),
        line__order__entity=entity,
        line__order__status__in=[PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD],
    )


def _received(entity: Entity, as_of: date) -> dict[UUID, Decimal]:
    """What had come by the end of a day, per line of the orders that were open then."""
    end = end_of(entity, as_of)
    rows = (
        ReceiptLine.objects.filter(
            Q(receipt__order__closed_at=None) | Q(receipt__order__closed_at__gte=end),
            receipt__entity=entity,
            receipt__order__issued_at__lt=end,
            receipt__received_on__lte=as_of,
            receipt__status__in=["posted", "reversed"],
        )
        .order_by()
        .values_list("order_line_id")
        .annotate(total=Sum("quantity"))
    )
    return {line: total for line, total in rows if total > 0}


def _billed(distributions: list[UUID], as_of: date) -> dict[UUID, tuple[Decimal, Decimal]]:
    """Billed quantity and net by the end of a day, from the ledger."""
    entries = (
        LedgerEntry.objects.filter(
            distribution_id__in=distributions, stage=Stage.ACT, posting_date__lte=as_of
        )
        .order_by()
        .values_list("distribution_id")
        .annotate(Sum("quantity"), Sum("document_amount"))
    )
    return {distribution: (quantity, net) for distribution, quantity, net in entries}


def _with_cells(rows: QuerySet[OrderDistribution]) -> QuerySet[OrderDistribution]:
    commitments = Commitment.objects.filter(distribution_id=OuterRef("pk"), stage=Stage.ENC)
    return (
        rows.annotate(cell_id=Subquery(commitments.values("cell_id")))
        .select_related("line__order__vendor")
        .order_by("line__order_id", "line__line_number", "position")
    )


def _by_line(rows: Iterable[Any]) -> list[tuple[PurchaseOrderLine, list[Any]]]:
    grouped: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.line_id].append(row)
    return [(shares[0].line, shares) for shares in grouped.values()]


def _accruals(entity: Entity, line: PurchaseOrderLine, shares: list[Any]) -> list[Accrual]:
    order = line.order
    value = _value(line, order.currency)
    if value <= 0:
        return []
    parts = allocate(value, [share.percent for share in shares], order.currency)
    return [
        Accrual(
            order_id=order.pk,
            order_number=order.number or "",
            vendor=order.vendor.name,
            line_id=line.pk,
            line_number=line.line_number,
            description=line.description,
            quantity=max(line.received - line.billed_quantity, ZERO),
            unit=line.unit,
            currency=order.currency,
            amount=part,
            base=to_base(part, rate=order.rate, base_currency=entity.currency),
            cell_id=share.cell_id,
        )
        for share, part in zip(shares, parts, strict=True)
    ]


def _value(line: PurchaseOrderLine, currency: str) -> Decimal:
    if line.basis == line.Basis.AMOUNT:
        value = line.received * line.unit_price - line.billed_amount
    else:
        value = (line.received - line.billed_quantity) * line.unit_price
    return round_amount(value, currency)
