"""Received, not invoiced: what came and has no cleared invoice yet, by the budget that pays (C6).

Per line order price × (received − billed), by amount received × price − billed; never below zero,
and nothing outside the days from issue to close. Services move the budgets' stored sums by what a
change made of the lines they hold: `with moving(…):`. `movements` reckons the same from rows alone.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.models import Entity
from budgets import ledger
from budgets.models import Commitment, Stage
from core.composed import Composed
from core.money import ZERO, allocate, round_amount, to_base
from purchase_orders.models import (
    BilledLine,
    ChangeOrder,
    ChangeOrderLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)

COUNTED = (Receipt.Status.POSTED, Receipt.Status.REVERSED)  # the mirror takes a reversed one back
_MANY = 5_000  # rows at a time

Moves = Mapping[tuple[int, date], Decimal]  # base currency by budget cell and day


class Figures(NamedTuple):
    """What came and was billed of a line, together or on a day; `net` in the order's currency."""

    received: Decimal
    quantity: Decimal
    net: Decimal

    def __add__(self, other: Any) -> "Figures":
        return Figures(*(one + more for one, more in zip(self, other, strict=True)))


NOTHING = Figures(ZERO, ZERO, ZERO)


@dataclass(frozen=True, slots=True)
class Terms:
    """What turns the figures of a line into money: price, currencies and how it is shared."""

    basis: str
    unit_price: Decimal
    currency: str
    rate: Decimal
    base_currency: str
    percents: list[Decimal]

    @classmethod
    def of(
        cls, order: PurchaseOrder, line: PurchaseOrderLine, shares: Iterable[OrderDistribution]
    ) -> "Terms":
        return cls(
            basis=line.basis,
            unit_price=line.unit_price,
            currency=order.currency,
            rate=order.rate,
            base_currency=order.entity.currency,
            percents=[share.percent for share in shares],
        )

    def shares(self, figures: Figures) -> list[tuple[Decimal, Decimal]]:
        """What each distribution accrues, in order and in base currency; rounded share by share."""
        if self.basis == PurchaseOrderLine.Basis.AMOUNT:
            value = figures.received * self.unit_price - figures.net
        else:
            value = (figures.received - figures.quantity) * self.unit_price
        value = round_amount(value, self.currency)
        if figures.received <= ZERO or value <= ZERO:
            return [(ZERO, ZERO)] * len(self.percents)
        return [
            (amount, to_base(amount, rate=self.rate, base_currency=self.base_currency))
            for amount in allocate(value, self.percents, self.currency)
        ]


def paying_cell() -> Subquery:
    """The budget cell of an order distribution: the one that holds its commitment."""
    commitments = Commitment.objects.filter(distribution_id=OuterRef("pk"), stage=Stage.ENC)
    return Subquery(commitments.values("cell_id"))


def repricings() -> QuerySet[ChangeOrderLine]:
    """What issued change orders made of unit prices; each knows the price before it."""
    return ChangeOrderLine.objects.filter(
        change_order__status=ChangeOrder.Status.ISSUED, was_unit_price__isnull=False
    ).order_by("change_order__issued_on", "change_order__sequence")


def prices_on(entity: Entity, day: date) -> dict[UUID, Decimal]:
    """The unit prices at the end of a day of lines that cost something else now. Statements: 1."""
    later = repricings().filter(change_order__entity=entity, change_order__issued_on__gt=day)
    found: dict[UUID, Decimal] = {}
    for line, was in later.values_list("order_line_id", "was_unit_price"):
        found.setdefault(line, was)
    return found


def _shares(order: UUID, on: date, only: Collection[UUID] | None) -> QuerySet[OrderDistribution]:
    came = ReceiptLine.objects.filter(order_line=OuterRef("line_id"), receipt__received_on__gt=on)
    billed = BilledLine.objects.filter(order_line=OuterRef("line_id"), billed_on__gt=on)
    repriced = repricings().filter(order_line=OuterRef("line_id"), change_order__issued_on__gt=on)
    which = {"line__order": order} | ({} if only is None else {"line__in": only})
    return (
        OrderDistribution.objects.select_for_update(of=("line",), no_key=True)
        .filter(**which)
        .select_related("line")
        .annotate(cell_id=paying_cell(), goes_on=Exists(came) | Exists(billed) | Exists(repriced))
        .order_by("line_id", "position")
    )


