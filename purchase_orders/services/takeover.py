"""Taking over orders issued elsewhere, one or thousands, always with their commitment.

They come issued: somebody else's approval, number and vendor stand behind them. They get a number
of ours beside the one they came with, are committed on the day they are taken over, and are
neither printed nor sent to the vendor again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from simple_history.utils import bulk_create_with_history

from accounts.models import Control, Entity, User
from budgets import ledger
from budgets.models import BudgetCell, CostCenter, GLAccount, Project
from budgets.rates import rate_on
from core import events, numbering
from core.errors import Conflict, FieldError, Invalid
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import accruals, content, drafting
from purchase_orders.locks import source
from purchase_orders.models import (
    OrderDistribution,
    OrderRevision,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReceiptLine,
)
from purchase_orders.services import orders as issuing
from purchase_orders.services import receipts as receiving
from purchase_orders.services.drafts import require_buyer
from requisitions.facts import share
from vendors.models import Vendor


class DuplicateOrder(Conflict):
    slug = "duplicate-order"
    title = "This order was taken over before."


@dataclass(frozen=True)
class Coding:
    """What taken-over orders are booked to."""

    cost_center: CostCenter
    gl_account: GLAccount
    project: Project | None = None


@dataclass(frozen=True)
class TakenLine:
    """A line as agreed. `net` is the agreed amount, whatever price × quantity says."""

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal
    sku: str = ""
    tax_percent: Decimal = ZERO
    need_by: date | None = None


@dataclass(frozen=True)
class TakenReceipt:
    """A delivery that came before the take-over: quantities by the line's place in the order."""

    received_on: date
    delivery_note: str
    quantities: dict[int, Decimal]


@dataclass(frozen=True)
class TakenOrder:
    vendor: Vendor
    legacy_number: str
    currency: str
    lines: list[TakenLine]
    title: str = ""
    delivery_terms: str = ""
    ship_to: str = ""
    note: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    receipts: list[TakenReceipt] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@atomic
def take_over(
    *,
    entity: Entity,
    orders: Sequence[TakenOrder],
    coding: Coding,
    actor: User | None,
    at: datetime,
) -> list[PurchaseOrder]:
    """Store orders as issued and received, each with number, commitment, content and trail.

    All or none of them. Rows are written in bulk; the ledger posts order by order. Raises
    NotAllowed, DuplicateOrder, VendorNotApproved, RateMissing, BudgetExceeded,
    BudgetReasonRequired.
    """
    require_buyer(entity, actor)
    _refuse_known(entity, orders)
    today = entity.day_of(at)
    built = [_build(entity, taken, coding, actor=actor, at=at) for taken in orders]
    lines = [line for _, lines, _ in built for line in lines]
    for order, _, _ in built:
        order.rate = rate_on(currency=order.currency, base=entity.currency, day=today)
        order.number = numbering.take(
            stream=order.stream, kind=issuing.KIND, fiscal_year=entity.fiscal_year_of(today)
        )
    bulk_create_with_history(
        [order for order, _, _ in built], PurchaseOrder, default_user=actor, default_date=at
    )
    PurchaseOrderLine.objects.bulk_create(lines)
    OrderDistribution.objects.bulk_create([part for _, _, parts in built for part in parts])
    for order, mine, parts in built:
        _commit(order, mine, parts, on=today, actor=actor, at=at)
    _freeze([(order, mine) for order, mine, _ in built], actor)
    for (order, mine, _), taken in zip(built, orders, strict=True):
        _tell(order, mine, taken, actor=actor, at=at)
    _take_over_receipts(entity, orders, built, actor=actor, at=at)
    return [order for order, _, _ in built]


def default_coding(entity: Entity, on: date) -> Coding:
    """Where taken-over orders are booked when nobody says: the entity's first tracked budget.

    That is the cell under control *track* of the whole fiscal year, first by cost centre and
    account code. Raises Invalid where there is none: then both must be named.
    """
    cell = (
        BudgetCell.objects.filter(
            entity=entity,
            fiscal_year__year=entity.fiscal_year_of(on),
            period=None,
            control=Control.TRACK,
            cost_center__is_active=True,
            gl_account__is_active=True,
        )
        .select_related("cost_center", "gl_account", "project")
        .order_by("cost_center__code", "gl_account__code", "project__code")
        .first()
    )
    if cell is None:
        detail = "No budget is tracked only: name the cost centre and the account to book to."
        raise Invalid(detail, errors=[FieldError("/cost_center", "required", detail)])
    return Coding(cell.cost_center, cell.gl_account, cell.project)


def _refuse_known(entity: Entity, orders: Sequence[TakenOrder]) -> None:
    wanted = {(taken.vendor.pk, taken.legacy_number) for taken in orders}
    numbers = {number for _, number in wanted}
    known = PurchaseOrder.objects.filter(entity=entity, legacy_number__in=numbers)
    for order in known.select_related("vendor"):
        if (order.vendor_id, order.legacy_number) in wanted:
            raise DuplicateOrder(
                f"{order.legacy_number} of {order.vendor} was taken over before, as {order.number}."
            )


