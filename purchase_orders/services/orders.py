"""Issued orders: issue, hold, cancel, close, reopen, and what that does to the budget."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import requisitions.services
from accounts.duties import require_apart
from accounts.models import Duty, User
from budgets import ledger
from budgets.ledger import Share
from budgets.rates import rate_on
from core import events, numbering, text
from core.errors import Conflict, Invalid, RuleBroken
from core.money import HUNDRED, ZERO, round_amount, to_base
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import accruals, contracts, queries, subjects
from purchase_orders.locks import locked, locked_lines, source
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt
from purchase_orders.services.change_orders import withdraw_open
from purchase_orders.services.freezing import freeze
from requisitions import facts
from requisitions.models import Requisition, RequisitionDistribution
from vendors.models import Vendor

KIND = "PO"
MOST_REASON = 2000


class VendorNotApproved(Conflict):
    slug = "vendor-not-approved"
    title = "Only an approved vendor gets an order."


class AboveApproved(RuleBroken):
    """More is ordered than was approved. Ask for the difference with a new requisition."""

    slug = "above-approved"
    title = "The order is above what was approved."


class NeedsRequisition(RuleBroken):
    """Nobody approved this and it is more than its buyer may decide alone."""

    slug = "needs-requisition"
    title = "Start from a requisition."


@atomic
def issue(
    *, order: PurchaseOrder, actor: User | None, at: datetime, reason: str = ""
) -> PurchaseOrder:
    """Make a draft binding: number, rate, budget and printed content are fixed in one step.

    What came from requisitions uses up their reservation (C3, C3′); the rest is a buyer's own and
    must lie within the buyer's approval limit (C5). `reason` answers budgets that warn. Raises
    IllegalTransition, NotAllowed, DutiesConflict, VendorNotApproved, AboveApproved,
    NeedsRequisition, RateMissing, BudgetExceeded, BudgetReasonRequired; what is refused takes no
    number.
    """
    order = locked(order)
    lines = locked_lines(order)
    perform(order.issue, actor=actor, at=at)
    _require_apart(order, actor, at)
    require_approved_vendor(order)
    today = order.entity.day_of(at)
    order.rate = rate_on(currency=order.currency, base=order.entity.currency, day=today)
    if actor is not None and order.buyer_id in (None, actor.pk):
        order.buyer = actor
    _require_limit(order, lines, actor)
    asked = _take_from_requisitions(order, lines, actor=actor, at=at)
    # The number comes before the ledger because entries name it, and after every refusal above.
    # Nobody waits for it while holding a budget: only an issue takes it, always in this order.
    order.number = numbering.take(
        stream=order.stream, kind=KIND, fiscal_year=order.entity.fiscal_year_of(today)
    )
    ledger.encumber(
        source=source(order),
        shares=_shares(order, lines),
        on=today,
        actor=actor,
        at=at,
        reason=reason or "\n".join(filter(None, (each.budget_reason for each in asked))),
        emergency="\n".join(filter(None, (facts.emergency(each) for each in asked))),
    )
    order.save()
    freeze(order, [each.number for each in asked], actor=actor, at=at, lines=lines)
    events.publish(
        "order.issued",
        order,
        actor=actor,
        at=at,
        reason=reason,
        data={
            **{name: str(getattr(order, name)) for name in ("number", "rate", "total", "currency")},
            "revision": order.revision,
            "vendor": order.vendor.name,
            **contracts.noted(order, lines, on=today),
        },
    )
    return order


@atomic
def hold(*, order: PurchaseOrder, actor: User, at: datetime, reason: str = "") -> PurchaseOrder:
    """Stop receiving and billing for now. Raises IllegalTransition, NotAllowed."""
    order = locked(order)
    perform(order.hold, actor=actor, at=at)
    _check_reason(reason, required=False)
    order.save()
    events.publish("order.held", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def resume(*, order: PurchaseOrder, actor: User, at: datetime, reason: str = "") -> PurchaseOrder:
    """Go on after a hold. Raises IllegalTransition, NotAllowed."""
    order = locked(order)
    perform(order.resume, actor=actor, at=at)
    _check_reason(reason, required=False)
    order.save()
    events.publish("order.resumed", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def cancel(*, order: PurchaseOrder, actor: User, at: datetime, reason: str) -> PurchaseOrder:
    """Take an order back whole; its commitment goes back by the worker (C21).

    Raises IllegalTransition, NotAllowed, Invalid without a reason, Conflict once something was
    received or billed: close it short instead.
    """
    order = locked(order)
    lines = locked_lines(order)
    perform(order.cancel, actor=actor, at=at, reason=reason)
    _check_reason(reason)
    if order.issued_at is not None:
        _require_untouched(order, lines)
        withdraw_open(order, at=at, reason="the order was cancelled")
    order.save()
    events.publish("order.cancelled", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def close(*, order: PurchaseOrder, actor: User | None, at: datetime, reason: str) -> PurchaseOrder:
    """Expect nothing more; what is committed and unused goes back by the worker (C19).

    Raises IllegalTransition, NotAllowed, Invalid without a reason.
    """
    order = locked(order)
    with accruals.moving_order(order):
        perform(order.close, actor=actor, at=at, reason=reason)
        _check_reason(reason)
        order.save()
    withdraw_open(order, at=at, reason="the order was closed")
    events.publish("order.closed", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def reopen(*, order: PurchaseOrder, actor: User | None, at: datetime, reason: str) -> PurchaseOrder:
    """Expect more after all: what closing gave back is committed again after a funds check (C20).

    Raises IllegalTransition, NotAllowed, Invalid without a reason, BudgetExceeded.
    """
    order = locked(order)
    with accruals.moving_order(order):
        perform(order.reopen, actor=actor, at=at)
        _check_reason(reason)
        ledger.reencumber(
            source=source(order),
            on=order.entity.day_of(at),
            actor=actor,
            at=at,
            reason=reason,
        )
        order.save()
    events.publish("order.reopened", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def release_unused(*, order: PurchaseOrder, at: datetime) -> Decimal:
    """Give back what a closed or cancelled order still holds. Returns the base amount.

    Safe to run any number of times: what was given back is not held any more, and an order that
    was reopened meanwhile keeps what it has.
    """
    order = locked(order)
    if order.issued_at is None:
        return ZERO
    given = {"on": order.entity.day_of(at), "actor": None, "at": at, "reason": order.close_reason}
    if order.status == PurchaseOrder.Status.CANCELLED:
        freed = ledger.cancel(source=source(order), **given)
    elif order.status == PurchaseOrder.Status.CLOSED:
        freed = ledger.release(source=source(order), **given)
    else:
        return ZERO
    if freed:
        events.publish(
            "order.released",
            order,
            actor=None,
            at=at,
            reason=order.close_reason,
            data={"released": str(freed), "currency": order.entity.currency},
        )
    return freed


def _check_reason(reason: str, *, required: bool = True) -> None:
    errors = text.check(reason, "/reason", most=MOST_REASON, required=required, multiline=True)
    if errors:
        raise Invalid(errors=errors)


def _require_apart(order: PurchaseOrder, actor: User | None, at: datetime) -> None:
    """Whoever drafted it orders as much as whoever issues it."""
    performed = queries.performed_on(order)
    drafted_by_another = actor is not None and order.buyer_id != actor.pk
    for person in (actor, order.buyer) if drafted_by_another else (actor,):
        require_apart(
            entity=order.entity,
            person=person,
            duty=Duty.ORDER,
            performed=performed,
            at=at,
            about=order,
        )


def require_approved_vendor(order: PurchaseOrder) -> None:
    """Raise VendorNotApproved for a vendor that gets no orders."""
    if order.vendor.status != Vendor.Status.APPROVED:
        state = order.vendor.get_status_display().lower()
        raise VendorNotApproved(
            f"{order.vendor} is {state}; only an approved vendor gets an order."
        )


def _require_limit(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], actor: User | None
) -> None:
    """What nobody requested is the buyer's own decision, up to the buyer's approval limit."""
    own = sum((line.net for line in lines if line.requisition_line_id is None), ZERO)
    if not own:
        return
    base = order.entity.currency
    amount = to_base(own, rate=order.rate, base_currency=base)
    limit = (actor.approval_limit if actor else None) or ZERO
    if amount > limit:
        raise NeedsRequisition(
            f"{amount:,} {base} of this order comes from no requisition; {actor or 'the portal'} "
            f"may decide {round_amount(limit, base):,} {base} alone. Start from a requisition, so "
            "that somebody else approves it."
        )


def _take_from_requisitions(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], *, actor: User | None, at: datetime
) -> list[Requisition]:
    """Note on each requisition what this order takes over; never more than was approved."""
    requested = {line.requisition_line_id for line in lines if line.requisition_line_id}
    if not requested:
        return []
    owners = {line.requisition_line_id: line.requisition_id for line in lines}
    taken: dict[UUID, dict[UUID, tuple[Decimal, Decimal]]] = defaultdict(dict)
    for line in lines:
        if pk := line.requisition_line_id:
            quantity, amount = taken[owners[pk]].get(pk, (ZERO, ZERO))
            taken[owners[pk]][pk] = (quantity + line.quantity, amount + line.net)
    asked = []
    for owner in sorted(taken):
        requisition = requisitions.services.mark_ordered(
            requisition=Requisition(pk=owner), quantities=taken[owner], actor=actor, at=at
        )
        _require_approved(order, requisition)
        asked.append(requisition)
    return asked


def _require_approved(order: PurchaseOrder, requisition: Requisition) -> None:
    lines = list(requisition.lines.order_by().values_list("vendor", "ordered_amount"))
    ordered = sum((amount for _, amount in lines), ZERO)
    if ordered > requisition.total:
        raise AboveApproved(
            f"With this order {requisition.number} comes to {ordered:,f} {order.currency}; "
            f"approved are {requisition.total:,f}. Ask for the difference with a new requisition."
        )
    vendors = {vendor or requisition.vendor_id for vendor, _ in lines}
    if requisition.currency != order.currency or order.vendor_id not in vendors:
        raise AboveApproved(f"{requisition.number} was approved for another vendor or currency.")


def _shares(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> list[Share]:
    """One share per distribution, with what it uses up of the requisition's reservation."""
    ids = [part.requisition_distribution_id for line in lines for part in line.distributions.all()]
    reserved = RequisitionDistribution.objects.select_related("line").in_bulk(
        list(filter(None, ids))
    )
    return [
        Share(
            line_id=line.pk,
            line_number=line.line_number,
            distribution_id=part.pk,
            cost_center_id=part.cost_center_id,
            gl_account_id=part.gl_account_id,
            project_id=part.project_id,
            amount=part.amount,
            quantity=round(line.quantity * part.percent / HUNDRED, 6),
            period=line.period,
            converts=part.requisition_distribution_id,
            converts_amount=_converted(
                order, line, part.amount, reserved.get(part.requisition_distribution_id)
            ),
        )
        for line in lines
        for part in line.distributions.all()
    ]