_locked_shares = Composed[OrderDistribution](_shares)


def locked_lines(
    order: PurchaseOrder, *, on: date, only: Collection[UUID] | None = None
) -> list[PurchaseOrderLine]:
    """Lines of an issued order, locked in key order, as `moving` takes them. Statements: 1.

    With `shares`, what pays them, and `goes_on`, whether more happened to them after the day.
    """
    lines: list[PurchaseOrderLine] = []
    for share in _locked_shares(order.pk, on, only):
        if not lines or lines[-1].pk != share.line_id:
            lines.append(share.line)
            share.line.shares, share.line.goes_on = [], share.goes_on
        lines[-1].shares.append(share)
    return lines


@contextmanager
def moving(order: PurchaseOrder, lines: list[PurchaseOrderLine], *, on: date) -> Iterator[None]:
    """Whatever the block does on a day to these `locked_lines`, their budgets follow.

    The difference of old and new figures, share by share, so that no cent of rounding can drift.
    Lines that went on after the day are reckoned from their rows, day by day. Statements: 1.
    """
    before = _accrued(order, lines, on)
    yield
    _follow(before, _accrued(order, lines, on))


@contextmanager
def moving_order(order: PurchaseOrder) -> Iterator[None]:
    """The same where the block opens, closes or changes a locked order. Statements: 11."""
    lines = PurchaseOrderLine.objects.filter(order=order)
    before = movements(lines)
    yield
    _follow(before, movements(lines))


@contextmanager
def following(document_id: UUID) -> Iterator[None]:
    """The same where the block lets the commitments of a document stand in other budgets: what an
    order accrues goes along. It is locked first. Statements: 1, and 11 for an order."""
    order = PurchaseOrder.objects.select_for_update(no_key=True).filter(pk=document_id).first()
    if order is None:
        yield
        return
    with moving_order(order):
        yield


def begin(orders: Iterable[PurchaseOrder]) -> None:
    """Let budgets accrue what orders brought with them when they were taken over. Statements: 6."""
    ledger.accrue(movements(PurchaseOrderLine.objects.filter(order__in=orders)))


def _follow(before: Moves, after: Moves) -> None:
    ledger.accrue(
        {key: after.get(key, ZERO) - before.get(key, ZERO) for key in {**before, **after}}
    )


def _accrued(order: PurchaseOrder, lines: list[PurchaseOrderLine], on: date) -> Moves:
    """What lines accrue from a day on; all their days when the day is not their last."""
    issued, closed = _days(order.entity, order.issued_at, order.closed_at)
    if any(line.goes_on for line in lines) or (closed and closed > on):
        return movements(PurchaseOrderLine.objects.filter(pk__in=[line.pk for line in lines]))
    sums: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    for line in lines if not closed else []:
        terms = Terms.of(order, line, line.shares)
        figures = Figures(line.received, line.billed_quantity, line.billed_amount)
        for part, (_, base) in zip(line.shares, terms.shares(figures), strict=True):
            if part.cell_id is not None:
                sums[part.cell_id, max(on, issued)] += base
    return sums


def _days(entity: Entity, issued_at: Any, closed_at: Any) -> tuple[date, date | None]:
    """The first day on which an order accrues, and the first on which it does not any more."""
    return entity.day_of(issued_at), entity.day_of(closed_at) if closed_at else None


def movements(lines: QuerySet[PurchaseOrderLine], *, streamed: bool = False) -> Moves:
    """Every move of what these lines of issued orders accrue, from receipts and billed lines alone.

    Streamed it holds a few thousand rows in memory at a time. Statements: 5.
    """
    shares = (
        OrderDistribution.objects.filter(line__in=lines, line__order__issued_at__isnull=False)
        .annotate(cell_id=paying_cell())
        .order_by("line_id", "position")
        .values_list(
            *("line_id", "percent", "cell_id", "line__basis", "line__unit_price"),
            *("line__order__currency", "line__order__rate", "line__order__entity_id"),
            *("line__order__issued_at", "line__order__closed_at"),
        )
    )
    entities = Entity.objects.in_bulk()
    read = QuerySet.iterator if streamed else _at_once
    happened = _happened(lines, read)
    repriced = _repriced(lines)
    sums: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    line_id, events = next(happened, (None, []))
    for key, group in groupby(read(shares, _MANY), key=itemgetter(0)):
        while line_id is not None and line_id < key:
            line_id, events = next(happened, (None, []))
        if line_id == key:
            parts = [_Share._make(share) for share in group]
            for cell, day, base in _moves(
                entities[parts[0].entity_id], parts, events, repriced.get(key, [])
            ):
                sums[cell, day] += base
    return sums


