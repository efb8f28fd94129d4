"""Change orders until they are issued: drafted, changed, put up, taken back."""

from datetime import datetime
from typing import Any
from uuid import UUID

import approvals.services
from accounts import tax
from accounts.models import User
from budgets import ledger
from core import events
from core.errors import Conflict, FieldError, IllegalTransition, Invalid
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import (
    agreement_changes,
    agreement_validation,
    change_facts,
    change_validation,
    changed,
    differences,
    drawing,
    reapproval,
)
from purchase_orders.inputs import ChangedLine, ChangeInput
from purchase_orders.locks import locked
from purchase_orders.models import (
    Agreement,
    ChangeOrder,
    ChangeOrderDistribution,
    ChangeOrderLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from purchase_orders.services.drafts import require_buyer
from requisitions.facts import budget_state

CHANGEABLE = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)


@atomic
def draft_change(
    *, order: PurchaseOrder, data: ChangeInput, actor: User, at: datetime
) -> ChangeOrder:
    """Say what shall become of an issued order. Nothing happens to it before it is issued.

    Raises NotAllowed for anybody but a buyer, IllegalTransition for an order that is not issued,
    Conflict while another change of it is open, Invalid, BelowUsed.
    """
    order = locked(order)
    require_buyer(order.entity, actor)
    _require_changeable(order)
    earlier = list(order.change_orders.order_by("sequence"))
    standing = next((each for each in earlier if each.is_open), None)
    if standing is not None:
        state = standing.get_status_display().lower()
        raise Conflict(f"{standing} is open ({state}): issue or withdraw it first.")
    change = ChangeOrder(
        entity=order.entity,
        order=order,
        sequence=len(earlier) + 1,
        base_revision=order.revision,
        buyer=actor,
        created_at=at,
    )
    change._history_user = actor
    _store(change, data)
    _tell("change_order.drafted", change, actor=actor, at=at)
    return change


@atomic
def edit_change(
    *,
    change: ChangeOrder,
    data: ChangeInput,
    actor: User,
    at: datetime,
    expected_version: int | None = None,
) -> ChangeOrder:
    """Replace what a drafted change says.

    Raises StaleVersion, IllegalTransition once it was submitted, NotAllowed, Invalid, BelowUsed.
    """
    change = locked_change(change)
    change.require_version(expected_version)
    perform(change.edit, actor=actor, at=at)
    _store(change, data)
    _tell("change_order.edited", change, actor=actor, at=at)
    return change


@atomic
def submit_change(
    *, change: ChangeOrder, actor: User, at: datetime, budget_reason: str = ""
) -> ChangeOrder:
    """Put it up: what it costs more is held, and whoever has to agree is asked (C18).

    Where no rule asks for a new approval, policy approves it at once. Raises IllegalTransition,
    NotAllowed, Conflict when the order went on without it, BelowUsed, BudgetExceeded,
    BudgetReasonRequired, NoApprover, PolicyBroken.
    """
    change = locked_change(change)
    perform(change.submit, actor=actor, at=at)
    lines, changes = fresh(change)
    if budget_reason:
        change.budget_reason = budget_reason
    require_room(change, lines, changes, {})
    change.needs = reapproval.needs(change, first=differences.first_approved(change))
    change.save()
    ledger.hold(
        source=change_facts.source(change),
        wanted=change_facts.wanted(change, lines, changes, waits=True),
        on=change.entity.day_of(at),
        actor=actor,
        at=at,
        reason=change.budget_reason,
    )
    signed = changed.signed(change)
    _tell(
        "change_order.submitted",
        change,
        actor=actor,
        at=at,
        digest=changed.digest(signed),
        content=change.after,
        needs=change.needs,
    )
    if change.needs:
        return _ask(change, changes, actor, at)
    return _let_pass(change, at)


def _ask(
    change: ChangeOrder, changes: list[ChangeOrderLine], actor: User, at: datetime
) -> ChangeOrder:
    facts = change_facts.approval_facts(
        change, changes, budget_state=budget_state(change_facts.checks(change))
    )
    approvals.services.request(
        document=change,
        requester=change.buyer,
        amount=facts["amount"],
        facts=facts,
        digest=changed.digest(changed.signed(change)),
        title=str(change),
        actor=actor,
        at=at,
    )
    return locked_change(change)


def _let_pass(change: ChangeOrder, at: datetime) -> ChangeOrder:
    """No rule asks anybody; the trail says so."""
    perform(change.approve, actor=None, at=at)
    change.save()
    events.publish(
        "change_order.approved",
        change,
        actor=None,
        at=at,
        reason="It needs no new approval by the rules for changes of orders.",
    )
    return change


@atomic
def withdraw_change(
    *, change: ChangeOrder, actor: User | None, at: datetime, reason: str = ""
) -> ChangeOrder:
    """Take it back; what it held is free again. Raises IllegalTransition, NotAllowed, Invalid."""
    change = locked_change(change)
    perform(change.withdraw, actor=actor, at=at)
    if errors := change_validation.check_reason(reason):
        raise Invalid(errors=errors)
    change.save()
    reason = reason or "the change was taken back"
    approvals.services.cancel(
        subject_type=change.document_type,
        subject_id=change.pk,
        actor=actor,
        at=at,
        reason=reason,
    )
    free_hold(change, actor=actor, at=at, reason=reason)
    events.publish("change_order.withdrawn", change, actor=actor, at=at, reason=reason)
    return change


