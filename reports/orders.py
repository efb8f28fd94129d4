"""Open orders: how old they are, what they still hold, and how one of them was used up."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, Min, Q, QuerySet, Sum

from accounts.models import Entity
from budgets.models import BudgetCell, Commitment, LedgerEntry, Stage
from core.money import ZERO
from core.snapshot import snapshot
from purchase_orders.models import (
    Agreement,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
)
from reports.accruals import end_of
from reports.figures import moved_until

# Upper ends in days, with words; the last has none.
BUCKETS = ((30, "0–30"), (60, "31–60"), (90, "61–90"), (180, "91–180"), (None, "over 180"))
OVER = 30  # M6 counts the orders that are older
_OPEN = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that still runs. `held` is its encumbrance in base currency; `age` days since it
    was issued, `late` days since the first day by which a line not yet received was needed."""

    order_id: UUID
    number: str
    title: str
    vendor: str
    buyer: str
    issued_on: date
    age: int
    late: int
    held: Decimal

    @property
    def bucket(self) -> str:
        return next(words for most, words in BUCKETS if most is None or self.age <= most)


@dataclass(frozen=True)
class Aging:
    """Open orders, oldest first. `difference` is how far what they hold together is from what all
    budgets of the entity have committed; 0 when it ties."""

    entity: Entity
    today: date
    as_of: date | None
    rows: list[OpenOrder]
    total: Decimal
    ties: bool
    difference: Decimal

    @property
    def median_age(self) -> Decimal | None:
        return Decimal(str(median(row.age for row in self.rows))) if self.rows else None

    @property
    def over(self) -> int:
        """How many are older than thirty days."""
        return sum(row.age > OVER for row in self.rows)

    @property
    def buckets(self) -> list[tuple[str, int, Decimal]]:
        """Words, count and what is held, from young to old."""
        counts: dict[str, int] = defaultdict(int)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.rows:
            counts[row.bucket] += 1
            sums[row.bucket] += row.held
        return [(words, counts[words], sums[words]) for _, words in BUCKETS]


@dataclass(frozen=True, slots=True)
class DrawDown:
    """A day on which the commitment of an order moved; base currency. `committed` and `spent` are
    that day's movements, `left` what it holds at the end of the day."""

    day: date
    committed: Decimal
    spent: Decimal
    left: Decimal


@dataclass(frozen=True)
class OrderBurnDown:
    """How an order was used up. `difference` is how far what its entries leave is from what its
    distributions hold; 0 when it ties."""

    order: PurchaseOrder
    as_of: date | None
    known_on: date | None
    days: list[DrawDown]
    ties: bool
    difference: Decimal

    @property
    def left(self) -> Decimal | None:
        return self.days[-1].left if self.days else None


def aging(*, entity: Entity, today: date, as_of: date | None = None) -> Aging:
    """Orders that run now, or ran at the end of a day, by age on `today`.

    Statements: 4, or 7 for a past day. How late one is follows from what it received until now.
    """
    with snapshot():
        held = _held(entity, as_of)
        orders = list(_running(entity, as_of).values_list(*_Running._fields))
        late = _needed(entity)
        committed = _committed(entity, as_of)
    rows = [
        _row(entity, order, today=today, held=held.get(order.pk, ZERO), needed=late.get(order.pk))
        for order in map(_Running._make, orders)
    ]
    rows.sort(key=lambda row: (-row.age, row.number))
    total = sum((row.held for row in rows), ZERO)
    difference = abs(committed - total)
    return Aging(entity, today, as_of, rows, total, difference == 0, difference)


class _Running(NamedTuple):
    """What is read of an order that runs; there are thousands."""

    pk: UUID
    number: str | None
    title: str
    vendor__name: str
    buyer__name: str | None
    issued_at: datetime


def _row(
    entity: Entity, order: _Running, *, today: date, held: Decimal, needed: date | None
) -> OpenOrder:
    issued = entity.day_of(order.issued_at)
    return OpenOrder(
        order_id=order.pk,
        number=order.number or "",
        title=order.title,
        vendor=order.vendor__name,
        buyer=order.buyer__name or "",
        issued_on=issued,
        age=(today - issued).days,
        late=max((today - needed).days, 0) if needed else 0,
        held=held,
    )


def _running(entity: Entity, as_of: date | None) -> QuerySet[PurchaseOrder]:
    """A blanket order that commits nothing itself is none of them: its releases are."""
    orders = PurchaseOrder.objects.filter(entity=entity).exclude(
        kind=PurchaseOrder.Kind.BLANKET, agreement_terms__commits=Agreement.Commits.RELEASES
    )
    if as_of is None:
        return orders.filter(status__in=_OPEN).order_by()
    end = end_of(entity, as_of)
    return orders.filter(Q(closed_at=None) | Q(closed_at__gte=end), issued_at__lt=end).order_by()


