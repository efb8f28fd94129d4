"""Which approved demand stands on the price list of a blanket order, and can be released from it.

A requested line stands on the list by its catalog item, else by its article number, else by the
same words; unit and basis must be those that were agreed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q

from accounts.models import User
from core import text
from purchase_orders import drafting
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from requisitions import queries
from requisitions.models import Requisition, RequisitionLine


@dataclass(frozen=True)
class Pair:
    """A requested line with the agreed line it can be taken from, and what of it is left: a
    quantity, or an amount for a line by amount."""

    requested: RequisitionLine
    agreed: PurchaseOrderLine
    left: Decimal


@dataclass(frozen=True)
class Offer:
    """What of one request can be released from one blanket order; `whole`: all that is left."""

    requisition: Requisition
    blanket: PurchaseOrder
    pairs: list[Pair]
    whole: bool


def pairs(
    lines: Iterable[RequisitionLine],
    blanket: PurchaseOrder,
    agreed: Iterable[PurchaseOrderLine],
    left: Mapping[UUID, Decimal],
) -> list[Pair]:
    """Lines of a request that something is left of and that stand on a price list, in order."""
    known: dict[tuple[Any, ...], PurchaseOrderLine] = {}
    for line in agreed:
        if not line.is_cancelled:
            for key in _keys(line):
                known.setdefault(key, line)
    found = []
    for line in lines:
        if (line.vendor_id or line.requisition.vendor_id) != blanket.vendor_id or not left[line.pk]:
            continue
        match = next((known[key] for key in _keys(line) if key in known), None)
        if match is not None:
            found.append(Pair(line, match, left[line.pk]))
    return found


def _keys(line: Any) -> list[tuple[Any, ...]]:
    """How a line is known, the surest first."""
    measure = (line.unit, line.basis)
    named = [
        ("item", line.catalog_item_id),
        ("sku", line.sku.casefold()),
        ("words", text.folded(line.description)),
    ]
    return [(*name, *measure) for name in named if name[1]]


def of_requisition(requisition: Requisition, user: User, *, on: date) -> list[Offer]:
    """The blanket orders in force on a day that some of a request can be released from, the newest
    first. Statements: 5."""
    lines = list(requisition.lines.order_by("line_number"))
    for line in lines:
        line.requisition = requisition
    vendors = {line.vendor_id or requisition.vendor_id for line in lines}
    blankets = _in_force(user, on).filter(vendor__in=vendors, currency=requisition.currency)
    return _offers({requisition: lines}, list(blankets.order_by("-pk")))


def of_blanket(blanket: PurchaseOrder, user: User, *, on: date, most: int) -> list[Offer]:
    """Approved requests that can be released from a blanket order in force, the oldest first.
    Statements: 4."""
    found = list(_in_force(user, on).filter(pk=blanket.pk))
    if not found:
        return []
    vendor = Q(lines__vendor=blanket.vendor_id)
    vendor |= Q(lines__vendor=None, vendor=blanket.vendor_id)
    asked = queries.to_order(user).filter(vendor, currency=blanket.currency).distinct()
    asked = asked.prefetch_related(Prefetch("lines", RequisitionLine.objects.order_by("pk")))
    return _offers({each: list(each.lines.all()) for each in asked[:most]}, found)


def _in_force(user: User, on: date) -> Any:
    begun = Q(valid_from=None) | Q(valid_from__lte=on)
    going = Q(valid_to=None) | Q(valid_to__gte=on)
    found = PurchaseOrder.objects.visible_to(user).filter(
        begun, going, kind=PurchaseOrder.Kind.BLANKET, status=PurchaseOrder.Status.ISSUED
    )
    return found.select_related("vendor").prefetch_related("lines")


def _offers(
    asked: Mapping[Requisition, list[RequisitionLine]], blankets: list[PurchaseOrder]
) -> list[Offer]:
    if not blankets or not asked:
        return []
    left = drafting.left_of([line for lines in asked.values() for line in lines])
    found = []
    for requisition, lines in asked.items():
        open_lines = [line for line in lines if left[line.pk]]
        for blanket in blankets:
            if matching := pairs(lines, blanket, blanket.lines.all(), left):
                whole = len(matching) == len(open_lines)
                found.append(Offer(requisition, blanket, matching, whole))
    return found