def every_movement() -> Moves:
    """The moves of all lines there are, for those who reckon everything once more."""
    return movements(PurchaseOrderLine.objects.all(), streamed=True)


def _at_once(rows: QuerySet[Any], _size: int) -> Iterable[Any]:
    return rows


Event = tuple[UUID, date, Figures]


def _happened(
    lines: QuerySet[PurchaseOrderLine], read: Any
) -> Iterator[tuple[UUID | None, list[Event]]]:
    """What came and was billed, line by line in key order."""
    came = (
        ReceiptLine.objects.filter(order_line__in=lines, receipt__status__in=COUNTED)
        .order_by("order_line_id")
        .values_list("order_line_id", "receipt__received_on", "quantity")
    )
    billed = (
        BilledLine.objects.filter(order_line__in=lines)
        .order_by("order_line_id")
        .values_list("order_line_id", "billed_on", "quantity", "net")
    )
    first = itemgetter(0)
    merged = heapq.merge(
        ((line, day, Figures(taken, ZERO, ZERO)) for line, day, taken in read(came, _MANY)),
        ((line, day, Figures(ZERO, *more)) for line, day, *more in read(billed, _MANY)),
        key=first,
    )
    return ((line, list(events)) for line, events in groupby(merged, key=first))


Repriced = tuple[date, Decimal, Decimal]  # the day, the price before and from then on


def _repriced(lines: QuerySet[PurchaseOrderLine]) -> dict[UUID, list[Repriced]]:
    """The prices of lines that a change order changed, in order; they are few."""
    found: dict[UUID, list[Repriced]] = defaultdict(list)
    rows = repricings().filter(order_line__in=lines)
    for line, *change in rows.values_list(
        "order_line_id", "change_order__issued_on", "was_unit_price", "unit_price"
    ):
        found[line].append((change[0], change[1], change[2]))
    return found


class _Share(NamedTuple):
    """A distribution with what is read of its line and order."""

    line_id: UUID
    percent: Decimal
    cell_id: int | None
    basis: str
    unit_price: Decimal
    currency: str
    rate: Decimal
    entity_id: UUID
    issued_at: datetime
    closed_at: datetime | None


def _moves(
    entity: Entity, shares: list[_Share], events: list[Event], repriced: list[Repriced]
) -> Iterator[tuple[int, date, Decimal]]:
    """The moves of one line, share by share and day by day."""
    line = shares[0]
    issued, closed = _days(entity, line.issued_at, line.closed_at)
    by_day: dict[date, Figures] = defaultdict(lambda: NOTHING)
    for _, day, change in events:
        if closed is None or max(day, issued) < closed:
            by_day[max(day, issued)] += change
    for day, *_ in repriced:
        by_day[max(day, issued)] += NOTHING  # what waits is worth something else from that day on
    terms = Terms(
        basis=line.basis,
        unit_price=repriced[0][1] if repriced else line.unit_price,
        currency=line.currency,
        rate=line.rate,
        base_currency=entity.currency,
        percents=[share.percent for share in shares],
    )
    cells = [share.cell_id for share in shares]
    figures, before = NOTHING, [ZERO] * len(shares)
    for day in sorted(by_day):
        figures += by_day[day]
        for _, _, price in [each for each in repriced if each[0] <= day]:
            terms = replace(terms, unit_price=price)
        after = [base for _, base in terms.shares(figures)]
        yield from _steps(cells, day, before, after)
        before = after
    if closed is not None:
        yield from _steps(cells, closed, before, [ZERO] * len(shares))


def _steps(
    cells: list[int | None], day: date, before: list[Decimal], after: list[Decimal]
) -> Iterator[tuple[int, date, Decimal]]:
    for cell, old, new in zip(cells, before, after, strict=True):
        if cell is not None and new != old:
            yield cell, day, new - old
