"""Drawing on a blanket order: its lock, the numbers of its releases, its log, what it commits.

Whoever changes what a release draws takes the row of the blanket order first and the release then,
so that many releases wait in turn and none of them goes beyond what is left.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

from budgets.ledger import Draw
from budgets.models import Commitment, Stage
from core import events
from core.errors import Conflict
from core.money import ZERO, round_amount
from purchase_orders import agreements
from purchase_orders.agreements import Agreed
from purchase_orders.locks import locked, source
from purchase_orders.models import Agreement, DrawDown, PurchaseOrder, PurchaseOrderLine

_CAUSE = DrawDown.Cause
Billed = Mapping[UUID, tuple[Decimal, Decimal, bool]]  # signed quantity and net; whether final
_ENDED = (PurchaseOrder.Status.CLOSED, PurchaseOrder.Status.CANCELLED)


def locked_agreement(release: PurchaseOrder) -> Agreed | None:
    """What an order draws on, locked until the transaction ends. Before the order itself is.

    Statements: 2, none for an order that is no release.
    """
    if release.agreement_id is None:
        return None
    blanket = locked(PurchaseOrder(pk=release.agreement_id))
    return Agreed(blanket, Agreement.objects.get(order=blanket))


def take_number(agreed: Agreed) -> str:
    """The next number of a release, such as `PO-2026-000123/004`: gapless, never used twice."""
    agreed.terms.last_release += 1
    return f"{agreed.blanket.number}/{agreed.terms.last_release:03d}"


def draw(
    agreed: Agreed,
    release: PurchaseOrder,
    amount: Decimal,
    cause: DrawDown.Cause,
    *,
    actor: Any,
    at: datetime,
    reason: str = "",
) -> None:
    """Write down what a release draws, or gives back, today; `amount` is signed, net."""
    terms = agreed.terms
    before = terms.released
    terms.released += amount
    terms.save(update_fields=["released", "last_release"])
    if not amount:
        return
    DrawDown.objects.create(
        agreement=terms,
        release=release,
        cause=cause,
        amount=amount,
        drawn_on=release.entity.day_of(at),
        recorded_at=at,
        actor=actor,
        reason=reason,
    )
    events.publish(
        "order.drawn_down",
        agreed.blanket,
        actor=actor,
        at=at,
        reason=reason,
        changes=[{"field": "released", "old": f"{before:,.2f}", "new": f"{terms.released:,.2f}"}],
        data={
            "release": release.number,
            "amount": str(amount),
            "cause": cause,
            "released": str(terms.released),
            "currency": release.currency,
        },
    )


def in_ledger(
    agreed: Agreed | None, release: PurchaseOrder, *, more: Decimal = ZERO
) -> Draw | None:
    """What the ledger moves between a blanket order and a release, whose draw is written down, or
    will be by `more`. None where the blanket order commits nothing itself. Statements: 2.

    What other releases gave back counts when the worker takes it off their own commitments.
    """
    if agreed is None or agreed.terms.commits == Agreement.Commits.RELEASES:
        return None
    lines = release.lines.order_by().values_list("agreement_line", flat=True)
    return Draw(
        agreement_id=agreed.blanket.pk,
        drawn=drawn_in_all(agreed.blanket, agreed.terms, apart_from=release) + more,
        first=frozenset(lines),
        goes_on=agreed.blanket.status in agreements.HOLDING,
    )


def drawn_in_all(
    blanket: PurchaseOrder, terms: Agreement, *, apart_from: PurchaseOrder | None = None
) -> Decimal:
    """What releases draw, and what ended ones still commit until the worker takes it off.
    Statements: 1."""
    ended = PurchaseOrder.objects.filter(agreement=blanket, status__in=_ENDED)
    if apart_from is not None:
        ended = ended.exclude(pk=apart_from.pk)
    waiting = Commitment.objects.filter(stage=Stage.ENC, document_id__in=ended.values("pk"))
    left = F("document_amount") - F("document_liquidated") - F("document_released")
    return terms.released + (waiting.order_by().aggregate(sum=Sum(left))["sum"] or ZERO)


def by_change(blanket: PurchaseOrder) -> Draw | None:
    """What releases take at once of what their blanket order commits more by a change: moved in the
    name of the one that was issued last. None where nothing was released. Statements: 3."""
    terms = Agreement.objects.get(order=blanket)
    last = blanket.releases.filter(issued_at__isnull=False).order_by("-issued_at", "-pk").first()
    if last is None or terms.commits == Agreement.Commits.RELEASES:
        return None
    last.entity = blanket.entity
    drawn = drawn_in_all(blanket, terms)
    return Draw(agreement_id=blanket.pk, drawn=drawn, release=source(last))


def issued(agreed: Agreed | None, release: PurchaseOrder, *, actor: Any, at: datetime) -> None:
    """A release draws what it comes to. Nothing for an order that draws on none."""
    if agreed is not None:
        draw(agreed, release, release.net, _CAUSE.ISSUED, actor=actor, at=at)


def cancelled(
    agreed: Agreed | None, release: PurchaseOrder, *, actor: Any, at: datetime, reason: str
) -> None:
    """A cancelled release gives back all it drew; a draft drew nothing."""
    if agreed is not None and release.issued_at is not None:
        back = -agreements.drawn_by(release)
        draw(agreed, release, back, _CAUSE.CANCELLED, actor=actor, at=at, reason=reason)


def closed(
    agreed: Agreed | None, release: PurchaseOrder, *, actor: Any, at: datetime, reason: str
) -> None:
    """A closed release gives back what was not billed of it, at its own prices: as its commitment
    was used up, whatever the invoices said."""
    if agreed is not None:
        back = more_by_billing(release)
        draw(agreed, release, back, _CAUSE.CLOSED, actor=actor, at=at, reason=reason)


def billed(release: PurchaseOrder, *, actor: Any, at: datetime) -> None:
    """What is billed of a closed release, or taken back, after it was closed is drawn at once as if
    it had been so before. Nothing for any other order."""
    if not is_closed_release(release) or not (more := more_by_billing(release)):
        return
    agreed = locked_agreement(release)
    assert agreed is not None  # a release has one
    said = "was billed" if more > ZERO else "that was billed was taken back"
    reason = f"Something {said} after it was closed."
    draw(agreed, release, more, _CAUSE.BILLED, actor=actor, at=at, reason=reason)


def is_closed_release(order: PurchaseOrder) -> bool:
    return order.agreement_id is not None and order.status == PurchaseOrder.Status.CLOSED


def more_by_billing(release: PurchaseOrder, billed: Billed | None = None) -> Decimal:
    """Signed, what a release that is closed draws more than it did: all that is billed of it at its
    own prices, `billed` by line besides. Statements: 2."""
    whole = ZERO
    for line in release.lines.all():
        quantity, net, *_ = (billed or {}).get(line.pk, (ZERO, ZERO))
        line.billed_quantity += quantity
        line.billed_amount += net
        whole += used(line, release.currency)
    return whole - agreements.drawn_by(release)


def used(line: PurchaseOrderLine, currency: str) -> Decimal:
    """What is billed of a line, at its own price, never more than the line comes to."""
    if line.basis == line.Basis.AMOUNT:
        return min(max(line.billed_amount, ZERO), line.net)
    if line.billed_quantity >= line.quantity:
        return line.net
    part = max(line.billed_quantity, ZERO) * line.net / line.quantity
    return round_amount(part, currency)


def reopened(
    agreed: Agreed | None, release: PurchaseOrder, *, actor: Any, at: datetime, reason: str
) -> None:
    """A reopened release draws again what it gave back. Raises BeyondAgreement."""
    if agreed is None:
        return
    drawn = agreements.drawn_by(release)
    agreements.require_room(agreed, release, release.lines.all(), own=drawn)
    more = release.net - drawn
    draw(agreed, release, more, _CAUSE.REOPENED, actor=actor, at=at, reason=reason)


def follow_change(release: PurchaseOrder, *, actor: Any, at: datetime, reason: str) -> None:
    """A release that was changed draws the difference. Nothing for an order that is none.

    What draws more is judged like a new release, what draws less by its prices alone. Raises
    BeyondAgreement.
    """
    agreed = locked_agreement(release)
    if agreed is None:
        return
    drawn = agreements.drawn_by(release)
    lines = list(release.lines.all())
    if release.net > drawn:
        agreements.require(agreed, release, lines, on=release.entity.day_of(at), own=drawn)
    else:
        agreements.require_prices(agreed, release, lines)
    difference = release.net - drawn
    draw(agreed, release, difference, _CAUSE.CHANGED, actor=actor, at=at, reason=reason)


def require_no_release(order: PurchaseOrder) -> None:
    """Raise Conflict for a blanket order on which a release stands: it is closed, not cancelled."""
    if order.kind != PurchaseOrder.Kind.BLANKET:
        return
    standing = order.releases.filter(issued_at__isnull=False).exclude(
        status=PurchaseOrder.Status.CANCELLED
    )
    first = standing.order_by("pk").first()
    if first is not None:
        raise Conflict(
            f"{first.number} was released from {order.number}: close it instead of cancelling it."
        )
