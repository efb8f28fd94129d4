"""Whose invoice it is and what it bills: vendor, order and order lines behind what is written."""

import re
import unicodedata
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Entity
from core.composed import Composed
from invoicing.inputs import InvoiceLineInput
from purchase_orders.models import PurchaseOrder, PurchaseOrderLine
from vendors.models import Vendor


def number_key(number: str) -> str:
    """A vendor's number without spelling: A–Z and 0–9, no leading zeros in a run of digits."""
    plain = re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKC", number).upper())
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", plain)[:64]


def find_vendor(entity: Entity, *, name: str, tax_id: str) -> Vendor | None:
    """The one vendor with this tax id, else the one with this name; None when it is not clear."""
    known = Vendor.objects.filter(entity=entity)
    for condition in (Q(tax_id__iexact=tax_id.strip()), Q(name__iexact=name.strip())):
        if condition.children[0][1]:
            found = list(known.filter(condition)[:2])
            if len(found) == 1:
                return found[0]
    return None


def find_order(
    entity: Entity, reference: str, *, vendor: Vendor | None, currency: str
) -> PurchaseOrder | None:
    """The order an invoice names, by our number or the number it came with.

    Several orders may share an old number: the vendor's own, then one in the same currency, wins.
    """
    said = reference.strip()
    if not said:
        return None
    # As it is spelled there is an index for it; other spellings are looked for only without it.
    found = _as_spelled(entity.pk, said.upper(), said)
    return max(
        found or _placed(entity.pk).filter(legacy_number__iexact=said),
        key=lambda order: (
            vendor is not None and order.vendor_id == vendor.pk,
            order.currency == currency,
            order.pk,
        ),
        default=None,
    )


def _placed(entity: UUID) -> QuerySet[PurchaseOrder]:
    placed = PurchaseOrder.objects.exclude(status=PurchaseOrder.Status.DRAFT)
    return placed.filter(entity=entity).select_related("vendor")


_as_spelled = Composed[PurchaseOrder](
    lambda entity, number, legacy: _placed(entity).filter(
        Q(number=number) | Q(legacy_number=legacy)
    )
)


_lines = Composed[PurchaseOrderLine](
    lambda order: PurchaseOrderLine.objects.filter(order=order).order_by("line_number")
)


def link_lines(
    order: PurchaseOrder | None, lines: Sequence[InvoiceLineInput]
) -> list[PurchaseOrderLine | None]:
    """The order line of each billed line: as given, by reference, by being the only one, by text.

    None where more than one could be meant: a person decides, the match says so.
    """
    if order is None:
        return [None for _ in lines]
    order_lines = _lines(order.pk)
    by_number = {str(line.line_number): line for line in order_lines}
    by_id = {line.pk: line for line in order_lines}
    linked: list[PurchaseOrderLine | None] = []
    for line in lines:
        given = by_id.get(line.order_line.pk) if line.order_line else None
        linked.append(
            given or by_number.get(line.order_line_reference.strip()) or _by_text(line, order_lines)
        )
    return linked


def _by_text(
    line: InvoiceLineInput, order_lines: list[PurchaseOrderLine]
) -> PurchaseOrderLine | None:
    if len(order_lines) == 1:
        return order_lines[0]
    said = line.description.casefold()
    alike = [
        each
        for each in order_lines
        if (each.sku and each.sku.casefold() in said) or each.description.casefold() == said
    ]
    return alike[0] if len(alike) == 1 else None