def _build(
    entity: Entity, taken: TakenOrder, coding: Coding, *, actor: User | None, at: datetime
) -> tuple[PurchaseOrder, list[PurchaseOrderLine], list[OrderDistribution]]:
    letterhead = f"{entity.name}\n{entity.address}".strip()
    order = PurchaseOrder(
        entity=entity,
        vendor=taken.vendor,
        buyer=actor,
        legacy_number=taken.legacy_number,
        currency=taken.currency,
        title=taken.title[:200],
        delivery_terms=taken.delivery_terms[:120],
        payment_terms_days=taken.vendor.payment_terms_days,
        ship_to=taken.ship_to or letterhead,
        bill_to=letterhead,
        note=taken.note,
        valid_from=taken.valid_from,
        valid_to=taken.valid_to,
        created_at=at,
    )
    lines = _lines(order, taken)
    parts = [
        OrderDistribution(
            line=line,
            cost_center=coding.cost_center,
            gl_account=coding.gl_account,
            project=coding.project,
            amount=line.net,
        )
        for line in lines
    ]
    drafting.set_totals(order, lines)
    perform(order.issue, actor=actor, at=at)
    return order, lines, parts


def _lines(order: PurchaseOrder, taken: TakenOrder) -> list[PurchaseOrderLine]:
    received: dict[int, Decimal] = {}
    for receipt in taken.receipts:
        for place, quantity in receipt.quantities.items():
            received[place] = received.get(place, ZERO) + quantity
    return [
        PurchaseOrderLine(
            order=order,
            line_number=place + 1,
            description=said.description[:500],
            sku=said.sku[:64],
            quantity=said.quantity,
            unit=said.unit[:8],
            unit_price=said.unit_price,
            net=said.net,
            need_by=said.need_by,
            tax_percent=said.tax_percent,
            tax_category="S" if said.tax_percent else drafting.OUTSIDE_TAX,
            match_type=taken.vendor.default_match_type,
            received=received.get(place, ZERO),
        )
        for place, said in enumerate(taken.lines)
    ]


def _commit(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    parts: list[OrderDistribution],
    *,
    on: date,
    actor: User | None,
    at: datetime,
) -> None:
    ledger.encumber(
        source=source(order),
        shares=[share(line, part) for line, part in zip(lines, parts, strict=True)],
        on=on,
        actor=actor,
        at=at,
        reason=f"Taken over as {order.legacy_number}",
        event="order.taken_over",
    )


def _freeze(
    orders: list[tuple[PurchaseOrder, list[PurchaseOrderLine]]], actor: User | None
) -> None:
    OrderRevision.objects.bulk_create(
        OrderRevision(
            order=order,
            revision=order.revision,
            content=content.of(order, lines, tax_names={}),
            issued_at=order.issued_at,
            issued_by=actor,
        )
        for order, lines in orders
    )


def _tell(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    taken: TakenOrder,
    *,
    actor: User | None,
    at: datetime,
) -> None:
    data = {
        "number": order.number,
        "legacy_number": order.legacy_number,
        "vendor": order.vendor.name,
        "currency": order.currency,
        "rate": str(order.rate),
        "net": str(order.net),
        "lines": len(lines),
        **taken.facts,
    }
    events.publish("order.taken_over", order, actor=actor, at=at, data=data)


def _take_over_receipts(
    entity: Entity,
    orders: Sequence[TakenOrder],
    built: list[tuple[PurchaseOrder, list[PurchaseOrderLine], list[OrderDistribution]]],
    *,
    actor: User | None,
    at: datetime,
) -> None:
    """Deliveries from before the take-over. The portal receives: who imports did not see them."""
    year = entity.fiscal_year_of(entity.day_of(at))
    receipts, counted = [], []
    for taken, (order, lines, _) in zip(orders, built, strict=True):
        for said in taken.receipts:
            receipt = Receipt(
                entity=entity,
                order=order,
                received_on=said.received_on,
                delivery_note=said.delivery_note[:64],
                number=numbering.take(stream=order.stream, kind=receiving.KIND, fiscal_year=year),
                created_at=at,
            )
            perform(receipt.post, actor=None, at=at)
            receipts.append(receipt)
            counted += [
                ReceiptLine(receipt=receipt, order_line=lines[place], quantity=quantity)
                for place, quantity in said.quantities.items()
            ]
    if not receipts:
        return
    bulk_create_with_history(receipts, Receipt, default_user=actor, default_date=at)
    ReceiptLine.objects.bulk_create(counted)
    accruals.begin({receipt.order for receipt in receipts})
    for receipt in receipts:
        data = {"number": receipt.number, "order": receipt.order.number}
        events.publish("receipt.taken_over", receipt, actor=actor, at=at, data=data)
