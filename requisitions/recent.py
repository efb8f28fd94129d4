"""What was asked for lately beside a request: the rolling total, twins, and a cost cut in parts.

Siblings are requests to the same vendor family within the entity's window: the requester's own, and
those of colleagues that one of its cost centres pays for and that ask for much the same. They count
as one amount with it, so that cutting a purchase in parts changes nobody who has to agree.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    When,
)

from accounts.models import User
from approvals.subjects import Flag
from core import text
from core.composed import Composed
from core.money import ZERO, minor_units, to_base
from requisitions import tiers
from requisitions.asked import Asked, AskedLine, cost
from requisitions.models import Requisition, RequisitionDistribution, RequisitionLine
from vendors.queries import families

# Drafts, returned and withdrawn ones count again as soon as they are sent again.
STANDING = (
    Requisition.Status.SUBMITTED,
    Requisition.Status.APPROVED,
    Requisition.Status.PARTIALLY_ORDERED,
    Requisition.Status.ORDERED,
    Requisition.Status.CLOSED,
)
NEARLY = Decimal("0.1")
NAMED, LISTED = 3, 10


@dataclass(frozen=True, slots=True)
class Sibling:
    """An earlier or later request to the same family. `amounts` are base currency by vendor.

    `has_item`: it has a catalog item of the request in question. `words`: its other lines, folded.
    """

    pk: UUID
    number: str
    requester: str
    asked_on: date
    is_own: bool
    amounts: dict[UUID, Decimal]
    has_item: bool
    words: frozenset[str]

    @property
    def amount(self) -> Decimal:
        return sum(self.amounts.values(), ZERO)


@dataclass(frozen=True, slots=True)
class Recent:
    """`total`: the request and its siblings, of the family where that is most; base currency."""

    total: Decimal
    family: str = ""
    siblings: tuple[Sibling, ...] = ()
    twins: tuple[Sibling, ...] = ()


def recent(asked: Asked, *, at: datetime, pk: UUID | None = None, lock: bool = False) -> Recent:
    """Look around a request that is or would be submitted `at`; `pk` is its own, if it has one.

    `lock` makes requests that are sent to one family at the same moment see each other.
    Statements: 2, and 1 more for lines in words of their own.
    """
    kin = families(asked.vendors, lock=lock)
    if not kin:
        return Recent(asked.amount)
    found = [
        sibling
        for sibling in _siblings(asked, kin, at, pk)
        if sibling.is_own or _is_alike(asked, kin, sibling)
    ]
    total, family = max(
        (_of_family(asked, kin[vendor.pk], found), vendor.family_key) for vendor in asked.vendors
    )
    twins = tuple(each for each in found if _is_twin(asked, kin, each))
    return Recent(total, family, tuple(found), twins)


def flags(asked: Asked, recent: Recent, *, seen_by: User | None = None) -> list[Flag]:
    """What requester and approver should look at: twins, and parts of one larger purchase.

    All siblings are named; `seen_by` gets links to those that they may see.
    """
    if not recent.siblings:
        return []
    links = _links(recent.siblings, seen_by)
    currency = asked.entity.currency
    found = []
    if recent.twins:
        words = (
            f"Possibly asked for twice: {_numbers(recent.twins)}, from the same vendor, with the "
            "same item and nearly the same amount."
        )
        found.append(Flag(words, more=_named(recent.twins, currency, links), kind="duplicate"))
    if split := _split(asked, recent):
        more = _named(recent.siblings, currency, links)
        found.append(Flag(split, more=more, kind="split"))
    return found


def _links(siblings: Iterable[Sibling], seen_by: User | None) -> dict[UUID, str]:
    shown = {each.pk for each in siblings}
    if seen_by is not None:
        visible = Requisition.objects.visible_to(seen_by).filter(pk__in=shown)
        shown = set(visible.values_list("pk", flat=True))
    return {pk: f"/requisitions/{pk}/" for pk in shown}


def _split(asked: Asked, recent: Recent) -> str:
    alone = max([asked.amount, *(each.amount for each in recent.siblings)])
    tier = tiers.highest_crossed(asked.entity, asked.requester, alone=alone, together=recent.total)
    if tier is None:
        return ""
    currency = asked.entity.currency
    return (
        f"Possibly one purchase in parts: with {_numbers(recent.siblings)} it comes to "
        f"{money(recent.total, currency)} in {asked.entity.splitting_window_days} days, while each "
        f"alone stays within {money(tier, currency)}."
    )


def _numbers(siblings: Sequence[Sibling]) -> str:
    return named([each.number for each in siblings])


def named(numbers: Sequence[str]) -> str:
    """The newest of documents by their numbers, so that a mail names them too; oldest first."""
    newest = numbers[: -NAMED - 1 : -1]
    if len(numbers) > NAMED:
        return f"{', '.join(newest)} and {len(numbers) - NAMED} more"
    return " and ".join(filter(None, [", ".join(newest[:-1]), newest[-1]]))


def _named(
    siblings: Sequence[Sibling], currency: str, links: Mapping[UUID, str]
) -> tuple[Flag, ...]:
    """The newest first; how many more there are, where there are many."""
    newest = siblings[: -LISTED - 1 : -1]
    found = [Flag(_said(each, currency), links.get(each.pk, "")) for each in newest]
    if len(siblings) > LISTED:
        found.append(Flag(f"and {len(siblings) - LISTED} more"))
    return tuple(found)


def _said(sibling: Sibling, currency: str) -> str:
    day = f"{sibling.asked_on:%d %b %Y}".lstrip("0")
    return f"{sibling.number} · {sibling.requester} · {money(sibling.amount, currency)} · {day}"


def money(amount: Decimal, currency: str) -> str:
    """An amount in a sentence: 4,900.00 EUR."""
    return f"{amount:,.{minor_units(currency)}f} {currency}"


def _of_family(asked: Asked, kin: frozenset[UUID], siblings: Iterable[Sibling]) -> Decimal:
    own = [line.base for line in asked.lines if line.vendor and line.vendor.pk in kin]
    others = [
        amount
        for sibling in siblings
        for vendor, amount in sibling.amounts.items()
        if vendor in kin
    ]
    return sum([*own, *others], ZERO)


def _counterpart(
    asked: Asked, kin: dict[UUID, frozenset[UUID]], sibling: Sibling
) -> list[AskedLine]:
    """The lines that go to the family of a sibling."""
    return [
        line
        for line in asked.lines
        if line.vendor and not kin[line.vendor.pk].isdisjoint(sibling.amounts)
    ]


def _is_alike(asked: Asked, kin: dict[UUID, frozenset[UUID]], sibling: Sibling) -> bool:
    lines = _counterpart(asked, kin, sibling)
    return _same_items(lines, sibling) or _same_amount(lines, sibling)


def _is_twin(asked: Asked, kin: dict[UUID, frozenset[UUID]], sibling: Sibling) -> bool:
    lines = _counterpart(asked, kin, sibling)
    return _same_items(lines, sibling) and _same_amount(lines, sibling)


def _same_items(lines: list[AskedLine], sibling: Sibling) -> bool:
    """The same catalog item, or the same words where there is none."""
    if sibling.has_item and any(line.catalog_item_id for line in lines):
        return True
    return any(
        text.folded(line.description) in sibling.words
        for line in lines
        if line.catalog_item_id is None
    )


def _same_amount(lines: list[AskedLine], sibling: Sibling) -> bool:
    amount = sum((line.base for line in lines), ZERO)
    return abs(amount - sibling.amount) <= NEARLY * max(amount, sibling.amount)


_COLUMNS = (
    "requisition_id",
    "requisition__number",
    "requisition__requester_id",
    "requisition__requester__name",
    "requisition__submitted_at",
    "requisition__vendor_id",
    "requisition__currency",
    "requisition__rate",
    "vendor_id",
    "tax_code",
)


def _siblings(
    asked: Asked, kin: dict[UUID, frozenset[UUID]], at: datetime, pk: UUID | None
) -> list[Sibling]:
    """Oldest first. Summed by the database: there may be many, and each of many lines.

    One statement of two halves, so that each is found by its own index.
    """
    window = timedelta(days=asked.entity.splitting_window_days)
    near = (asked.entity.pk, frozenset().union(*kin.values()), at - window, at + window)
    centers = {center.pk for line in asked.lines for center, _ in line.coding}
    items = {line.catalog_item_id for line in asked.lines if line.catalog_item_id}
    grouped: dict[UUID, list[dict[str, Any]]] = {}
    for row in _sums(*near, asked.requester.pk, centers, items):
        if row["requisition_id"] != pk:
            grouped.setdefault(row["requisition_id"], []).append(row)
    words = _in_words(asked, _standing(*near)) if grouped else {}
    return [_sibling(asked, grouped[key], words.get(key, frozenset())) for key in sorted(grouped)]


def _standing(
    entity: UUID, vendors: Collection[UUID], after: datetime, before: datetime
) -> QuerySet[RequisitionLine]:
    return RequisitionLine.objects.filter(
        Q(vendor__in=vendors) | Q(vendor=None, requisition__vendor__in=vendors),
        requisition__entity=entity,
        requisition__status__in=STANDING,
        requisition__submitted_at__gt=after,
        requisition__submitted_at__lt=before,
    ).order_by()


def _own_and_theirs(*values: Any) -> QuerySet[Any]:
    *near, requester, centers, items = values
    lines = _standing(*near)
    paid = RequisitionDistribution.objects.filter(
        line__requisition=OuterRef("requisition"), cost_center__in=centers
    )
    own = lines.filter(requisition__requester=requester)
    theirs = lines.exclude(requisition__requester=requester).filter(Exists(paid))
    return _summed(own, items).union(_summed(theirs, items), all=True)


_sums = Composed[dict[str, Any]](_own_and_theirs)


def _summed(lines: QuerySet[RequisitionLine], items: Collection[UUID]) -> QuerySet[Any]:
    """The net of each request by vendor and tax code, and whether one of the items is in it."""
    same = Case(When(catalog_item__in=items, then=1), default=0, output_field=IntegerField())
    return lines.values(*_COLUMNS).annotate(total=Sum("net"), has_item=Max(same))


def _in_words(asked: Asked, lines: QuerySet[RequisitionLine]) -> dict[UUID, frozenset[str]]:
    """What siblings ask for in words of their own, where this request has such lines at all."""
    if all(line.catalog_item_id for line in asked.lines):
        return {}
    said: dict[UUID, set[str]] = {}
    for pk, words in lines.filter(catalog_item=None).values_list("requisition_id", "description"):
        said.setdefault(pk, set()).add(text.folded(words))
    return {pk: frozenset(words) for pk, words in said.items()}


def _sibling(asked: Asked, rows: list[dict[str, Any]], words: frozenset[str]) -> Sibling:
    first, amounts = rows[0], dict[UUID, Decimal]()
    for row in rows:
        vendor = row["vendor_id"] or row["requisition__vendor_id"]
        code = asked.tax_codes.get(row["tax_code"])
        whole = cost(row["total"], code, row["requisition__currency"])
        base = to_base(whole, rate=row["requisition__rate"], base_currency=asked.entity.currency)
        amounts[vendor] = amounts.get(vendor, ZERO) + base
    return Sibling(
        first["requisition_id"],
        first["requisition__number"],
        first["requisition__requester__name"],
        asked.entity.day_of(first["requisition__submitted_at"]),
        first["requisition__requester_id"] == asked.requester.pk,
        amounts,
        any(row["has_item"] for row in rows),
        words,
    )
