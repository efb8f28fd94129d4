"""Issuing a change order: the order becomes what was agreed to, as a new revision (C18)."""

from datetime import datetime

from accounts import tax
from accounts.duties import require_apart
from accounts.models import Duty, User
from budgets import ledger
from core import events, rows
from core.errors import Conflict
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import (
    accruals,
    agreement_changes,
    change_facts,
    changed,
    drafting,
    drawing,
    queries,
)
from purchase_orders.locks import source
from purchase_orders.models import (
    ChangeOrder,
    ChangeOrderLine,
    OrderDistribution,
    PurchaseOrder,
    PurchaseOrderLine,
)
from purchase_orders.services.change_orders import fresh, locked_change, require_room
from purchase_orders.services.freezing import freeze
from purchase_orders.services.orders import require_approved_vendor

_FIGURES = ("quantity", "unit_price", "net", "need_by", "is_cancelled")
_CODING = ("cost_center", "gl_account", "project", "percent", "amount")


@atomic
def issue_change(
    *, change: ChangeOrder, actor: User, at: datetime, reason: str = ""
) -> ChangeOrder:
    """Make an approved change binding: the order's next revision, and its budget follows.

    What was held is used up by the same posting, so that no amount counts twice; the vendor gets
    the new document and waiting invoices are matched again by the worker. `reason` answers budgets
    that warn. Raises IllegalTransition, NotAllowed, DutiesConflict, VendorNotApproved, Conflict
    when the order went on without it, BelowUsed, BudgetExceeded, BudgetReasonRequired,
    BeyondAgreement.
    """
    change = locked_change(change)
    order = change.order
    perform(change.issue, actor=actor, at=at)
    lines, changes = fresh(change)
    _require_apart(order, actor, at)
    if change.difference > 0:
        require_approved_vendor(order)
    require_room(change, lines, changes, {})
    wanted = change_facts.wanted(change, lines, changes)
    agreed = drawing.locked_agreement(order)
    draw = drawing.in_ledger(agreed, order, more=change.difference)
    with accruals.moving_order(order):
        order.revision += 1
        ledger.change(
            source=source(order),
            wanted=wanted,
            revision=order.revision,
            on=order.entity.day_of(at),
            actor=actor,
            at=at,
            reason=reason or change.budget_reason,
            draw=drawing.by_change(order) if order.is_blanket else draw,
        )
        _apply(order, lines, changes)
        _require_as_agreed(change, order)
        for name in changed.TERMS:
            setattr(order, name, getattr(change, name))
        change.save()
        order.save()
        agreement_changes.apply(change)
    drawing.follow_change(order, actor=actor, at=at, reason=change.reason)
    freeze(order, queries.requisition_numbers(order), actor=actor, at=at)
    _tell(change, order, actor=actor, at=at, reason=reason)
    return change


def _require_apart(order: PurchaseOrder, actor: User, at: datetime) -> None:
    """Who approved or received on the order does not order more of it."""
    performed = queries.performed_on(order)
    require_apart(
        entity=order.entity,
        person=actor,
        duty=Duty.ORDER,
        performed=performed,
        at=at,
        about=order,
    )


def _apply(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], changes: list[ChangeOrderLine]
) -> None:
    """Write what the change says over the rows of the order, and its totals."""
    stored = {line.pk: line for line in lines}
    tax_codes = tax.tax_codes(order.entity)
    moved, repriced, added = [], [], []
    for change in changes:
        line = stored.get(change.order_line_id)
        if line is None:
            added.append(changed.new_line(order, change, tax_codes))
            continue
        if line.unit_price != change.unit_price:
            change.was_unit_price = line.unit_price
            repriced.append(change)
        changed.apply(line, change)
        moved.append((line, change))
    rows.store([line for line, _ in moved], _FIGURES)
    rows.store(repriced, ["was_unit_price"])
    PurchaseOrderLine.objects.bulk_create(added)
    _share(moved, added)
    drafting.set_totals(order, [*lines, *added])


def _share(
    moved: list[tuple[PurchaseOrderLine, ChangeOrderLine]], added: list[PurchaseOrderLine]
) -> None:
    """Who pays from now on: parts keep their place, further ones come, others go."""
    standing, new, gone = [], [], []
    for line, change in moved:
        for old, part in zip(line.parts, change.parts, strict=False):
            for name in _CODING:
                setattr(old, name, getattr(part, name))
            standing.append(old)
        new += [_part(line, part) for part in change.parts[len(line.parts) :]]
        gone += [part.pk for part in line.parts[len(change.parts) :]]
    new += [_part(line, part) for line in added for part in line.parts]
    rows.store(standing, _CODING)
    OrderDistribution.objects.bulk_create(new)
    OrderDistribution.objects.filter(pk__in=gone).delete()


def _part(line: PurchaseOrderLine, part: ChangeOrderLine) -> OrderDistribution:
    """Under the id under which the ledger knows it already."""
    return OrderDistribution(
        id=part.pk,
        line=line,
        position=part.position,
        **{name: getattr(part, name) for name in _CODING},
    )


def _require_as_agreed(change: ChangeOrder, order: PurchaseOrder) -> None:
    """What comes out is what was signed; a tax rate may have changed since."""
    if f"{order.net.normalize():f}" != change.after["net"]:
        raise Conflict(f"{change} would not come to what was agreed; draft it anew.")


def _tell(
    change: ChangeOrder, order: PurchaseOrder, *, actor: User, at: datetime, reason: str
) -> None:
    data = {
        "revision": order.revision,
        "difference": str(change.difference),
        "total": str(order.total),
        "currency": order.currency,
    }
    events.publish(
        "change_order.issued",
        change,
        actor=actor,
        at=at,
        reason=reason,
        data={**data, "order": order.number},
    )
    events.publish(
        "order.changed",
        order,
        actor=actor,
        at=at,
        reason=change.reason,
        data={**data, "change_order": str(change.pk)},
    )
