"""Received, not invoiced: what was delivered and has no cleared invoice yet, per order line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import (
    Case,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)

from accounts.models import Entity
from budgets.models import BudgetCell, Commitment, LedgerEntry, Stage
from core.fields import AmountField
from core.money import (
    HUNDRED,
    ZERO,
    allocate,
    minor_units,
    round_amount,
    to_base,
    unusual_minor_units,
)
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
    not count against others. A past day is reckoned back from now by what came and was billed
    since, so it costs what happened since. Statements: 1 now, 3 for a past day.
    """
    if as_of is None:
        return _accruals(entity, _shares(_open(), entity, _OPEN_ORDERS), {}, {})
    came, billed = _came_since(entity, as_of), _billed_since(entity, as_of)
    end = end_of(entity, as_of)
    then = Q(line__order__issued_at__lt=end)
    then &= Q(line__order__closed_at=None) | Q(line__order__closed_at__gte=end)
    touched = (
        _open()
        .values("pk")
        .union(
            OrderDistribution.objects.filter(line__in=came.values("order_line"))
            .order_by()
            .values("pk"),
            billed.values("distribution_id"),
            all=True,
        )
    )
    shares = OrderDistribution.objects.filter(pk__in=touched)
    return _accruals(
        entity,
        _shares(shares, entity, then),
        dict(came.values_list("order_line_id").annotate(Sum("quantity"))),
        {
            share: (quantity, net)
            for share, quantity, net in billed.values_list("distribution_id").annotate(
                Sum("quantity"), Sum("document_amount")
            )
        },
    )


def accrued_by_cell(*, entity: Entity, as_of: date | None = None) -> dict[int | None, Decimal]:
    """The same in base currency, summed by the budget that pays.

    As of now PostgreSQL sums the lines of one share itself, so that a report does not have to read
    every delivery that waits for its invoice; SQLite cannot multiply exact decimals.
    """
    sums: dict[int | None, Decimal] = defaultdict(Decimal)
    if as_of is None and connection.vendor == "postgresql":
        # By their keys: PostgreSQL takes every third line for one that waits and would read all.
        waiting = list(PurchaseOrderLine.objects.filter(_waits()).order_by().values_list("pk"))
        open_shares = OrderDistribution.objects.filter(
            line__in=[pk for (pk,) in waiting]
        ).order_by()
        split = open_shares.filter(percent__lt=HUNDRED)
        accruals = _accruals(entity, _shares(split, entity, _OPEN_ORDERS), {}, {})
        whole = (
            open_shares.filter(_OPEN_ORDERS, line__order__entity=entity, percent=HUNDRED)
            .annotate(cell_id=_cell(), base=_base_in_sql(entity))
            .filter(base__gt=0)
        )
        for cell, total in whole.values_list("cell_id").annotate(Sum("base")):
            sums[cell] += total
    else:
        accruals = received_not_invoiced(entity=entity, as_of=as_of)
    for each in accruals:
        sums[each.cell_id] += each.base
    return dict(sums)


def _base_in_sql(entity: Entity) -> Func:
    """What `_value` and `to_base` compute, for a share that is its whole line."""
    line = "line__"
    by_amount = _times(F(f"{line}received"), F(f"{line}unit_price")) - F(f"{line}billed_amount")
    waits = F(f"{line}received") - F(f"{line}billed_quantity")
    value = Case(
        When(line__basis=PurchaseOrderLine.Basis.AMOUNT, then=by_amount),
        default=_times(waits, F(f"{line}unit_price")),
        output_field=AmountField(),
    )
    units = Case(
        *(
            When(line__order__currency__in=codes, then=Value(digits))
            for digits, codes in unusual_minor_units().items()
        ),
        default=Value(2),
        output_field=IntegerField(),
    )
    amount = Func(value, units, function="ROUND", output_field=AmountField())
    at_rate = _times(amount, F("line__order__rate"))
    digits = Value(minor_units(entity.currency))
    return Func(at_rate, digits, function="ROUND", output_field=AmountField())


def _times(one: Any, other: Any) -> ExpressionWrapper:
    return ExpressionWrapper(one * other, output_field=AmountField())


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


def _came_since(entity: Entity, day: date) -> QuerySet[ReceiptLine]:
    return ReceiptLine.objects.filter(
        receipt__entity=entity,
        receipt__received_on__gt=day,
        receipt__status__in=["posted", "reversed"],
    ).order_by()


def _billed_since(entity: Entity, day: date) -> QuerySet[LedgerEntry]:
    """Spend posted after a day, found cell by cell: that is what the ledger's index is for."""
    cells = BudgetCell.objects.filter(entity=entity).values("pk")
    return LedgerEntry.objects.filter(
        cell__in=cells, posting_date__gt=day, stage=Stage.ACT
    ).order_by()


def _shares(shares: QuerySet[OrderDistribution], entity: Entity, condition: Q) -> Iterable[_Share]:
    rows = (
        shares.filter(condition, line__order__entity=entity)
        .annotate(cell_id=_cell())
        .order_by("line__order_id", "line__line_number", "position")
        .values_list(
            *("pk", "percent", "cell_id", "line_id", "line__line_number", "line__description"),
            *("line__unit", "line__unit_price", "line__basis", "line__received"),
            *("line__billed_quantity", "line__billed_amount", "line__order_id"),
            *("line__order__number", "line__order__currency", "line__order__rate"),
            "line__order__vendor__name",
        )
    )
    return map(_Share._make, rows)


def _cell() -> Subquery:
    commitments = Commitment.objects.filter(distribution_id=OuterRef("pk"), stage=Stage.ENC)
    return Subquery(commitments.values("cell_id"))


def _accruals(
    entity: Entity,
    shares: Iterable[_Share],
    came: Mapping[UUID, Decimal],
    billed: Mapping[UUID, tuple[Decimal, Decimal]],
) -> list[Accrual]:
    """The accruals of every line, less what came and was billed since."""
    accruals: list[Accrual] = []
    for line_id, group in groupby(shares, key=attrgetter("line_id")):
        parts = list(group)
        since = [billed.get(each.pk, (ZERO, ZERO)) for each in parts]
        line = parts[0]
        received = line.received - came.get(line_id, ZERO)
        quantity = line.billed_quantity - sum((each for each, _ in since), ZERO)
        net = line.billed_amount - sum((each for _, each in since), ZERO)
        value = _value(line, received, quantity, net)
        if received > ZERO and value > ZERO:
            accruals += _of_line(entity, parts, value, max(received - quantity, ZERO))
    return accruals


def _of_line(
    entity: Entity, parts: list[_Share], value: Decimal, quantity: Decimal
) -> Iterable[Accrual]:
    amounts = allocate(value, [each.percent for each in parts], parts[0].currency)
    for share, amount in zip(parts, amounts, strict=True):
        yield Accrual(
            order_id=share.order_id,
            order_number=share.order_number or "",
            vendor=share.vendor,
            line_id=share.line_id,
            line_number=share.line_number,
            description=share.description,
            quantity=quantity,
            unit=share.unit,
            currency=share.currency,
            amount=amount,
            base=to_base(amount, rate=share.rate, base_currency=entity.currency),
            cell_id=share.cell_id,
        )


def _value(line: _Share, received: Decimal, quantity: Decimal, net: Decimal) -> Decimal:
    if line.basis == PurchaseOrderLine.Basis.AMOUNT:
        return round_amount(received * line.unit_price - net, line.currency)
    return round_amount((received - quantity) * line.unit_price, line.currency)
