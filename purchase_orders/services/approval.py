"""An order put up for approval itself, where no approved request covers it."""

from datetime import datetime
from typing import Any

import approvals.services
from accounts.models import User
from budgets.ledger.funds import insist
from budgets.rates import rate_on
from core import events, text
from core.errors import Conflict, Invalid
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import agreements, changed, cover, drawing, order_facts, signed
from purchase_orders.locks import locked
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from purchase_orders.services.orders import (
    MOST_REASON,
    require_apart_to_order,
    require_approved_vendor,
)


class NeedsNoApproval(Conflict):
    slug = "needs-no-approval"
    title = "It needs no approval of its own."


@atomic
def submit(
    *, order: PurchaseOrder, actor: User, at: datetime, budget_reason: str = ""
) -> PurchaseOrder:
    """Ask for the order to be approved; its budgets are checked, nothing is held (C1).

    Where the policy asks nobody, it is approved at once. Raises IllegalTransition, NotAllowed,
    Invalid, DutiesConflict, VendorNotApproved, NeedsNoApproval for what its buyer may issue as it
    is, BeyondAgreement, RateMissing, BudgetExceeded, BudgetReasonRequired, NoApprover,
    PolicyBroken.
    """
    agreed = drawing.locked_agreement(order)
    order = locked(order)
    perform(order.submit, actor=actor, at=at)
    _check_words(budget_reason, "/budget_reason")
    order.buyer = order.buyer or actor
    order.budget_reason = budget_reason or order.budget_reason
    require_apart_to_order(order, actor, at)
    require_approved_vendor(order)
    today, lines = order.entity.day_of(at), changed.lines_of(order, locked=True)
    order.rate = rate_on(currency=order.currency, base=order.entity.currency, day=today)
    needs = cover.needs({order: lines}, actor, on=today)[order.pk]
    if not needs:
        raise NeedsNoApproval(f"{order.reference} is covered: issue it, nobody has to be asked.")
    if agreed is not None:
        agreements.require(agreed, order, lines, on=today)
    checked = order_facts.checks(order, lines, on=today)
    insist(checked, reason=order.budget_reason)
    order.save()
    facts = order_facts.approval_facts(order, lines, checked=checked, at=at, lock=True)
    return _ask(order, lines, needs, facts, actor=actor, at=at)


def _ask(
    order: PurchaseOrder,
    lines: list[PurchaseOrderLine],
    needs: list[str],
    facts: dict[str, Any],
    *,
    actor: User,
    at: datetime,
) -> PurchaseOrder:
    """Tell what is put up and begin its round. Another buyer who sends it decides nothing of it."""
    if order.buyer_id != actor.pk:
        facts["excluded"] = [str(actor.pk)]
    said = signed.content(order, lines)
    digest = changed.digest(said)
    events.publish(
        "order.submitted",
        order,
        actor=actor,
        at=at,
        reason=order.budget_reason,
        data={"digest": digest, "content": said, "needs": needs, "rate": str(order.rate)},
    )
    round_ = approvals.services.request(
        document=order,
        requester=order.buyer,
        amount=facts["amount"],
        facts=facts,
        digest=digest,
        parts=signed.parts(said),
        title=order.title or f"Order to {order.vendor}",
        actor=actor,
        at=at,
    )
    if round_.closed_at is not None:
        order.refresh_from_db()  # approved by policy in the same breath
    return order


@atomic
def withdraw(*, order: PurchaseOrder, actor: User, at: datetime, reason: str = "") -> PurchaseOrder:
    """Take it back from approval; links in mails die. Raises IllegalTransition, NotAllowed."""
    order = locked(order)
    perform(order.withdraw, actor=actor, at=at)
    _check_words(reason, "/reason")
    order.save()
    approvals.services.cancel(
        subject_type=order.document_type,
        subject_id=order.pk,
        actor=actor,
        at=at,
        reason=reason or "Withdrawn by the buyer.",
    )
    events.publish("order.withdrawn", order, actor=actor, at=at, reason=reason)
    return order


def _check_words(words: str, pointer: str) -> None:
    if errors := text.check(words, pointer, most=MOST_REASON, multiline=True):
        raise Invalid(errors=errors)
