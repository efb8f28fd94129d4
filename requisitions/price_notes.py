"""A line's price beside the agreed ones, of contract and catalog, and the last one paid."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from approvals.subjects import PriceNote
from requisitions.asked import bought_line
from requisitions.models import Requisition, RequisitionLine
from vendors import prices
from vendors.coverage import Agreed, agreed
from vendors.prices import LastPrice, Wanted


def price_notes(
    requisition: Requisition, lines: Iterable[RequisitionLine]
) -> dict[UUID, list[PriceNote]]:
    """By line, seen from the moment when it was sent. Statements: 2, however many lines."""
    asked = {line.pk: _wanted(requisition, line) for line in lines}
    contracts = _contracts(requisition, lines)
    last = prices.last_paid(filter(None, asked.values()), before=requisition.submitted_at)
    found: dict[UUID, list[PriceNote]] = {}
    for line in lines:
        notes = [*contracts.get(line.pk, ()), *_agreed(requisition, line)]
        wanted = asked[line.pk]
        if wanted is not None and wanted in last:
            notes.append(_last(requisition, line, last[wanted]))
        found[line.pk] = notes
    return found


def _wanted(requisition: Requisition, line: RequisitionLine) -> Wanted | None:
    vendor = line.vendor_id or requisition.vendor_id
    if vendor is None or not (line.catalog_item_id or line.sku):
        return None
    return Wanted(vendor, line.catalog_item_id, "" if line.catalog_item_id else line.sku)


def _contracts(
    requisition: Requisition, lines: Iterable[RequisitionLine]
) -> dict[UUID, list[PriceNote]]:
    """What contracts in force on the day when it was sent say of its lines."""
    if requisition.submitted_at is None:
        return {}
    lines = list(lines)
    bought = [bought_line(requisition, line) for line in lines]
    found = agreed(bought, on=requisition.entity.day_of(requisition.submitted_at))
    return {
        line.pk: [_by_contract(line, contract)]
        for line, contract in zip(lines, found, strict=True)
        if contract is not None and contract.unit_price is not None
    }


def _by_contract(line: RequisitionLine, contract: Agreed) -> PriceNote:
    price = contract.unit_price
    assert price is not None
    return PriceNote(
        label=f"Contract {contract.number}",
        unit_price=price,
        currency=contract.currency,
        difference=_difference(line.unit_price, price) if contract.is_comparable else None,
    )


def _agreed(requisition: Requisition, line: RequisitionLine) -> list[PriceNote]:
    item = line.catalog_item
    if item is None:
        return []
    alike = (item.currency, item.unit) == (requisition.currency, line.unit)
    difference = _difference(line.unit_price, item.unit_price) if alike else None
    return [PriceNote("Catalog", item.unit_price, item.currency, difference=difference)]


def _last(requisition: Requisition, line: RequisitionLine, last: LastPrice) -> PriceNote:
    alike = (last.currency, last.unit) == (requisition.currency, line.unit)
    return PriceNote(
        label="Last paid" if last.paid else "Last ordered",
        unit_price=last.unit_price,
        currency=last.currency,
        on=last.on,
        source=last.order,
        difference=_difference(line.unit_price, last.unit_price) if alike else None,
    )


def _difference(price: Decimal, other: Decimal) -> Decimal | None:
    """By which share the price is above the other; None beside a price of nothing."""
    return None if other == 0 else round((price - other) / other, 4)
