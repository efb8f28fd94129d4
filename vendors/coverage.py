"""Which contract of its vendor covers a line on a day, and at which price.

A contract with a price list covers the article numbers on it, in its currency, at the agreed price
or below; one without covers whatever its vendor sells.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, FilteredRelation, OuterRef, Q

from core.composed import Composed
from vendors.models import Contract, ContractPrice


@dataclass(frozen=True, slots=True)
class Bought:
    """A line as contracts see it. `prefers` is the contract that it is said to be bought under."""

    vendor: UUID | None
    sku: str
    unit: str
    unit_price: Decimal
    currency: str
    prefers: UUID | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a contract says of a line. `unit_price` is None where it covers without a price list;
    `is_comparable` says whether the line's price can be held against it; `is_above` that it is
    above what was agreed."""

    contract: UUID
    number: str
    valid_to: date | None
    currency: str
    unit_price: Decimal | None
    is_comparable: bool
    is_above: bool

    @property
    def covers(self) -> bool:
        return self.unit_price is None or (self.is_comparable and not self.is_above)


def agreed(lines: Iterable[Bought], *, on: date) -> list[Agreed | None]:
    """For each line the contract in force on a day that speaks of it; None where none does.

    Of several the one it is said to be bought under comes first, then one that lists it, then one
    that covers it, then the lowest price, then the one that began last. Statements: 1, however
    many lines.
    """
    wanted = list(lines)
    vendors = {each.vendor for each in wanted if each.vendor}
    if not vendors:
        return [None] * len(wanted)
    found: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in _in_force(vendors, {each.sku for each in wanted}, on):
        found[row["vendor_id"]].append(row)
    return [_best(line, found[line.vendor] if line.vendor else ()) for line in wanted]


def _rows(vendors: list[UUID], numbers: list[str], on: date) -> Any:
    """Contracts in force, each with those of its prices that are asked for, or once with none."""
    return (
        Contract.objects.in_force(on)
        .filter(vendor__in=vendors)
        .annotate(
            asked=FilteredRelation("prices", condition=Q(prices__sku__in=numbers)),
            has_prices=Exists(ContractPrice.objects.filter(contract=OuterRef("pk"))),
        )
        .order_by("-valid_from", "pk")
        .values(
            "pk",
            "number",
            "vendor_id",
            "currency",
            "valid_to",
            "has_prices",
            "asked__sku",
            "asked__unit",
            "asked__unit_price",
        )
    )


_in_force = Composed[dict[str, Any]](_rows)


def _best(line: Bought, rows: Iterable[dict[str, Any]]) -> Agreed | None:
    said = [found for row in rows if (found := _said(line, row)) is not None]
    return min(
        said,
        key=lambda each: (
            each.contract != line.prefers,
            each.unit_price is None,
            not each.covers,
            each.unit_price or 0,
        ),
        default=None,
    )


def _said(line: Bought, row: dict[str, Any]) -> Agreed | None:
    """What one contract says of a line; None when it does not speak of it."""
    price = None
    if row["has_prices"]:
        if not line.sku or row["asked__sku"] != line.sku:
            return None
        price = row["asked__unit_price"]
    alike = row["currency"] == line.currency and row["asked__unit"] in (None, "", line.unit)
    return Agreed(
        contract=row["pk"],
        number=row["number"],
        valid_to=row["valid_to"],
        currency=row["currency"],
        unit_price=price,
        is_comparable=alike,
        is_above=alike and price is not None and line.unit_price > price,
    )
