"""What counts together with a request: the rolling total of its vendor's family.

Siblings are requests to the same vendor family within the entity's window: the requester's own, and
those of colleagues that one of its cost centres pays for and that ask for much the same. They count
as one amount with it, so that cutting a purchase in parts changes nobody who has to agree.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from core import text
from core.composed import Composed
from core.money import HUNDRED, ZERO, to_base
from requisitions.asked import Asked, cost
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
_FIGURES = ("requisition__currency", "requisition__rate", "tax_code")


@dataclass(frozen=True, slots=True)
class Rolling:
    """`total`: the request and its siblings, of the family where that is most; base currency."""

    total: Decimal
    family: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What a sibling asks for: `amounts` are base currency by vendor, `amount` is all of them.

    `has_item`: it has a catalog item of the request in question. `words`: its other lines, folded.
    """

    amounts: Mapping[UUID, Decimal]
    amount: Decimal
    has_item: bool
    words: frozenset[str]


def rolling(asked: Asked, *, at: datetime, pk: UUID) -> Rolling:
    """The rolling total of a request `pk` that is submitted `at`, and nothing more of its siblings:
    the database adds up the requester's own wherever that rounds nothing.

    Requests that are sent to one family at the same moment see each other: its rows are locked.
    Statements: 2, and 1 more for lines in words of their own beside a colleague's.
    """
    around = Around(asked, at, lock=True)
    if not around.kin:
        return Rolling(asked.amount)
    amounts: dict[UUID, Decimal] = defaultdict(Decimal)
    theirs: dict[UUID, list[Any]] = defaultdict(list)
    for one, requester, *row in _sums(
        *around.near, pk, asked.requester.pk, asked.entity.currency, _without_loss(asked),
        around.centers, around.items or None,
    ):  # fmt: skip
        if requester == asked.requester.pk:
            vendor, _, *figures = row
            amounts[vendor] += around.base(*figures)
        else:
            theirs[one].append(row)
    words = around.in_words(only=theirs) if theirs else {}
    for one, rows in theirs.items():
        part = around.part(rows, words.get(one, frozenset()))
        if around.is_alike(part):
            for vendor, amount in part.amounts.items():
                amounts[vendor] += amount
    return around.most([amounts])


class Around:
    """A request and where to look for its siblings. Statements: 1, for the families."""

    def __init__(self, asked: Asked, at: datetime, *, lock: bool = False) -> None:
        self.asked = asked
        self.kin = families(asked.vendors, lock=lock)
        window = timedelta(days=asked.entity.splitting_window_days)
        vendors = frozenset().union(*self.kin.values())
        self.near = (asked.entity.pk, vendors, at - window, at + window)
        self.centers = {center.pk for line in asked.lines for center, _ in line.coding}
        self.items = {line.catalog_item_id for line in asked.lines if line.catalog_item_id}
        self._counterparts: dict[frozenset[UUID], tuple[Decimal, bool, frozenset[str]]] = {}

    def base(self, currency: str, rate: Decimal, tax_code: str, net: Decimal) -> Decimal:
        """A sibling's net with the tax that is lost on it, in base currency; it rounds twice."""
        whole = cost(net, self.asked.tax_codes.get(tax_code), currency)
        return to_base(whole, rate=rate, base_currency=self.asked.entity.currency)

    def part(self, rows: Iterable[Any], words: frozenset[str]) -> Part:
        """A sibling from its rows: vendor, has_item, currency, rate, tax code and net of each."""
        amounts: dict[UUID, Decimal] = defaultdict(Decimal)
        found = 0
        for vendor, has_item, *figures in rows:
            amounts[vendor] += self.base(*figures)
            found = max(found, has_item)
        return Part(amounts, sum(amounts.values(), ZERO), bool(found), words)

    def most(self, parts: Collection[Mapping[UUID, Decimal]]) -> Rolling:
        """Of the families that are asked the one with most, counting these amounts by vendor."""
        total, family = max(
            (self._of(self.kin[vendor.pk], parts), vendor.family_key)
            for vendor in self.asked.vendors
        )
        return Rolling(total, family)

    def _of(self, kin: frozenset[UUID], parts: Iterable[Mapping[UUID, Decimal]]) -> Decimal:
        own = [line.base for line in self.asked.lines if line.vendor and line.vendor.pk in kin]
        others = [amount for each in parts for vendor, amount in each.items() if vendor in kin]
        return sum([*own, *others], ZERO)

    def is_alike(self, part: Part) -> bool:
        """Whether a colleague's request asks for much the same: what, or how much."""
        return self._has_same_items(part) or self._has_same_amount(part)

    def is_twin(self, part: Part) -> bool:
        """Whether it asks for the same: what, and how much."""
        return self._has_same_amount(part) and self._has_same_items(part)

    def _has_same_items(self, part: Part) -> bool:
        """The same catalog item, or the same words where there is none."""
        _, has_items, words = self._counterpart(part)
        return (part.has_item and has_items) or not words.isdisjoint(part.words)

    def _has_same_amount(self, part: Part) -> bool:
        amount, _, _ = self._counterpart(part)
        return abs(amount - part.amount) <= NEARLY * max(amount, part.amount)

    def _counterpart(self, part: Part) -> tuple[Decimal, bool, frozenset[str]]:
        """Of the lines that go to the family of a sibling: how much they are, whether there are
        catalog items among them, and the others in words. The same for all of the same vendors."""
        vendors = frozenset(part.amounts)
        if vendors not in self._counterparts:
            lines = [
                line
                for line in self.asked.lines
                if line.vendor and not self.kin[line.vendor.pk].isdisjoint(vendors)
            ]
            self._counterparts[vendors] = (
                sum((line.base for line in lines), ZERO),
                any(line.catalog_item_id for line in lines),
                frozenset(
                    text.folded(line.description) for line in lines if line.catalog_item_id is None
                ),
            )
        return self._counterparts[vendors]

    def in_words(self, only: Collection[UUID]) -> dict[UUID, frozenset[str]]:
        """What these ask for in words of their own, where this request has such lines at all."""
        if all(line.catalog_item_id for line in self.asked.lines):
            return {}
        lines = standing(*self.near).filter(catalog_item=None, requisition__in=only)
        said: dict[UUID, set[str]] = defaultdict(set)
        for pk, words in lines.values_list("requisition_id", "description"):
            said[pk].add(text.folded(words))
        return {pk: frozenset(words) for pk, words in said.items()}


