"""One purchase in parts: what a buyer ordered lately of one vendor family, unrequested.

The rolling total decides the tier of an order that is approved itself, as it does of a request, so
that cutting a purchase in parts changes nobody who has to agree (semantics 6). Nor does it do away
with the need of an approval: a limit is for all that somebody decides alone of a family.
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, QuerySet, Sum, UUIDField, When
from django.db.models.functions import Coalesce

from accounts.models import User
from core.money import ZERO, to_base
from purchase_orders import agreements
from purchase_orders.models import PurchaseOrder
from requisitions.recent import in_parts, named
from vendors.queries import families

_STATUS = PurchaseOrder.Status
_STANDING = (
    *(_STATUS.IN_APPROVAL, _STATUS.APPROVED, _STATUS.ISSUED),
    *(_STATUS.ON_HOLD, _STATUS.CLOSED),
)


def rolling_total(
    order: PurchaseOrder, amount: Decimal, *, at: datetime, lock: bool = False
) -> Decimal:
    """The amount of an order that is sent `at` with what nobody requested of the orders beside it,
    in base currency. The database adds up what needs no rounding.

    `lock` makes orders that are sent to one family at the same moment see each other.
    Statements: 2.
    """
    others = _added_up(_beside(order, at=at, lock=lock), order.entity.currency)
    return sum((other for _, _, other in others), amount)


def said(order: PurchaseOrder, amount: Decimal, buyer: User, *, at: datetime) -> str:
    """What approvers should look at; empty where the parts together cross no amount that no part
    alone does. Statements: 2, and 2 more where there are parts."""
    entity = order.entity
    rows = agreements.with_own_decision(_beside(order, at=at)).order_by("pk")
    parts = [
        (number or title or "a draft", to_base(own, rate=rate, base_currency=entity.currency))
        for number, title, rate, own in rows.values_list("number", "title", "rate", "own")
        if own > ZERO
    ]
    if not parts:
        return ""
    amounts = [amount, *(part for _, part in parts)]
    return in_parts(
        entity,
        buyer,
        alone=max(amounts),
        together=sum(amounts, ZERO),
        others=named([number for number, _ in parts]),
        applies_to=order.document_type,
    )


def _beside(order: PurchaseOrder, *, at: datetime, lock: bool = False) -> QuerySet[PurchaseOrder]:
    """Orders of its buyer and its vendor's family within the entity's window. Statements: 1."""
    if order.buyer_id is None:
        return PurchaseOrder.objects.none()
    window = timedelta(days=order.entity.splitting_window_days)
    return (
        PurchaseOrder.objects.filter(
            entity=order.entity_id,
            buyer=order.buyer_id,
            status__in=_STANDING,
            vendor__in=families([order.vendor], lock=lock)[order.vendor_id],
        )
        .annotate(placed_at=Coalesce("submitted_at", "issued_at"))
        .filter(placed_at__gt=at - window, placed_at__lt=at + window)
        .exclude(pk=order.pk)
    )


def decided_alone(
    orders: Collection[PurchaseOrder], person: User, *, on: date, lock: bool = False
) -> dict[UUID, Decimal]:
    """What was issued on nobody else's word beside each of these drafts, in base currency: by its
    buyer or by `person`, of its vendor's family, in the entity's window up to that day.

    The drafts are of one entity. `lock` makes orders that are issued to one family at the same
    moment see each other. The database adds up what needs no rounding. Statements: 2.
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
    alone = _added_up(issued, entity.currency)
    beside: dict[UUID, Decimal] = {}
    for order in orders:
        theirs, buyers = kin[order.vendor_id], (person.pk, order.buyer_id)
        own = (amount for vendor, buyer, amount in alone if vendor in theirs and buyer in buyers)
        beside[order.pk] = sum(own, ZERO)
    return beside


def _added_up(
    orders: QuerySet[PurchaseOrder], base: str
) -> list[tuple[UUID, UUID | None, Decimal]]:
    """Vendor, buyer and what nobody requested, in base currency: one row for all that is in base
    currency, one for each other order, which is rounded alone. Statements: 1."""
    exact = When(currency=base, rate=1, then=None)
    rows = (
        agreements.with_own_decision(orders)
        .annotate(one=Case(exact, default=F("pk"), output_field=UUIDField()))
        .order_by()
        .values_list("vendor", "buyer", "rate", "one")
        .annotate(total=Sum("own"))
    )
    return [
        (vendor, buyer, to_base(total, rate=rate, base_currency=base))
        for vendor, buyer, rate, _, total in rows
    ]
