"""Reading the delivery history of SCMS: one CSV row per order line and shipment.

A row is taken as it stands or reported by its number in the file; no row stops the others.
`Line Item Value` is the agreed amount: where quantity × pack price is another figure, the price is
worked out from it. Freight and insurance are no part of an order line's value and stay outside.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from core.decimals import NotADecimal, parse, places
from core.money import line_net
from core.text import fault
from purchase_orders.services.takeover import TakenLine, TakenOrder, TakenReceipt
from purchase_orders.validation import MOST_NET, MOST_PRICE, MOST_QUANTITY
from vendors.models import Vendor

CURRENCY = "USD"
PACK = "XPK"
NO_TERM = "N/A"
_COLUMNS = (
    *("ID", "PO / SO #", "ASN/DN #", "Country", "Vendor INCO Term", "PO Sent to Vendor Date"),
    *("Delivered to Client Date", "Product Group", "Vendor", "Item Description"),
    *("Line Item Quantity", "Line Item Value", "Pack Price"),
)


class NotSCMS(ValueError):
    """The file lacks columns of the delivery history."""


@dataclass(frozen=True)
class Fault:
    """A row that was left out. `row` counts like a spreadsheet: the header is row 1."""

    row: int
    reason: str


@dataclass(frozen=True)
class Row:
    """A row that can be taken over."""

    row: int
    row_id: str
    order: str
    shipment: str
    vendor: str
    country: str
    term: str
    sent: str
    group: str
    delivered_on: date
    description: str
    quantity: Decimal
    unit_price: Decimal
    value: Decimal


@dataclass(frozen=True)
class History:
    """A file as read: rows by order number in the order of the file, and what was left out."""

    orders: dict[str, list[Row]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def vendors(self) -> list[str]:
        return sorted({rows[0].vendor for rows in self.orders.values()})


def read(lines: Iterable[str]) -> History:
    """Rows of a file opened with `encoding="utf-8-sig"`. Raises NotSCMS without its columns."""
    reader = csv.DictReader(lines)
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise NotSCMS(f"These columns are missing: {', '.join(missing)}.")
    orders: dict[str, list[Row]] = defaultdict(list)
    faults: list[Fault] = []
    seen: set[str] = set()
    for number, cells in enumerate(reader, 2):
        reasons = list(_faults(cells))
        row = None if reasons else _row(number, cells)
        if row is not None:
            reasons += _contradictions(row, orders, seen)
        if row is None or reasons:
            faults.append(Fault(number, " ".join(reasons)))
            continue
        seen.add(row.row_id)
        orders[row.order].append(row)
    return History(dict(orders), faults)


def _faults(cells: dict) -> Iterator[str]:
    if None in cells or None in cells.values():
        yield "It has another number of cells than the header."
        return
    for name in ("ID", "PO / SO #", "ASN/DN #", "Vendor", "Item Description"):
        if not cells[name].strip() or fault(cells[name], multiline=False):
            yield f"{name} is missing or unreadable."
    if len(cells["PO / SO #"]) > 64 or len(cells["Vendor"]) > 200:
        yield "The order number or vendor name is too long."
    for name, most, decimals in (
        ("Line Item Quantity", MOST_QUANTITY, 6),
        ("Line Item Value", MOST_NET, 2),
        ("Pack Price", MOST_PRICE, 6),
    ):
        try:
            value = parse(cells[name].strip())
        except NotADecimal:
            yield f"{name} is no number: {cells[name][:40]!r}."
            continue
        if value < 0 or value > most or places(value) > decimals:
            yield f"{name} is out of range: {value}."
        elif value == 0 and name == "Line Item Quantity":
            yield "Line Item Quantity is 0."
    if _day(cells["Delivered to Client Date"]) is None:
        yield f"Delivered to Client Date is no date: {cells['Delivered to Client Date'][:40]!r}."


def _day(text: str) -> date | None:
    """A day written as 02-Jun-06; the years of this history are 2006 to 2015."""
    try:
        return datetime.strptime(text.strip(), "%d-%b-%y").date()  # noqa: DTZ007 (a day, no moment)
    except ValueError:
        return None


def _row(number: int, cells: dict) -> Row:
    quantity, value = parse(cells["Line Item Quantity"].strip()), parse(cells["Line Item Value"])
    return Row(
        row=number,
        row_id=cells["ID"].strip(),
        order=cells["PO / SO #"].strip(),
        shipment=cells["ASN/DN #"].strip(),
        vendor=cells["Vendor"].strip(),
        country=cells["Country"].strip(),
        term=cells["Vendor INCO Term"].strip(),
        sent=cells["PO Sent to Vendor Date"].strip(),
        group=cells["Product Group"].strip(),
        delivered_on=_day(cells["Delivered to Client Date"]),
        description=cells["Item Description"].strip(),
        quantity=quantity,
        unit_price=_price(quantity, value, parse(cells["Pack Price"].strip())),
        value=value,
    )


def _price(quantity: Decimal, value: Decimal, pack_price: Decimal) -> Decimal:
    """The pack price where it gives the value; else the price that follows from the value."""
    if line_net(quantity=quantity, unit_price=pack_price, currency=CURRENCY) == value:
        return pack_price
    return round(value / quantity, 6)


def _contradictions(row: Row, orders: dict[str, list[Row]], seen: set[str]) -> Iterator[str]:
    if row.row_id in seen:
        yield f"ID {row.row_id} came before."
    earlier = orders.get(row.order)
    if earlier and earlier[0].vendor != row.vendor:
        yield f"{row.order} belongs to {earlier[0].vendor} on row {earlier[0].row}."


def taken(number: str, rows: list[Row], vendor: Vendor) -> TakenOrder:
    """An order as it is taken over: its lines in the order of the file, a receipt per shipment."""
    first = rows[0]
    shipments: dict[tuple[str, date], dict[int, Decimal]] = defaultdict(dict)
    for place, row in enumerate(rows):
        shipments[row.shipment, row.delivered_on][place] = row.quantity
    return TakenOrder(
        vendor=vendor,
        legacy_number=number,
        currency=CURRENCY,
        title=" for ".join(filter(None, [first.group, first.country])),
        delivery_terms="" if first.term.startswith(NO_TERM) else first.term,
        ship_to=first.country,
        lines=[
            TakenLine(
                description=row.description,
                quantity=row.quantity,
                unit=PACK,
                unit_price=row.unit_price,
                net=row.value,
                sku=row.row_id,
            )
            for row in rows
        ],
        receipts=[
            TakenReceipt(received_on=day, delivery_note=shipment, quantities=quantities)
            for (shipment, day), quantities in shipments.items()
        ],
        facts={"sent_to_vendor": first.sent, "rows": [row.row for row in rows]},
    )
