"""One purchase in parts: what a buyer ordered lately of one vendor family, unrequested.

The rolling total decides the tier of an order that is approved itself, as it does of a request, so
that cutting a purchase in parts changes nobody who has to agree (semantics 6). Nor does it do away
with the need of an approval: a limit is for all that somebody decides alone of a family.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Sum, UUIDField, When
from django.db.models.functions import Coalesce

from accounts.models import User
from core.money import ZERO, to_base
from purchase_orders import agreements
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions import tiers
from requisitions.recent import money, named
from vendors.queries import families

_STATUS = PurchaseOrder.Status
_STANDING = (
    *(_STATUS.IN_APPROVAL, _STATUS.APPROVED, _STATUS.ISSUED),
    *(_STATUS.ON_HOLD, _STATUS.CLOSED),
)


@dataclass(frozen=True)
class Sibling:
    """An order of the same buyer and family; `amount` is what of it nobody requested, in base
    currency."""

    number: str
    amount: Decimal


def siblings(order: PurchaseOrder, *, at: datetime, lock: bool = False) -> list[Sibling]:
    """Orders beside one that is sent `at`, within the entity's window, the oldest first.

    `lock` makes orders that are sent to one family at the same moment see each other.
    Statements: 3, and 1 for each that draws on a blanket order.
    """
    if order.buyer_id is None:
        return []
    kin = families([order.vendor], lock=lock)[order.vendor_id]
    window = timedelta(days=order.entity.splitting_window_days)
    found = _standing(order).filter(
        vendor__in=kin, placed_at__gt=at - window, placed_at__lt=at + window
    )
    amounts = ((each, _own(each)) for each in found)
    return [
        Sibling(each.number or each.title or "a draft", own) for each, own in amounts if own > ZERO
    ]


def decided_alone(
    orders: Collection[PurchaseOrder], person: User, *, on: date, lock: bool = False
) -> dict[UUID, Decimal]:
    """What was issued on nobody else's word beside each of these drafts, in base currency: by its
    buyer or by `person`, of its vendor's family, in the entity's window up to that day.

    The drafts are of one entity. `lock` makes orders that are issued to one family at the same
    moment see each other. The database adds up what needs no rounding. Statements: 3, and 1 more
    where there are blanket orders.
    """
    entity = next(iter(orders)).entity
    kin = families([order.vendor for order in orders], lock=lock)
    midnight = datetime.combine(on + timedelta(days=1), time.min, entity.zone)
    issued = PurchaseOrder.objects.filter(
        entity=entity,
        buyer__in={person.pk, *(order.buyer_id for order in orders)} - {None},
        status__in=(_STATUS.ISSUED, _STATUS.ON_HOLD, _STATUS.CLOSED),
        approved_at=None,
        issued_at__gte=midnight - timedelta(days=entity.splitting_window_days),
        issued_at__lt=midnight,
        vendor__in=frozenset().union(*kin.values()),
    ).exclude(pk__in=[order.pk for order in orders])
    alone = [*_added_up(issued, entity.currency), *_blankets(issued)]
    beside: dict[UUID, Decimal] = {}
    for order in orders:
        theirs, buyers = kin[order.vendor_id], (person.pk, order.buyer_id)
        own = (amount for vendor, buyer, amount in alone if vendor in theirs and buyer in buyers)
        beside[order.pk] = sum(own, ZERO)
    return beside


def _added_up(
    orders: QuerySet[PurchaseOrder], base: str
) -> Iterator[tuple[UUID, UUID | None, Decimal]]:
    """Vendor, buyer and what nobody requested, in base currency, where it comes straight of lines:
    one row for all that is in base currency, one for each other order, which is rounded alone."""
    covered = Q(order__agreement__agreement_terms__limit__isnull=False)
    exact = When(order__currency=base, order__rate=1, then=None)
    figures = ("order__vendor", "order__buyer", "order__rate")
    rows = (
        PurchaseOrderLine.objects.filter(order__in=orders, requisition_line=None)
        .exclude(Q(order__kind=PurchaseOrder.Kind.BLANKET) | covered)
        .annotate(one=Case(exact, default=F("order_id"), output_field=UUIDField()))
        .order_by()
        .values_list(*figures, "one")
        .annotate(total=Sum("net"))
    )
    for vendor, buyer, rate, _, total in rows:
        yield vendor, buyer, to_base(total, rate=rate, base_currency=base)


def _blankets(orders: QuerySet[PurchaseOrder]) -> Iterator[tuple[UUID, UUID | None, Decimal]]:
    """The same of blanket orders, which are decided by their limits."""
    blanket = orders.filter(kind=PurchaseOrder.Kind.BLANKET)
    for each in blanket.select_related("entity", "agreement_terms").prefetch_related("lines"):
        yield each.vendor_id, each.buyer_id, _own(each)


def _standing(order: PurchaseOrder) -> QuerySet[PurchaseOrder]:
    """Orders of its buyer with lines that come of no request, with what their own part is reckoned
    from."""
    unasked = PurchaseOrderLine.objects.filter(order=OuterRef("pk"), requisition_line=None)
    return (
        PurchaseOrder.objects.filter(
            Exists(unasked), entity=order.entity_id, buyer=order.buyer_id, status__in=_STANDING
        )
        .exclude(pk=order.pk)
        .annotate(placed_at=Coalesce("submitted_at", "issued_at"))
        .select_related("entity", "agreement_terms", "agreement__agreement_terms")
        .prefetch_related("lines")
        .order_by("pk")
    )


def _own(order: PurchaseOrder) -> Decimal:
    own = agreements.own_decision(order, order.lines.all())
    return to_base(own, rate=order.rate, base_currency=order.entity.currency)


def rolling_total(amount: Decimal, beside: Iterable[Sibling]) -> Decimal:
    """An order's amount with what its siblings add, base currency."""
    return sum((each.amount for each in beside), amount)


def said(order: PurchaseOrder, amount: Decimal, buyer: User, *, at: datetime) -> str:
    """What approvers should look at; empty where the parts together cross no amount that no part
    alone does."""
    beside = siblings(order, at=at)
    if not beside:
        return ""
    entity, whole = order.entity, rolling_total(amount, beside)
    alone = max([amount, *(each.amount for each in beside)])
    tier = tiers.highest_crossed(
        entity, buyer, alone=alone, together=whole, applies_to=order.document_type
    )
    if tier is None:
        return ""
    return (
        f"Possibly one purchase in parts: with {named([each.number for each in beside])} it comes "
        f"to {money(whole, entity.currency)} in {entity.splitting_window_days} days, while each "
        f"alone stays within {money(tier, entity.currency)}."
    )