def _converted(
    order: PurchaseOrder,
    line: PurchaseOrderLine,
    amount: Decimal,
    estimate: RequisitionDistribution | None,
) -> Decimal:
    """By quantity the estimate × q_order/q_requested (C3), by amount what is ordered (C3′).

    The order that completes a line takes the whole estimate: the ledger caps it at what is left, so
    no cent of rounding stays reserved.
    """
    if estimate is None:
        return ZERO
    requested = estimate.line
    if requested.basis == requested.Basis.AMOUNT:
        return amount
    if requested.ordered_quantity >= requested.quantity:
        return estimate.amount
    return round_amount(estimate.amount * line.quantity / requested.quantity, order.currency)


def _require_untouched(order: PurchaseOrder, lines: list[PurchaseOrderLine]) -> None:
    standing = order.receipts.filter(status=Receipt.Status.POSTED, reverses=None).first()
    if standing is not None:
        raise Conflict(
            f"{standing.number} was received on {order.number}: close it short instead of "
            "cancelling it."
        )
    billed = any(line.billed_quantity or line.billed_amount for line in lines)
    invoice = subjects.invoice_on(order)
    if billed or invoice:
        raise Conflict(
            f"{invoice or 'An invoice'} was received on {order.number}: close it short instead "
            "of cancelling it."
        )
