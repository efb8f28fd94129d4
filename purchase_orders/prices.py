"""What was last paid for an item, as orders and their cleared invoices tell it."""

from datetime import datetime

from django.db.models import Case, F, Q, When, Window
from django.db.models.functions import RowNumber

from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.prices import LastPrice, Wanted


def last_prices(wanted: frozenset[Wanted], before: datetime | None) -> dict[Wanted, LastPrice]:
    """The newest issued order line of each item; billed ones come before those that are only
    ordered, at the price that was billed. Statements: 1, however many items.
    """
    vendors = {each.vendor for each in wanted}
    items = {each.catalog_item for each in wanted if each.catalog_item}
    numbers = {each.sku for each in wanted if each.sku and not each.catalog_item}
    lines = PurchaseOrderLine.objects.filter(
        Q(catalog_item__in=items) | Q(sku__in=numbers) & ~Q(sku=""),
        order__vendor__in=vendors,
        order__issued_at__isnull=False,
    ).exclude(order__status=PurchaseOrder.Status.CANCELLED)
    if before is not None:
        lines = lines.filter(order__issued_at__lt=before)
    newest = lines.annotate(
        place=Window(
            RowNumber(),
            partition_by=["order__vendor", "catalog_item", "sku"],
            order_by=[
                Case(When(billed_quantity__gt=0, then=0), default=1),
                F("order__issued_at").desc(),
                F("pk").desc(),
            ],
        )
    ).filter(place=1)
    found: dict[Wanted, LastPrice] = {}
    for line in newest.select_related("order__entity"):
        price = _price(line)
        vendor = line.order.vendor_id
        for key in (Wanted(vendor, line.catalog_item_id), Wanted(vendor, None, line.sku)):
            if key in wanted and (key not in found or _better(price, found[key])):
                found[key] = price
    return found


def _price(line: PurchaseOrderLine) -> LastPrice:
    order = line.order
    paid = line.billed_quantity > 0 and line.basis == line.Basis.QUANTITY
    unit_price = line.billed_amount / line.billed_quantity if paid else line.unit_price
    return LastPrice(
        unit_price=round(unit_price, 6),
        currency=order.currency,
        unit=line.unit,
        on=order.entity.day_of(order.issued_at),
        order=order.number or order.legacy_number,
        paid=paid,
    )


def _better(one: LastPrice, other: LastPrice) -> bool:
    return (one.paid, one.on) > (other.paid, other.on)
