"""A line's price beside the agreed one and the last one paid to this vendor."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from approvals.subjects import PriceNote
from requisitions.models import Requisition, RequisitionLine
from vendors import prices
from vendors.prices import LastPrice, Wanted


def price_notes(
    requisition: Requisition, lines: Iterable[RequisitionLine]
) -> dict[UUID, list[PriceNote]]:
    """By line, seen from the moment when it was sent. Statements: 1, however many lines."""
    asked = {line.pk: _wanted(requisition, line) for line in lines}
    last = prices.last_paid(filter(None, asked.values()), before=requisition.submitted_at)
    found: dict[UUID, list[PriceNote]] = {}
    for line in lines:
        notes = _agreed(requisition, line)
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
