"""Clearing: the invoice may be paid, its order line is billed, its budget is spent."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from accounts.models import User
from budgets import ledger
from budgets.ledger import Settlement, Source
from core import events
from core.composed import Composed
from core.errors import Conflict
from core.money import ZERO, allocate, line_net, round_amount
from core.transactions import atomic
from core.transitions import perform
from invoicing.facts import credited, lock_order
from invoicing.models import Invoice, InvoiceLine
from invoicing.services.returning import require_reason
from purchase_orders import services as purchase_orders
from purchase_orders.models import OrderDistribution, PurchaseOrder, PurchaseOrderLine

FINAL = "invoice.cleared_as_final"


@atomic
def void(*, invoice: Invoice, reason: str, actor: User, at: datetime) -> Invoice:
    """Take a clearing back: ledger entries and billed quantities are mirrored, nothing edited.

    After a final invoice more may be billed again. An order that it closed stays closed until a
    buyer reopens it. Raises Invalid without a reason, Conflict when a later credit note builds
    on it.
    """
    invoice = _locked(invoice)
    order_lines = lock_order(invoice)
    perform(invoice.void, actor=actor, at=at)
    require_reason(reason)
    billed = {
        line: (-quantity, -net, False)
        for line, (quantity, net, _) in _billed(invoice, order_lines).items()
    }
    _require_still_billed(invoice, order_lines, billed)
    invoice.save()
    ledger.mirror(
        source=_source(invoice),
        on=invoice.entity.day_of(at),
        actor=actor,
        at=at,
        reason=reason,
        reencumber=invoice.order.status != PurchaseOrder.Status.CLOSED,
        draw=purchase_orders.draw_of(order=invoice.order, lines=billed, at=at),
    )
    purchase_orders.bill(
        order=invoice.order, lines=billed, actor=actor, at=at, reopens=invoice.is_final
    )
    events.publish("invoice.voided", invoice, actor=actor, at=at, reason=reason)
    return invoice


def _require_still_billed(
    invoice: Invoice, order_lines: list[PurchaseOrderLine], billed: dict
) -> None:
    """A void takes back no more than is left of what was billed."""
    for line in order_lines:
        quantity, net, _ = billed.get(line.pk, (ZERO, ZERO, False))
        over = quantity < ZERO and line.billed_quantity + quantity < ZERO
        if over or (net < ZERO and line.billed_amount + net < ZERO):
            raise Conflict(
                f"A later credit note builds on invoice {invoice.number}: void that first."
            )


def unbillable(invoice: Invoice) -> str:
    """Why nobody can clear it as it is: its order holds no budget for it. Empty when one may."""
    order = invoice.order
    if order is None:
        return "There is nothing to accept: name the order and line it bills."
    if order.status == PurchaseOrder.Status.CANCELLED:
        return f"Order {order.reference} was cancelled: return the invoice or name another order."
    if order.currency != invoice.currency:
        return (
            f"Order {order.reference} is in {order.currency}, the invoice in {invoice.currency}: "
            "return it or name another order."
        )
    return ""


def post_cleared(
    invoice: Invoice,
    order_lines: list[PurchaseOrderLine],
    *,
    actor: User | None,
    at: datetime,
    reason: str = "",
) -> None:
    """Write what clearing means: encumbrance to actuals in the ledger, billed on the order.

    After a final invoice the worker closes its order and frees what is left (C19).
    Raises BudgetExceeded when more is billed than was encumbered and the budget cannot bear it,
    Conflict when a line bills nothing that was ordered: its cost would have no budget.
    """
    if refusal := unbillable(invoice):
        raise Conflict(refusal)
    linked = {line.pk for line in order_lines}
    if any(line.order_line_id not in linked for line in invoice.lines.all()):
        raise Conflict(f"A line of invoice {invoice.number} bills no line of its order.")
    _fix_returns(invoice, order_lines)
    billed = _billed(invoice, order_lines)
    ledger.liquidate(
        source=_source(invoice),
        settlements=_settlements(invoice, order_lines),
        on=invoice.entity.day_of(at),
        actor=actor,
        at=at,
        # What runs over within tolerances has a reason, which a budget that only warns asks for.
        reason=reason or f"Invoice {invoice.number} matched within the tolerances.",
        draw=purchase_orders.draw_of(order=invoice.order, lines=billed, at=at),
    )
    purchase_orders.bill(order=invoice.order, lines=billed, actor=actor, at=at)
    if invoice.is_final:
        events.publish(FINAL, invoice, actor=actor, at=at)


def _locked(invoice: Invoice) -> Invoice:
    return (
        Invoice.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "order", "vendor")
        .prefetch_related("lines")
        .get(pk=invoice.pk)
    )


def _source(invoice: Invoice) -> Source:
    return Source(
        entity=invoice.entity,
        document_type=invoice.document_type,
        document_id=invoice.pk,
        number=invoice.number,
        currency=invoice.currency,
        rate=invoice.rate,
    )


def _billed(invoice: Invoice, order_lines: list[PurchaseOrderLine]) -> dict:
    """Per order line: signed quantity and net, and whether it completes the line."""
    by_pk = {line.pk: line for line in order_lines}
    billed: dict = {}
    for line in invoice.lines.all():
        order_line = by_pk.get(line.order_line_id)
        if order_line is None:
            continue
        quantity, net, _ = billed.get(order_line.pk, (ZERO, ZERO, False))
        quantity += invoice.sign * _moved_quantity(invoice, line, order_line)
        net += invoice.sign * line.net
        billed[order_line.pk] = (quantity, net, invoice.is_final)
    return billed


def _moved_quantity(invoice: Invoice, line: InvoiceLine, order_line: PurchaseOrderLine) -> Decimal:
    """What a line adds to or takes off the billed quantity; for a credit note as it was cleared."""
    if invoice.sign > 0:
        return line.quantity
    if line.returned_quantity is not None:
        return line.returned_quantity
    return line.quantity if credited(line, order_line) == "quantity" else ZERO


def _fix_returns(invoice: Invoice, order_lines: list[PurchaseOrderLine]) -> None:
    """Keep what a credit note takes back: billed averages move, and a void mirrors exactly."""
    if invoice.sign > 0:
        return
    by_pk = {line.pk: line for line in order_lines}
    lines = list(invoice.lines.all())
    for line in lines:
        line.returned_quantity = _moved_quantity(invoice, line, by_pk[line.order_line_id])
    InvoiceLine.objects.bulk_update(lines, ["returned_quantity"])


class Share(NamedTuple):
    """What pays a part of an order line."""

    line_id: UUID
    distribution_id: UUID
    percent: Decimal


_shares = Composed[tuple[UUID, UUID, Decimal]](
    lambda order: (
        OrderDistribution.objects.filter(line__order=order)
        .order_by("position")
        .values_list("line_id", "pk", "percent")
    )
)


def _settlements(invoice: Invoice, order_lines: list[PurchaseOrderLine]) -> list[Settlement]:
    """One settlement per invoice line and distribution of its order line."""
    by_pk = {line.pk: line for line in order_lines}
    shares: dict[UUID, list[Share]] = defaultdict(list)
    for share in map(Share._make, _shares(invoice.order.pk)):
        shares[share.line_id].append(share)
    lines = [line for line in invoice.lines.all() if line.order_line_id in by_pk]
    costs = _costs(invoice, lines, by_pk)
    settlements = []
    for line, cost, (taken, final) in zip(
        lines, costs, _liquidated(invoice, lines, by_pk), strict=True
    ):
        order_line = by_pk[line.order_line_id]
        settlements += _by_distribution(
            invoice,
            line,
            shares[order_line.pk],
            moved=invoice.sign * _moved_quantity(invoice, line, order_line),
            cost=cost,
            taken=taken,
            final=final,
        )
    return settlements


def _liquidated(
    invoice: Invoice, lines: list[InvoiceLine], by_pk: dict
) -> list[tuple[Decimal, bool]]:
    """Encumbrance each line uses up, in order currency, and whether it takes the exact rest (C8).

    By quantity: what the quantity cost on the order; by amount: what is billed. Lines of one order
    line count together: what a negative one takes back, the others do not use up. A credit note
    gives no encumbrance back.
    """
    if invoice.sign < 0:
        return [(ZERO, False) for _ in lines]
    left: dict = defaultdict(Decimal)
    for line in lines:
        left[line.order_line_id] += _measure(line, by_pk)
    billed = {pk: order_line.billed_quantity for pk, order_line in by_pk.items()}
    taken = []
    for line in lines:
        order_line = by_pk[line.order_line_id]
        part = max(min(_measure(line, by_pk), left[order_line.pk]), ZERO)
        left[order_line.pk] -= part
        billed[order_line.pk] += part
        taken.append(_used_up(invoice, order_line, part, billed[order_line.pk]))
    return taken


def _measure(line: InvoiceLine, by_pk: dict) -> Decimal:
    """What a line bills of its order line: money or a quantity; a discount bills no quantity."""
    order_line = by_pk[line.order_line_id]
    if order_line.basis == order_line.Basis.AMOUNT:
        return line.net
    return ZERO if line.net < 0 < line.quantity else line.quantity


def _used_up(
    invoice: Invoice, order_line: PurchaseOrderLine, part: Decimal, billed: Decimal
) -> tuple[Decimal, bool]:
    if not part:
        return ZERO, False
    if order_line.basis == order_line.Basis.AMOUNT:
        return part, False
    currency = invoice.order.currency
    taken = line_net(quantity=part, unit_price=order_line.unit_price, currency=currency)
    return taken, billed >= order_line.quantity


def _costs(invoice: Invoice, lines: list[InvoiceLine], by_pk: dict) -> list[Decimal]:
    """What each line costs us: its net, its share of charges and allowances, and the part of its
    tax that cannot be recovered. Positive; the sign of a credit note comes later."""
    nets = [line.net for line in lines]
    charges = invoice.net - sum((line.net for line in invoice.lines.all()), ZERO)
    weights = [abs(net) for net in nets] if any(nets) else [Decimal(1) for _ in nets]
    charge_shares = allocate(charges, weights, invoice.currency)
    taxed = [abs(line.net) * (line.tax_percent or ZERO) for line in lines]
    tax_shares = allocate(invoice.tax, taxed if any(taxed) else weights, invoice.currency)
    return [
        net + charge + _lost_tax(tax, by_pk[line.order_line_id], invoice.currency)
        for net, charge, tax, line in zip(nets, charge_shares, tax_shares, lines, strict=True)
    ]


def _lost_tax(tax: Decimal, order_line: PurchaseOrderLine, currency: str) -> Decimal:
    return round_amount(tax * (100 - order_line.recoverable_percent) / 100, currency)


def _by_distribution(
    invoice: Invoice,
    line: InvoiceLine,
    shares: list[Share],
    *,
    moved: Decimal,
    cost: Decimal,
    taken: Decimal,
    final: bool,
) -> list[Settlement]:
    weights = [share.percent for share in shares]
    costs = allocate(invoice.sign * cost, weights, invoice.currency)
    takes = allocate(taken, weights, invoice.order.currency)
    return [
        Settlement(
            line_id=line.pk,
            line_number=line.line_number,
            order_distribution_id=share.distribution_id,
            quantity=moved * share.percent / 100,
            liquidate=take,
            reencumber=ZERO,
            actual=actual,
            final=final,
        )
        for share, actual, take in zip(shares, costs, takes, strict=True)
    ]
