"""Whether an order is covered by what others approved, or needs an approval of its own.

Covered is what approved requests ask for, within their total and the entity's tolerance (semantics
6), what is released from a blanket order with a limit, and what the buyer may decide alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from accounts.models import User
from budgets.rates import rate_on
from core.errors import RuleBroken
from core.money import HUNDRED, ZERO, round_amount, to_base
from purchase_orders import agreements, splitting
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions.models import Requisition, RequisitionLine


class AboveApproved(RuleBroken):
    """More is ordered than was approved. Have the order approved, or ask for the difference."""

    slug = "above-approved"
    title = "The order is above what was approved."


class NeedsRequisition(RuleBroken):
    """Nobody approved this and it is more than its buyer may decide alone."""

    slug = "needs-requisition"
    title = "Somebody else has to approve this."


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that an order takes from. `ordered` counts all its orders and this one, net."""

    number: str | None
    currency: str
    approved: Decimal
    ordered: Decimal
    vendors: frozenset[UUID | None]


def require_limit(
    order: PurchaseOrder, lines: list[PurchaseOrderLine], person: User | None, *, on: date
) -> None:
    """Raise NeedsRequisition for what nobody requested beyond the buyer's approval limit, together
    with what was decided alone lately of the same vendors, whose rows are locked.

    Statements: as `splitting.decided_alone`, none for what is beyond the limit or has no such part.
    """
    words = _beyond_limit(order, lines, person, rate=order.rate)
    if not words and person is not None and agreements.own_decision(order, lines):
        beside = splitting.decided_alone([order], person, on=on, lock=True)[order.pk]
        words = _beyond_limit(order, lines, person, rate=order.rate, beside=beside)
    if words:
        raise NeedsRequisition(
            f"{words} Send it for approval, or start from a requisition, so that somebody else "
            "approves it."
        )


def require_approved(order: PurchaseOrder, requisition: Requisition) -> None:
    """Raise AboveApproved where a request, which counts this order already, was not approved for
    so much, or for this vendor and currency. Statements: 1, none with its lines at hand."""
    lines = requisition.lines.all()
    words = _beyond_request(
        order,
        Requested(
            number=requisition.number,
            currency=requisition.currency,
            approved=requisition.total,
            ordered=sum((line.ordered_amount for line in lines), ZERO),
            vendors=frozenset(line.vendor_id or requisition.vendor_id for line in lines),
        ),
    )
    if words:
        raise AboveApproved(
            f"{words} Send the order for approval, or ask for the difference with a new "
            "requisition."
        )


def needs(
    orders: Mapping[PurchaseOrder, Sequence[PurchaseOrderLine]], person: User | None, *, on: date
) -> dict[UUID, list[str]]:
    """Why each of these drafts needs an approval of its own, in sentences; empty where covered.

    `orders` come with their entity, each with its lines; `person` would issue them, at the rate of
    the day. Statements: 1 for all that take from requests; 1 for each that draws on a blanket
    order and for each foreign currency; as `splitting.decided_alone` for all that the person
    could decide alone. Raises RateMissing.
    """
    requested = _requested(orders)
    beside = _beside(orders, person, on=on)
    rates: dict[str, Decimal] = {}
    found = {}
    for order, lines in orders.items():
        currency = order.currency
        if currency not in rates:
            rates[currency] = rate_on(currency=currency, base=order.entity.currency, day=on)
        rate, near = rates[currency], beside.get(order.pk, ZERO)
        words = [_beyond_limit(order, lines, person, rate=rate, beside=near)]
        words += [_beyond_request(order, each) for each in requested[order.pk]]
        found[order.pk] = list(filter(None, words))
    return found


def _beside(
    orders: Mapping[PurchaseOrder, Sequence[PurchaseOrderLine]], person: User | None, *, on: date
) -> dict[UUID, Decimal]:
    if person is None or not person.approval_limit:
        return {}
    own = [order for order, lines in orders.items() if agreements.own_decision(order, lines)]
    return splitting.decided_alone(own, person, on=on) if own else {}