def _held(entity: Entity, as_of: date | None) -> dict[UUID, Decimal]:
    """What the lines of each order hold, from their distributions."""
    if as_of is None:
        rows = (
            Commitment.objects.filter(cell__entity=entity, stage=Stage.ENC)
            .filter(amount__gt=F("liquidated") + F("released"))
            .order_by()
            .values_list("document_id")
            .annotate(Sum("amount"), Sum("liquidated"), Sum("released"))
        )
        return {order: whole - used - freed for order, whole, used, freed in rows}
    entries = LedgerEntry.objects.filter(
        entity=entity, stage=Stage.ENC, posting_date__lte=as_of
    ).order_by()
    left = entries.values("distribution_id").annotate(base=Sum("amount")).exclude(base=ZERO)
    by_distribution = dict(left.values_list("distribution_id", "base"))
    found: dict[UUID, Decimal] = defaultdict(Decimal)
    shares = OrderDistribution.objects.filter(
        pk__in=left.values("distribution_id"),
        line__order__entity=entity,
        line__order__issued_at__lt=end_of(entity, as_of),
    )
    for pk, order in shares.order_by().values_list("pk", "line__order_id"):
        found[order] += by_distribution[pk]
    return found


def _needed(entity: Entity) -> dict[UUID, date]:
    """The first day by which something that has not come is needed, order by order."""
    lines = PurchaseOrderLine.objects.filter(
        order__entity=entity, order__status__in=_OPEN, received__lt=F("quantity")
    )
    found = lines.exclude(need_by=None).order_by().values_list("order_id")
    return dict(found.annotate(Min("need_by")))


def _committed(entity: Entity, as_of: date | None) -> Decimal:
    """What the budgets have committed, by the other road: cells now, what moved them back then."""
    cells = BudgetCell.objects.filter(entity=entity)
    if as_of is None:
        return cells.aggregate(total=Sum("encumbered"))["total"] or ZERO
    return moved_until(cells.values_list("pk", flat=True), as_of, Stage.ENC)


def entries_of_order(
    order: PurchaseOrder, *, as_of: date | None = None, known_on: date | None = None
) -> QuerySet[LedgerEntry]:
    """What was booked on the budgets of an order: its own entries and those of its invoices."""
    shares = OrderDistribution.objects.filter(line__order=order)
    entries = LedgerEntry.objects.filter(
        distribution_id__in=shares.values("pk"), stage__in=[Stage.ENC, Stage.ACT]
    )
    if as_of is not None:
        entries = entries.filter(posting_date__lte=as_of)
    if known_on is not None:
        entries = entries.filter(recorded_at__lt=end_of(order.entity, known_on))
    return entries


def draw_downs(
    order: PurchaseOrder, *, as_of: date | None = None, known_on: date | None = None
) -> list[DrawDown]:
    """How an order was used up, day by day. Statements: 1."""
    rows = (
        entries_of_order(order, as_of=as_of, known_on=known_on)
        .order_by("posting_date")
        .values_list("posting_date")
        .annotate(
            committed=Sum("amount", filter=Q(stage=Stage.ENC)),
            spent=Sum("amount", filter=Q(stage=Stage.ACT)),
        )
    )
    found: list[DrawDown] = []
    left = ZERO
    for day, committed, spent in rows:
        left += committed or ZERO
        found.append(DrawDown(day, committed or ZERO, spent or ZERO, left))
    return found


def burn_down(
    order: PurchaseOrder, *, as_of: date | None = None, known_on: date | None = None
) -> OrderBurnDown:
    """The draw-downs of an order with their proof, in one snapshot. Statements: 2, or 3."""
    with snapshot():
        days = draw_downs(order, as_of=as_of, known_on=known_on)
        held = _held_by(order, as_of=as_of, known_on=known_on)
    difference = abs((days[-1].left if days else ZERO) - held)
    return OrderBurnDown(order, as_of, known_on, days, difference == 0, difference)


def _held_by(order: PurchaseOrder, *, as_of: date | None, known_on: date | None) -> Decimal:
    """What the distributions of an order hold, by the other road: what they hold now, less what
    was booked since. Statements: 1, or 2."""
    now = Commitment.objects.filter(document_id=order.pk, stage=Stage.ENC).aggregate(
        *(Sum(name) for name in ("amount", "liquidated", "released"))
    )
    whole, used, freed = (value or ZERO for value in now.values())
    later = Q(posting_date__gt=as_of) if as_of else Q()
    if known_on:
        later |= Q(recorded_at__gte=end_of(order.entity, known_on))
    if not later:
        return whole - used - freed
    since = entries_of_order(order).filter(later, stage=Stage.ENC).aggregate(Sum("amount"))
    return whole - used - freed - (since["amount__sum"] or ZERO)
