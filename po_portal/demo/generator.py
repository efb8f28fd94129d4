"""Purchases as a company of this kind makes them, from a seed.

The one source behind the demo's history and the benchmark: the same seed and number give the same
purchase, whatever came before it, on every machine. Pure data by codes; whoever plays or stores
a purchase looks the codes up.
"""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate

from core.money import HUNDRED, line_net, round_amount
from po_portal.demo.catalog import CATALOG, VENDORS
from po_portal.demo.organisation import BUDGETS, TAX_CODES

REASONS = (
    *("Replacement", "New colleagues", "Growth of the platform", "Renewal", "Audit finding"),
    *("Spare parts", "Proof of concept", "Season peak", "Contract of last year", "Site move"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A row of the demo catalog by codes; the price is in the vendor's currency."""

    vendor: str
    sku: str
    name: str
    category: str
    service_type: str
    unit: str
    unit_price: Decimal
    currency: str
    tax_code: str
    gl_account: str


@dataclass(frozen=True, slots=True)
class Line:
    """A quantity of an item, paid by one cost centre and perhaps a project."""

    item: Item
    quantity: Decimal
    cost_center: str
    project: str | None
    net: Decimal
    tax_percent: Decimal

    @property
    def gl_account(self) -> str:
        return self.item.gl_account


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody needs on a day, from one vendor, and how far it will get.

    `received` and `billed` are the shares of every line, from 0 to 1; billed is never more.
    """

    number: int
    day: date
    title: str
    vendor: str
    currency: str
    service_type: str
    lines: tuple[Line, ...]
    received: Decimal
    billed: Decimal

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """By rate on the summed base, as an order computes it."""
        bases: dict[Decimal, Decimal] = {}
        for line in self.lines:
            bases[line.tax_percent] = bases.get(line.tax_percent, Decimal(0)) + line.net
        return sum(
            (round_amount(base * rate / HUNDRED, self.currency) for rate, base in bases.items()),
            Decimal(0),
        )


@cache
def catalog(entity: str) -> tuple[Item, ...]:
    """The demo catalog of an entity, in the order of its file."""
    vendors = {each.code for each in VENDORS[entity]}
    with CATALOG.open(encoding="utf-8", newline="") as file:
        return tuple(
            Item(
                row["vendor_code"],
                row["sku"],
                row["name"],
                row["category"],
                row["service_type"],
                row["unit"],
                Decimal(row["unit_price"]),
                row["currency"],
                row["tax_code"],
                row["gl_account"],
            )
            for row in csv.DictReader(file)
            if row["vendor_code"] in vendors
        )


@cache
def payers(entity: str) -> Mapping[str, tuple[tuple[str, str | None], ...]]:
    """By account: the cost centres (and projects) that have a budget for it."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for center, account, project, _amount, _control in BUDGETS[entity]:
        found.setdefault(account, []).append((center, project))
    return {account: tuple(pairs) for account, pairs in found.items()}


def purchases(
    *,
    entity: str,
    seed: int,
    count: int,
    first: date,
    last: date,
    currency: str | None = None,
    lines: tuple[int, int] = (1, 6),
    start: int = 1,
) -> Iterator[Purchase]:
    """`count` purchases numbered from `start`, their days rising from `first` to `last`.

    `currency` leaves out vendors that are paid in another one; `lines` are the fewest and most
    lines of one purchase.
    """
    shelves = _shelves(entity, currency)
    days = max((last - first).days, 0)
    for place in range(count):
        day = first + timedelta(days=days * place // max(count - 1, 1))
        yield purchase(entity=entity, seed=seed, number=start + place, day=day, lines=lines,
                       shelves=shelves)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shelves:
    """Items by vendor, with how often each vendor is bought from (by its number of items)."""

    vendors: tuple[str, ...]
    weights: tuple[int, ...]
    items: Mapping[str, tuple[Item, ...]]


@cache
def _shelves(entity: str, currency: str | None) -> Shelves:
    paid = payers(entity)
    items: dict[str, list[Item]] = {}
    for item in catalog(entity):
        if item.gl_account in paid and currency in (None, item.currency):
            items.setdefault(item.vendor, []).append(item)
    return Shelves(
        tuple(items),
        tuple(accumulate(len(each) for each in items.values())),
        {vendor: tuple(each) for vendor, each in items.items()},
    )


def purchase(
    *,
    entity: str,
    seed: int,
    number: int,
    day: date,
    lines: tuple[int, int] = (1, 6),
    shelves: Shelves | None = None,
) -> Purchase:
    """Purchase `number` of a seed: the same one whenever it is asked for."""
    shelves = shelves or _shelves(entity, None)
    # Not for secrets: it must repeat. Seeding by text is stable across versions and machines.
    dice = random.Random(f"{seed}:{number}")  # noqa: S311
    vendor = dice.choices(shelves.vendors, cum_weights=shelves.weights)[0]
    items = shelves.items[vendor]
    chosen = _choose(dice, items, dice.randint(*lines))
    received = _share(dice)
    billed = min(_share(dice), received)
    return Purchase(
        number=number,
        day=day,
        title=f"{chosen[0].category}: {dice.choice(REASONS).lower()}",
        vendor=vendor,
        currency=chosen[0].currency,
        service_type=chosen[0].service_type,
        lines=tuple(_line(dice, entity, item) for item in chosen),
        received=received,
        billed=billed,
    )


def _choose(dice: random.Random, items: Sequence[Item], wanted: int) -> list[Item]:
    """Different items while there are any; a long purchase takes the same ones again."""
    if wanted <= len(items):
        return dice.sample(items, wanted)
    return [items[place % len(items)] for place in range(wanted)]


def _share(dice: random.Random) -> Decimal:
    """Nothing yet, a part, or all; most purchases are complete."""
    return dice.choices((Decimal(0), Decimal("0.5"), Decimal(1)), weights=(2, 1, 5))[0]


def _line(dice: random.Random, entity: str, item: Item) -> Line:
    center, project = dice.choice(payers(entity)[item.gl_account])
    dear = item.unit_price >= 1000
    quantity = Decimal(dice.randint(1, 3) if dear else 2 * dice.randint(1, 12))
    return Line(
        item=item,
        quantity=quantity,
        cost_center=center,
        project=project,
        net=line_net(quantity=quantity, unit_price=item.unit_price, currency=item.currency),
        tax_percent=Decimal(TAX_CODES[entity][item.tax_code][2]),
    )
