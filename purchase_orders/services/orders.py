"""Issued orders: issue, hold, cancel, close, reopen, and what that does to the budget."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import requisitions.services
from accounts.duties import require_apart
from accounts.models import Duty, User
from budgets import ledger
from budgets.rates import rate_on
from core import events, numbering, rows, text
from core.errors import Conflict, Invalid
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import (
    accruals,
    agreements,
    contracts,
    cover,
    drawing,
    queries,
    signed,
    subjects,
)
from purchase_orders.agreements import Agreed
from purchase_orders.locks import locked, locked_lines, source
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine, Receipt
from purchase_orders.services.change_orders import withdraw_open
from purchase_orders.services.freezing import freeze
from purchase_orders.shares import shares
from requisitions import facts
from requisitions.models import Requisition
from vendors.models import Vendor

KIND = "PO"
MOST_REASON = 2000


class VendorNotApproved(Conflict):
    slug = "vendor-not-approved"
    title = "Only an approved vendor gets an order."


@atomic
def issue(
    *, order: PurchaseOrder, actor: User | None, at: datetime, reason: str = ""
) -> PurchaseOrder:
    """Make a draft binding: number, rate, budget and printed content are fixed in one step.

    What came from requisitions uses up their reservation (C3, C3′); the rest is a buyer's own and
    must lie within the buyer's approval limit (C5). An order that was approved itself is held to
    what it said then instead. A blanket order commits by its releases, each within its limit.
    `reason` answers budgets that warn. Raises BeyondAgreement, IllegalTransition, NotAllowed,
    DutiesConflict, VendorNotApproved, AboveApproved, NeedsRequisition, Conflict, RateMissing,
    BudgetExceeded, BudgetReasonRequired; what is refused takes no number.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    lines = locked_lines(order)
    approved = order.status == order.Status.APPROVED
    perform(order.issue, actor=actor, at=at)
    today = order.entity.day_of(at)
    order.rate = rate_on(currency=order.currency, base=order.entity.currency, day=today)
    if agreed is None and not any(line.requisition_id for line in lines):
        ledger.refuse_early(source=source(order), shares=shares(order, lines), on=today)
    require_apart_to_order(order, actor, at)
    require_approved_vendor(order)
    if actor is not None and order.buyer_id in (None, actor.pk):
        order.buyer = actor
    if approved:
        signed.require_as_approved(order)
    else:
        cover.require_limit(order, lines, actor, on=today)
    if agreed is not None:
        agreements.require(agreed, order, lines, on=today)
    asked = _take_from_requisitions(order, lines, approved=approved, actor=actor, at=at)
    # The number comes before the ledger because entries name it, and after every refusal above.
    # Nobody waits for it while holding a budget: only an issue takes it, always in this order.
    order.number = _number(order, agreed, today)
    drawing.issued(agreed, order, actor=actor, at=at)
    ledger.encumber(
        source=source(order),
        shares=shares(order, lines),
        on=today,
        actor=actor,
        at=at,
        reason=reason or "\n".join(filter(None, (each.budget_reason for each in (order, *asked)))),
        emergency="\n".join(filter(None, (facts.emergency(each) for each in asked))),
        draw=drawing.in_ledger(agreed, order),
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


def _number(order: PurchaseOrder, agreed: Agreed | None, today: date) -> str:
    if agreed is not None:
        return drawing.take_number(agreed)
    year = order.entity.fiscal_year_of(today)
    return numbering.take(stream=order.stream, kind=KIND, fiscal_year=year)


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
    """Take an order back whole; its commitment goes back by the worker (C21), and what it took from
    requests can be ordered again.

    Raises IllegalTransition, NotAllowed, Invalid without a reason, Conflict once something was
    received or billed: close it short instead.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    lines = locked_lines(order)
    perform(order.cancel, actor=actor, at=at, reason=reason)
    _check_reason(reason)
    if order.issued_at is not None:
        _require_untouched(order, lines)
        drawing.require_no_release(order)
        withdraw_open(order, at=at, reason="the order was cancelled")
    order.save()
    drawing.cancelled(agreed, order, actor=actor, at=at, reason=reason)
    if order.issued_at is not None:
        _give_back_to_requisitions(order, lines, actor=actor, at=at)
    events.publish("order.cancelled", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def close(*, order: PurchaseOrder, actor: User | None, at: datetime, reason: str) -> PurchaseOrder:
    """Expect nothing more; what is committed and unused goes back by the worker (C19).

    Raises IllegalTransition, NotAllowed, Invalid without a reason.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    with accruals.moving_order(order):
        perform(order.close, actor=actor, at=at, reason=reason)
        _check_reason(reason)
        order.save()
    drawing.closed(agreed, order, actor=actor, at=at, reason=reason)
    withdraw_open(order, at=at, reason="the order was closed")
    events.publish("order.closed", order, actor=actor, at=at, reason=reason)
    return order


@atomic
def reopen(*, order: PurchaseOrder, actor: User | None, at: datetime, reason: str) -> PurchaseOrder:
    """Expect more after all: what closing gave back is committed again after a funds check (C20),
    and more may be billed even after a final invoice.

    Raises IllegalTransition, NotAllowed, Invalid without a reason, BudgetExceeded, BeyondAgreement.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    with accruals.moving_order(order):
        perform(order.reopen, actor=actor, at=at)
        _check_reason(reason)
        drawing.reopened(agreed, order, actor=actor, at=at, reason=reason)
        _expect_invoices(order)
        ledger.reencumber(
            source=source(order),
            on=order.entity.day_of(at),
            actor=actor,
            at=at,
            reason=reason,
            draw=drawing.in_ledger(agreed, order),
        )
        order.save()
    events.publish("order.reopened", order, actor=actor, at=at, reason=reason)
    return order


def _expect_invoices(order: PurchaseOrder) -> None:
    ended = [line for line in locked_lines(order) if line.is_final]
    for line in ended:
        line.is_final = False
    rows.store(ended, ["is_final"])


@atomic
def release_unused(*, order: PurchaseOrder, at: datetime) -> Decimal:
    """Give back what a closed or cancelled order still holds. Returns the base amount.

    Safe to run any number of times: what was given back is not held any more, and an order that
    was reopened meanwhile keeps what it has.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    if order.issued_at is None:
        return ZERO
    given = {"on": order.entity.day_of(at), "actor": None, "at": at, "reason": order.close_reason}
    given["draw"] = drawing.in_ledger(agreed, order)
    if order.status == PurchaseOrder.Status.CANCELLED:
        give = ledger.release if order.is_blanket else ledger.cancel  # its releases gave back
        freed = give(source=source(order), event="order.cancelled", **given)
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


def require_apart_to_order(order: PurchaseOrder, actor: User | None, at: datetime) -> None:
    """Raise DutiesConflict for who is kept apart; whoever drafted it orders as much as whoever
    issues it. Statements: 1."""
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


def _take_from_requisitions(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    *,
    approved: bool,
    actor: User | None,
    at: datetime,
) -> list[Requisition]:
    """Note on each requisition what this order takes over; never more than was approved, there or
    for the order itself."""
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
        if not approved:
            cover.require_approved(order, requisition)
        asked.append(requisition)
    return asked


def _give_back_to_requisitions(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], *, actor: User, at: datetime
) -> None:
    """What each requisition noted when this order was issued: changes of it since took nothing."""
    if not any(line.requisition_line_id for line in lines):
        return
    issued = order.revisions.get(revision=1).content["lines"]
    taken = {
        each["line_number"]: (Decimal(each["quantity"]), Decimal(each["net"])) for each in issued
    }
    given: dict[UUID, dict[UUID, tuple[Decimal, Decimal]]] = defaultdict(dict)
    for line in lines:
        if pk := line.requisition_line_id:
            quantity, amount = given[line.requisition_id].get(pk, (ZERO, ZERO))
            more, net = taken[line.line_number]
            given[line.requisition_id][pk] = (quantity + more, amount + net)
    for owner in sorted(given):
        requisitions.services.mark_unordered(
            requisition=Requisition(pk=owner),
            quantities=given[owner],
            actor=actor,
            at=at,
            reason=f"{order.number} was cancelled.",
        )


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
