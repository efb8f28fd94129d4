"""Received, not invoiced: what was delivered and has no cleared invoice yet, per order line.

The sums by budget are stored (`budgets.AccruedSum`); this is what they are made of.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from accounts.models import Entity
from budgets.models import AccruedSum, BudgetCell
from core.money import ZERO
from core.snapshot import snapshot
from purchase_orders.accruals import COUNTED, NOTHING, Figures, Terms, paying_cell, prices_on
from purchase_orders.models import BilledLine, OrderDistribution, PurchaseOrder, ReceiptLine
from vendors.models import Vendor


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


def received_not_invoiced(
    *, entity: Entity, as_of: date | None = None, known_on: date | None = None
) -> list[Accrual]:
    """Rule C6: order price × (received − billed) of every open line, now or at the end of a day.

    Lines by amount: received × price − billed. A line that was billed further than received does
    not count against others. A past day is reckoned back from now by what came and was billed
    since, so it costs what happened since. With `known_on`, a delivery that was written down
    later does not count; a bill is dated by the day on which it was, and what a change order made
    of a price by the day on which it was issued. Statements: 1 now, 4 for a past day.
    """
    days = [day for day in (as_of, known_on) if day is not None]
    if not days:
        return _accruals(entity, _shares(_open(), entity, _OPEN_ORDERS), {})
    came, billed = _came_since(entity, as_of, known_on), _billed_since(entity, min(days))
    end = end_of(entity, min(days))
    then = Q(line__order__issued_at__lt=end)
    then &= Q(line__order__closed_at=None) | Q(line__order__closed_at__gte=end)
    touched = (
        _open()
        .values("line_id")
        .union(came.values("order_line_id"), billed.values("order_line_id"), all=True)
    )
    shares = OrderDistribution.objects.filter(line__in=touched)
    since: dict[UUID, Figures] = {
        line: Figures(quantity, ZERO, ZERO)
        for line, quantity in came.values_list("order_line_id").annotate(Sum("quantity"))
    }
    for line, quantity, net in billed.values_list("order_line_id").annotate(
        Sum("quantity"), Sum("net")
    ):
        since[line] = since.get(line, NOTHING) + Figures(ZERO, quantity, net)
    prices = prices_on(entity, min(days))
    priced = (
        share._replace(unit_price=prices.get(share.line_id, share.unit_price))
        for share in _shares(shares, entity, then)
    )
    return _accruals(entity, priced, since)


@dataclass(frozen=True)
class AccrualReport:
    """Every accrual, their sum in base currency, and whether they tie to the budgets' stored sums.

    `difference` is the sum of all absolute differences, budget by budget; None where it was not
    compared: what was known on an earlier day is stored nowhere as a sum.
    """

    entity: Entity
    as_of: date | None
    known_on: date | None
    rows: list[Accrual]
    total: Decimal
    difference: Decimal | None

    @property
    def ties(self) -> bool | None:
        return None if self.difference is None else self.difference == 0


def report(
    *, entity: Entity, as_of: date | None = None, known_on: date | None = None
) -> AccrualReport:
    """Received, not invoiced, with its tie-out, in one snapshot. Statements: 3 now, 5 back then.

    A line that no budget pays is shown, and has no stored sum to be compared with.
    """
    with snapshot():
        rows = received_not_invoiced(entity=entity, as_of=as_of, known_on=known_on)
        difference = None if known_on else _difference(entity, rows, as_of)
    total = sum((row.base for row in rows), ZERO)
    return AccrualReport(entity, as_of, known_on, rows, total, difference)


def _difference(entity: Entity, rows: list[Accrual], as_of: date | None) -> Decimal:
    cells = BudgetCell.objects.filter(entity=entity).values_list("pk", flat=True)
    apart: dict[int, Decimal] = defaultdict(Decimal, accrued_by_cell(cells, as_of=as_of))
    for row in rows:
        if row.cell_id is not None:
            apart[row.cell_id] -= row.base
    return sum(map(abs, apart.values()), ZERO)


def accrued_as_known(
    entity: Entity, cells: Container[int], *, as_of: date | None, known_on: date
) -> Mapping[int, Decimal]:
    """The sums of budgets as the books of a day had them, from single lines. Statements: 3."""
    sums: dict[int, Decimal] = defaultdict(Decimal)
    for each in received_not_invoiced(entity=entity, as_of=as_of, known_on=known_on):
        if each.cell_id is not None and each.cell_id in cells:
            sums[each.cell_id] += each.base
    return sums


def accrued_by_cell(cells: Iterable[int], *, as_of: date | None = None) -> Mapping[int, Decimal]:
    """The sums of budgets in base currency, as they are stored. Statements: 1."""
    days = Q(day=None) if as_of is None else Q(day__lte=as_of)
    sums = AccruedSum.objects.filter(days, cell__in=list(cells)).order_by().values_list("cell_id")
    return dict(sums.annotate(Sum("amount")))


_ON_HOLD = PurchaseOrder.Status.ON_HOLD
_OPEN_ORDERS = Q(line__order__status__in=[PurchaseOrder.Status.ISSUED, _ON_HOLD])


class _Share(NamedTuple):
    """One distribution with what is read of its line and order."""

    pk: UUID
    percent: Decimal
    cell_id: int | None
    line_id: UUID
    line_number: int
    description: str
    unit: str
    unit_price: Decimal
    basis: str
    received: Decimal
    billed_quantity: Decimal
    billed_amount: Decimal
    order_id: UUID
    order_number: str | None
    currency: str
    rate: Decimal
    vendor: str


def _waits(prefix: str = "") -> Q:
    """Lines that wait for an invoice now; an index holds just these."""
    return Q(**{f"{prefix}received__gt": F(f"{prefix}billed_quantity")}) | Q(
        **{f"{prefix}basis": "amount", f"{prefix}received__gt": 0}
    )


def _open() -> QuerySet[OrderDistribution]:
    return OrderDistribution.objects.filter(_waits("line__")).order_by()


def _came_since(entity: Entity, as_of: date | None, known_on: date | None) -> QuerySet[ReceiptLine]:
    later = Q(receipt__received_on__gt=as_of) if as_of else Q()
    if known_on is not None:
        later |= Q(receipt__posted_at__gte=end_of(entity, known_on))
    return ReceiptLine.objects.filter(
        later, receipt__entity=entity, receipt__status__in=COUNTED
    ).order_by()


def _billed_since(entity: Entity, day: date) -> QuerySet[BilledLine]:
    return BilledLine.objects.filter(order_line__order__entity=entity, billed_on__gt=day).order_by()


def _shares(shares: QuerySet[OrderDistribution], entity: Entity, condition: Q) -> Iterable[_Share]:
    """What is read of distributions. Statements: 1.

    Vendors are looked up for each row: joined, PostgreSQL begins with them, who are few, and goes
    through everything that was touched once for each of them.
    """
    vendors = Vendor.objects.filter(pk=OuterRef("line__order__vendor_id"))
    rows = (
        shares.filter(condition, line__order__entity=entity)
        .annotate(cell_id=paying_cell(), vendor=Subquery(vendors.values("name")))
        .order_by("line__order_id", "line__line_number", "position")
        .values_list(
            *("pk", "percent", "cell_id", "line_id", "line__line_number", "line__description"),
            *("line__unit", "line__unit_price", "line__basis", "line__received"),
            *("line__billed_quantity", "line__billed_amount", "line__order_id"),
            *("line__order__number", "line__order__currency", "line__order__rate"),
            "vendor",
        )
    )
    return map(_Share._make, rows)


def _accruals(
    entity: Entity, shares: Iterable[_Share], since: Mapping[UUID, Figures]
) -> list[Accrual]:
    """The accruals of every line, less what came and was billed since."""
    accruals: list[Accrual] = []
    for line_id, group in groupby(shares, key=attrgetter("line_id")):
        parts = list(group)
        line, later = parts[0], since.get(line_id, NOTHING)
        figures = Figures(
            received=line.received - later.received,
            quantity=line.billed_quantity - later.quantity,
            net=line.billed_amount - later.net,
        )
        accruals += _of_line(entity, parts, figures)
    return accruals


def _of_line(entity: Entity, parts: list[_Share], figures: Figures) -> Iterable[Accrual]:
    line = parts[0]
    terms = Terms(
        basis=line.basis,
        unit_price=line.unit_price,
        currency=line.currency,
        rate=line.rate,
        base_currency=entity.currency,
        percents=[each.percent for each in parts],
    )
    shares = terms.shares(figures)
    if not any(amount for amount, _ in shares):
        return
    for share, (amount, base) in zip(parts, shares, strict=True):
        yield Accrual(
            order_id=share.order_id,
            order_number=share.order_number or "",
            vendor=share.vendor,
            line_id=share.line_id,
            line_number=share.line_number,
            description=share.description,
            quantity=max(figures.received - figures.quantity, ZERO),
            unit=share.unit,
            currency=share.currency,
            amount=amount,
            base=base,
            cell_id=share.cell_id,
        )