def withdraw_open(order: PurchaseOrder, *, at: datetime, reason: str) -> None:
    """Nothing is left to change of an order that ended: its open change goes with it."""
    for change in order.change_orders.filter(status__in=ChangeOrder.OPEN):
        withdraw_change(change=change, actor=None, at=at, reason=reason)


def free_hold(change: ChangeOrder, *, actor: User | None, at: datetime, reason: str) -> None:
    """What the change holds goes back to its budgets."""
    ledger.drop_hold(
        source=change_facts.source(change),
        on=change.entity.day_of(at),
        actor=actor,
        at=at,
        reason=reason,
    )


def locked_change(change: ChangeOrder | UUID) -> ChangeOrder:
    """Its order locked first, then the change as it is now. Statements: 3, of a release 5."""
    pk = change if isinstance(change, UUID) else change.pk
    order = PurchaseOrder.objects.get(change_orders=pk)
    drawing.locked_agreement(order)
    order = locked(order)
    found = change_row(pk)
    found.order, found.entity = order, order.entity
    return found


def change_row(pk: UUID) -> ChangeOrder:
    """The change alone, locked: whoever decides its round takes nothing of the order."""
    return (
        ChangeOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("entity", "buyer", "order__vendor", "order__entity")
        .get(pk=pk)
    )


def fresh(change: ChangeOrder) -> tuple[list[Any], list[ChangeOrderLine]]:
    """The order's lines, locked, and the change's; refused when the order is another by now."""
    _require_changeable(change.order)
    if change.order.revision != change.base_revision:
        raise Conflict(
            f"{change.order.number} is revision {change.order.revision} now: withdraw this change "
            "and draft a new one."
        )
    return changed.lines_of(change.order, locked=True), changed.changes_of(change)


def _require_changeable(order: PurchaseOrder) -> None:
    if order.status not in CHANGEABLE:
        state = order.get_status_display().lower()
        raise IllegalTransition(f"{order.reference} is {state}: only issued orders are changed.")


def _store(change: ChangeOrder, data: ChangeInput) -> None:
    """Judge the input and write header, lines and shares in place of what was there."""
    order = change.order
    lines = changed.lines_of(order, locked=True)
    tax_codes = tax.tax_codes(order.entity)
    terms = agreement_changes.standing(order)
    change_validation.check(order, lines, data, tax_codes=tax_codes)
    for name in ("reason_code", "budget_reason"):
        setattr(change, name, getattr(data, name))
    change.reason = data.reason.strip()
    for name in changed.TERMS:
        setattr(change, name, data.terms.get(name, getattr(order, name)))
    for name in Agreement.FIGURES if terms is not None else ():
        setattr(change, name, data.terms.get(name, getattr(terms, name)))
    commits = terms is not None and terms.commits != Agreement.Commits.RELEASES
    changes = changed.build(change, lines, data, every=commits)
    change.before = changed.stated(changed.whole(order, lines, terms))
    whole = changed.proposed(change, lines, changes, tax_codes, terms)
    change.limit = whole.terms.limit if whole.terms is not None else None
    change.after = changed.stated(whole)
    if change.before == change.after:
        raise Invalid(errors=[FieldError("/lines", "unchanged", "Nothing would change.")])
    if errors := list(agreement_validation.minimum_above_lines(whole.terms, whole.order.net)):
        raise Invalid(errors=errors)
    require_room(change, lines, changes, _places(changes, data))
    change.difference = changed.decides(change.after) - changed.decides(change.before)
    change.save()
    change.lines.all().delete()
    ChangeOrderLine.objects.bulk_create(changes)
    ChangeOrderDistribution.objects.bulk_create(part for line in changes for part in line.parts)


def require_room(
    change: ChangeOrder,
    lines: list[PurchaseOrderLine],
    changes: list[ChangeOrderLine],
    places: dict[int, int],
) -> None:
    """Refuse a change that would leave less than was used, or of a blanket order than was taken."""
    change_facts.require_room(change.order, lines, changes, places)
    terms = agreement_changes.standing(change.order)
    if terms is not None:
        whole = changed.proposed(change, lines, changes, {}, terms)
        assert whole.terms is not None  # as it has limits now
        agreement_changes.require_room(change.order, whole.terms, whole.lines)


def _places(changes: list[ChangeOrderLine], data: ChangeInput) -> dict[int, int]:
    """Where each line of the order stands in what was sent."""
    sent = {
        said.order_line.pk: place
        for place, said in enumerate(data.lines)
        if isinstance(said, ChangedLine)
    }
    return {
        line.line_number: sent[line.order_line_id] for line in changes if line.order_line_id in sent
    }


def _tell(event: str, change: ChangeOrder, *, actor: User, at: datetime, **data: Any) -> None:
    events.publish(
        event,
        change,
        actor=actor,
        at=at,
        reason=change.reason,
        changes=[
            {"field": row.field, "old": row.old, "new": row.new}
            for row in differences.between(change.before, change.after)
        ],
        data={
            "order": change.order.number,
            "difference": str(change.difference),
            "currency": change.order.currency,
            **data,
        },
    )
