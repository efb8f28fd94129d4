"""What was last paid to a vendor for an item.

Orders lie above this app, so that who keeps them fills in the function that answers.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class Wanted:
    """An item of a vendor: by its catalog entry, else by the vendor's article number."""

    vendor: UUID
    catalog_item: UUID | None = None
    sku: str = ""


@dataclass(frozen=True)
class LastPrice:
    """The price of the newest order. `paid` says whether an invoice of it was cleared yet."""

    unit_price: Decimal
    currency: str
    unit: str
    on: date
    order: str
    paid: bool


History = Callable[[frozenset[Wanted], datetime | None], dict[Wanted, LastPrice]]
_histories: list[History] = []


def register(history: History) -> None:
    """Let `history` answer for whoever asks; called in `AppConfig.ready()` of who knows orders."""
    if history not in _histories:
        _histories.append(history)


def last_paid(
    wanted: Iterable[Wanted], *, before: datetime | None = None
) -> dict[Wanted, LastPrice]:
    """The last price of each item that was bought before; one never bought is left out.

    Statements: as many as those who answer need, whatever the number of items.
    """
    asked = frozenset(each for each in wanted if each.catalog_item or each.sku)
    found: dict[Wanted, LastPrice] = {}
    if asked:
        for history in _histories:
            found |= history(asked, before)
    return found