def _beyond_limit(
    order: PurchaseOrder,
    lines: Iterable[PurchaseOrderLine],
    person: User | None,
    *,
    rate: Decimal,
    beside: Decimal = ZERO,
) -> str:
    """What nobody requested is the buyer's own decision, up to the buyer's approval limit; that
    holds for it together with what was decided alone `beside` it."""
    own = agreements.own_decision(order, lines)
    if not own:
        return ""
    base = order.entity.currency
    amount = to_base(own, rate=rate, base_currency=base)
    limit = (person.approval_limit if person else None) or ZERO
    if amount + beside <= limit:
        return ""
    alone = f"may decide {round_amount(limit, base):,} {base} alone"
    if amount <= limit:
        return (
            f"With what was ordered of {order.vendor} in {order.entity.splitting_window_days} days "
            f"and nobody else approved, this comes to {amount + beside:,} {base}; {person} {alone}."
        )
    return (
        f"{amount:,} {base} of this order comes from no requisition; {person or 'the portal'} "
        f"{alone if limit else 'may decide nothing alone'}."
    )


def _beyond_request(order: PurchaseOrder, asked: Requested) -> str:
    """Semantics 6: up to the approved total × (1 + tolerance), same vendor and currency."""
    if asked.currency != order.currency or order.vendor_id not in asked.vendors:
        return f"{asked.number} was approved for another vendor or currency."
    allowed = asked.approved * (HUNDRED + order.entity.order_over_requisition_percent) / HUNDRED
    if asked.ordered <= allowed:
        return ""
    return (
        f"With this order {asked.number} comes to {_money(asked.ordered, asked)}; approved are "
        f"{_money(asked.approved, asked)}."
    )


def _money(amount: Decimal, asked: Requested) -> str:
    return f"{round_amount(amount, asked.currency):,} {asked.currency}"


def _requested(
    orders: Mapping[PurchaseOrder, Sequence[PurchaseOrderLine]],
) -> dict[UUID, list[Requested]]:
    """The requests that each draft takes from, as they would be with it. Statements: 1 at most."""
    found: dict[UUID, list[Requested]] = {order.pk: [] for order in orders}
    taken = {
        line.requisition_line_id
        for lines in orders.values()
        for line in lines
        if line.requisition_line_id
    }
    if not taken:
        return found
    rows = _rows_of(taken)
    owner = {row["pk"]: pk for pk, of_request in rows.items() for row in of_request}
    for order, lines in orders.items():
        nets: dict[UUID, Decimal] = defaultdict(Decimal)
        for line in lines:
            if line.requisition_line_id:
                nets[owner[line.requisition_line_id]] += line.net
        found[order.pk] = [_with(rows[pk], net) for pk, net in sorted(nets.items())]
    return found


def _rows_of(taken: set[UUID]) -> dict[UUID, list[dict]]:
    """All lines of the requests that these lines belong to, by request."""
    behind = RequisitionLine.objects.filter(pk__in=taken).values("requisition")
    rows: dict[UUID, list[dict]] = defaultdict(list)
    for row in (
        RequisitionLine.objects.filter(requisition__in=behind)
        .order_by()
        .values(
            *("pk", "requisition", "vendor", "ordered_amount", "requisition__number"),
            *("requisition__currency", "requisition__total", "requisition__vendor"),
        )
    ):
        rows[row["requisition"]].append(row)
    return rows


def _with(rows: list[dict], net: Decimal) -> Requested:
    first = rows[0]
    return Requested(
        number=first["requisition__number"],
        currency=first["requisition__currency"],
        approved=first["requisition__total"],
        ordered=sum((row["ordered_amount"] for row in rows), net),
        vendors=frozenset(row["vendor"] or first["requisition__vendor"] for row in rows),
    )