def standing(
    entity: UUID, vendors: Collection[UUID], after: datetime, before: datetime
) -> QuerySet[RequisitionLine]:
    """Lines that vendors were asked for between two moments, by requests that still stand."""
    return RequisitionLine.objects.filter(
        Q(vendor__in=vendors) | Q(vendor=None, requisition__vendor__in=vendors),
        requisition__entity=entity,
        requisition__status__in=STANDING,
        requisition__submitted_at__gt=after,
        requisition__submitted_at__lt=before,
    ).order_by()


def own(lines: QuerySet[RequisitionLine], requester: UUID) -> QuerySet[RequisitionLine]:
    """Of lines those that the requester asked for."""
    return lines.filter(requisition__requester=requester)


def theirs(
    lines: QuerySet[RequisitionLine], requester: UUID, centers: Collection[UUID]
) -> QuerySet[RequisitionLine]:
    """Lines of colleagues' requests that one of these cost centres pays for."""
    paid = RequisitionDistribution.objects.filter(
        line__requisition=OuterRef("requisition"), cost_center__in=centers
    )
    return lines.exclude(requisition__requester=requester).filter(Exists(paid))


def summed(
    lines: QuerySet[RequisitionLine],
    columns: Sequence[str],
    items: Collection[UUID] | None = None,
) -> QuerySet[Any]:
    """Lines added up by these columns, by vendor and tax code; each row ends as `Around.part`
    takes it. `has_item` says whether one of the items is among them."""
    has_item: Any = Value(0, output_field=IntegerField())
    if items is not None:
        same = When(catalog_item__in=items, then=1)
        has_item = Max(Case(same, default=0, output_field=IntegerField()))
    seller = Coalesce("vendor", "requisition__vendor")  # a line's own, else the header's
    grouped = lines.annotate(seller=seller).values(*columns, "seller", *_FIGURES)
    found = grouped.annotate(total=Sum("net"), has_item=has_item)
    return found.values_list(*columns, "seller", "has_item", *_FIGURES, "total")


def _without_loss(asked: Asked) -> list[str]:
    """Tax codes whose tax is recovered or nothing, and no code at all: sums need no rounding."""
    codes = asked.tax_codes.values()
    exact = (each for each in codes if not each.percent or each.recoverable_percent == HUNDRED)
    return ["", *(each.code for each in exact)]


def _own_and_theirs(
    entity: UUID,
    vendors: Collection[UUID],
    after: datetime,
    before: datetime,
    but: UUID,
    requester: UUID,
    currency: str,
    without_loss: Collection[str],
    centers: Collection[UUID],
    items: Collection[UUID] | None,
) -> QuerySet[Any]:
    """The net of each request by vendor and tax code; of one's own in base currency without lost
    tax that of all of them together. One statement of two halves, each found by its own index."""
    lines = standing(entity, vendors, after, before).exclude(requisition=but)
    exact = When(
        requisition__currency=currency, requisition__rate=1, tax_code__in=without_loss, then=None
    )
    together = Case(exact, default=F("requisition_id"), output_field=UUIDField())
    mine = own(lines, requester).annotate(one=together)
    others = theirs(lines, requester, centers).annotate(one=F("requisition_id"))
    columns = ("one", "requisition__requester")
    return summed(mine, columns).union(summed(others, columns, items), all=True)


_sums = Composed[tuple[Any, ...]](_own_and_theirs)
