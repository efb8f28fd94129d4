"""A line's price beside the agreed ones, of contract and catalog, and the last one paid."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from accounts.models import Entity
from approvals.subjects import PriceNote
from requisitions.models import DocumentLine
from vendors import prices
from vendors.coverage import Agreed, Bought, agreed
from vendors.prices import LastPrice, Wanted


def price_notes(
    entity: Entity, lines: Iterable[tuple[DocumentLine, Bought]], *, sent_at: datetime | None
) -> dict[UUID, list[PriceNote]]:
    """By line of a request or an order, seen from the moment when it was sent. Statements: 2.

    Each line comes with its catalog item, and as contracts see it.
    """
    lines = list(lines)
    asked = {line.pk: _wanted(line, bought) for line, bought in lines}
    contracts = _contracts(entity, lines, sent_at)
    last = prices.last_paid(filter(None, asked.values()), before=sent_at)
    found: dict[UUID, list[PriceNote]] = {}
    for line, bought in lines:
        notes = [*contracts.get(line.pk, ()), *_of_catalog(line, bought)]
        wanted = asked[line.pk]
        if wanted is not None and wanted in last:
            notes.append(_last(bought, last[wanted]))
        found[line.pk] = notes
    return found


def _wanted(line: DocumentLine, bought: Bought) -> Wanted | None:
    if bought.vendor is None or not (line.catalog_item_id or bought.sku):
        return None
    return Wanted(bought.vendor, line.catalog_item_id, "" if line.catalog_item_id else bought.sku)


def _contracts(
    entity: Entity, lines: Sequence[tuple[DocumentLine, Bought]], sent_at: datetime | None
) -> dict[UUID, list[PriceNote]]:
    """What contracts in force on the day when it was sent say of its lines."""
    if sent_at is None:
        return {}
    found = agreed([bought for _, bought in lines], on=entity.day_of(sent_at))
    return {
        line.pk: [_by_contract(bought, contract)]
        for (line, bought), contract in zip(lines, found, strict=True)
        if contract is not None and contract.unit_price is not None
    }


def _by_contract(bought: Bought, contract: Agreed) -> PriceNote:
    price = contract.unit_price
    assert price is not None
    return PriceNote(
        label=f"Contract {contract.number}",
        unit_price=price,
        currency=contract.currency,
        difference=_difference(bought.unit_price, price) if contract.is_comparable else None,
    )


def _of_catalog(line: DocumentLine, bought: Bought) -> list[PriceNote]:
    item = line.catalog_item
    if item is None:
        return []
    alike = (item.currency, item.unit) == (bought.currency, bought.unit)
    difference = _difference(bought.unit_price, item.unit_price) if alike else None
    return [PriceNote("Catalog", item.unit_price, item.currency, difference=difference)]


def _last(bought: Bought, last: LastPrice) -> PriceNote:
    alike = (last.currency, last.unit) == (bought.currency, bought.unit)
    return PriceNote(
        label="Last paid" if last.paid else "Last ordered",
        unit_price=last.unit_price,
        currency=last.currency,
        on=last.on,
        source=last.order,
        difference=_difference(bought.unit_price, last.unit_price) if alike else None,
    )


def _difference(price: Decimal, other: Decimal) -> Decimal | None:
    """By which share the price is above the other; None beside a price of nothing."""
    return None if other == 0 else round((price - other) / other, 4)
