"""Proposed releases: stale and expired orders, looked for by night, accepted or kept by day.

Accepting closes the order with its reason; the worker gives back what it commits (C19), once.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q, Sum

from accounts.models import Entity, Role, User
from budgets.models import Commitment, Stage
from core import events, text
from core.errors import Conflict, Invalid, NotAllowed
from core.money import ZERO
from core.transactions import atomic
from core.transitions import perform
from purchase_orders import drawing
from purchase_orders.locks import locked
from purchase_orders.models import (
    BilledLine,
    PurchaseOrder,
    PurchaseOrderLine,
    Receipt,
    ReleaseBatch,
    ReleaseProposal,
)
from purchase_orders.services.orders import close, reopen

STALE_AFTER = timedelta(days=90)  # without receipt, invoice or anything due
ASK_AGAIN_AFTER = timedelta(days=90)  # what somebody wants to keep
MOST_AT_ONCE = 200
MOST_REASON = 2000
_HOLDING = (PurchaseOrder.Status.ISSUED, PurchaseOrder.Status.ON_HOLD)
_KIND = ReleaseProposal.Kind


@atomic
def propose(*, entity: Entity, at: datetime) -> int:
    """Bring the list of an entity up to date. Returns how many proposals are open now.

    Stale: for 90 days nothing came, was billed or due, and no invoice is awaited. Expired: its
    validity, every service period on it, or its contract is over. What does not hold any more
    lapses; what somebody kept is not proposed again for 90 days.
    """
    today = entity.day_of(at)
    found = _found(entity, today)
    standing = ReleaseProposal.objects.select_for_update(no_key=True).filter(
        entity=entity, status=ReleaseProposal.Status.OPEN
    )
    for proposal in standing.order_by("pk"):
        if proposal.order_id not in found:
            perform(proposal.lapse, actor=None, at=at)
        else:
            proposal.kind, proposal.since, proposal.amount = found.pop(proposal.order_id)
        proposal.save()
    ReleaseProposal.objects.bulk_create(
        ReleaseProposal(
            entity=entity, order_id=pk, kind=kind, since=since, amount=amount, found_on=today
        )
        for pk, (kind, since, amount) in sorted(found.items())
    )
    return standing.count()


def _found(entity: Entity, today: date) -> dict[UUID, tuple[str, date, Decimal]]:
    """Orders to release by key: why, since when, and what they still commit. Statements: 5.

    A blanket order is over when its validity is, whatever it commits itself: nothing may be
    released from it any more.
    """
    held = Commitment.objects.filter(
        stage=Stage.ENC,
        document_type=PurchaseOrder.document_type,
        cell__entity=entity,
        amount__gt=F("liquidated") + F("released"),
    ).order_by()
    open_sums = dict(
        held.values_list("document_id").annotate(
            left=Sum(F("amount") - F("liquidated") - F("released"))
        )
    )
    holding = Q(pk__in=open_sums) | Q(kind=PurchaseOrder.Kind.BLANKET, valid_to__lt=today)
    orders = PurchaseOrder.objects.filter(holding, entity=entity, status__in=_HOLDING)
    kept = ReleaseProposal.objects.filter(entity=entity, kept_until__gt=today)
    orders = orders.exclude(pk__in=kept.values("order")).select_related("contract")
    lines = _by_order(
        PurchaseOrderLine.objects.filter(order__in=orders, is_cancelled=False),
        "order",
        period=Max("period_to"),
        need=Max("need_by"),
    )
    found = {}
    moved = _last_moves(orders)
    for order in orders:
        reason = _expired(order, today)
        if reason is None and not order.is_blanket:
            reason = _stale(order, lines.get(order.pk, {}), moved, today)
        if reason:
            found[order.pk] = (*reason, open_sums.get(order.pk, ZERO))
    return found


def _by_order(rows: Any, key: str, **sums: Any) -> dict[UUID, dict[str, Any]]:
    return {row[key]: row for row in rows.order_by().values(key).annotate(**sums)}


def _expired(order: PurchaseOrder, today: date) -> tuple[str, date] | None:
    """Its own validity or its contract ended: the earlier of both counts."""
    ends = [order.valid_to]
    if order.contract is not None and order.contract.ended_at is not None:
        ends.append(order.entity.day_of(order.contract.ended_at))
    over = sorted(end for end in ends if end is not None and end < today)
    return (_KIND.EXPIRED, over[0]) if over else None


def _stale(
    order: PurchaseOrder, line: dict[str, Any], moved: dict[UUID, date], today: date
) -> tuple[str, date] | None:
    if line.get("period") and line["period"] < today and not line["need"]:
        return _KIND.EXPIRED, line["period"]
    assert order.issued_at is not None  # it holds something
    days = [order.entity.day_of(order.issued_at), moved.get(order.pk)]
    last = max(day for day in (*days, line.get("need"), line.get("period")) if day is not None)
    return (_KIND.STALE, last) if last < today - STALE_AFTER else None


def _last_moves(orders: Any) -> dict[UUID, date]:
    """The last day on which something came or was billed; today's and later for what is awaited."""
    came = _by_order(
        Receipt.objects.filter(order__in=orders, posted_at__isnull=False),
        "order",
        day=Max("received_on"),
    )
    billed = _by_order(
        BilledLine.objects.filter(order_line__order__in=orders),
        "order_line__order",
        day=Max("billed_on"),
    )
    days: dict[UUID, date] = {}
    for rows in (came, billed):
        for pk, row in rows.items():
            days[pk] = max(row["day"], days.get(pk, row["day"]))
    awaited = PurchaseOrderLine.objects.filter(
        order__in=orders, received__gt=F("billed_quantity"), is_final=False
    )
    for pk in awaited.order_by().values_list("order", flat=True).distinct():
        days[pk] = date.max
    return days


@atomic
def accept(
    *, proposals: Iterable[ReleaseProposal], actor: User, at: datetime, reason: str = ""
) -> ReleaseBatch:
    """Close these orders, each with why it was proposed, as one batch that can be undone.

    What moved on meanwhile lapses. Raises NotAllowed for all but buyers and controllers, Invalid,
    IllegalTransition for a proposal that was decided already, Conflict when nothing is left.
    """
    wanted = [proposal.pk for proposal in proposals]
    _require_decider(actor)
    if not 1 <= len(wanted) <= MOST_AT_ONCE:
        raise Invalid(f"Choose 1 to {MOST_AT_ONCE} orders.")
    _check_reason(reason)
    found = _locked(wanted)
    batch = ReleaseBatch.objects.create(
        entity=actor.entity,
        reason=reason.strip() or "Proposed for release",
        accepted_by=actor,
        accepted_at=at,
    )
    accepted = [each for each in found if _accept(each, batch, actor=actor, at=at)]
    if not accepted:
        raise Conflict("These orders moved on meanwhile: nothing was released.")
    return batch


def _accept(proposal: ReleaseProposal, batch: ReleaseBatch, *, actor: User, at: datetime) -> bool:
    drawing.locked_agreement(proposal.order)  # before the order that draws on it
    order = locked(proposal.order)
    if order.status not in _HOLDING:
        perform(proposal.lapse, actor=None, at=at)
        proposal.save()
        return False
    perform(proposal.accept, actor=actor, at=at, batch=batch)
    proposal.save()
    why = f"{proposal.get_kind_display()} since {proposal.since:%d %B %Y}, {batch.reason}"
    close(order=order, actor=_by(actor), at=at, reason=f"{why} (accepted by {actor})")
    return True


@atomic
def keep(
    *, proposal: ReleaseProposal, actor: User, at: datetime, reason: str = ""
) -> ReleaseProposal:
    """The order is still needed: it is not proposed again for 90 days.

    Raises IllegalTransition, NotAllowed.
    """
    proposal = _locked([proposal.pk])[0]
    _check_reason(reason)
    until = proposal.order.entity.day_of(at) + ASK_AGAIN_AFTER
    perform(proposal.keep, actor=actor, at=at, until=until)
    proposal.save()
    events.publish("order.kept", proposal.order, actor=actor, at=at, reason=reason)
    return proposal


@atomic
def reverse_batch(*, batch: ReleaseBatch, actor: User, at: datetime, reason: str) -> ReleaseBatch:
    """Reopen every order of a batch, with a funds check for each, or none of them.

    Raises NotAllowed, Invalid without a reason, Conflict when it was undone already,
    BudgetExceeded, IllegalTransition where an order was reopened by hand.
    """
    _require_decider(actor)
    _check_reason(reason, required=True)
    batch = ReleaseBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if batch.reversed_at is not None:
        raise Conflict("This batch was undone already.")
    ids = batch.proposals.order_by("pk").values_list("pk", flat=True)
    until = actor.entity.day_of(at) + ASK_AGAIN_AFTER
    for proposal in _locked(list(ids)):
        perform(proposal.reverse, actor=actor, at=at)
        proposal.kept_until = until
        proposal.save()
        reopen(order=proposal.order, actor=_by(actor), at=at, reason=f"{reason} ({actor})")
    batch.reversed_by, batch.reversed_at = actor, at
    batch.save()
    return batch


def _by(actor: User) -> User | None:
    """Buyers close orders themselves; what a controller decides the portal does, and says so."""
    return actor if actor.has_role(Role.BUYER) else None


def _locked(wanted: list[UUID]) -> list[ReleaseProposal]:
    """Proposals as they are now, locked by their orders' keys."""
    rows = ReleaseProposal.objects.select_for_update(of=("self",), no_key=True)
    return list(rows.filter(pk__in=wanted).select_related("order__entity").order_by("order_id"))


def _require_decider(actor: User) -> None:
    if not (actor.is_active and actor.has_role(Role.BUYER, Role.CONTROLLER)):
        raise NotAllowed("Only buyers and controllers release what orders commit.")


def _check_reason(reason: str, *, required: bool = False) -> None:
    errors = text.check(reason, "/reason", most=MOST_REASON, required=required, multiline=True)
    if errors:
        raise Invalid(errors=errors)
