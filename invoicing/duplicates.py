"""Earlier invoices that look like this one, by the tiers of the duplicate rules."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.db.models import Q

from invoicing.matching import Twin
from invoicing.models import Invoice
from vendors.models import Vendor

_DEAD = (Invoice.Status.RETURNED, Invoice.Status.REJECTED, Invoice.Status.VOID)
_CONFUSABLE = str.maketrans("OIL5", "011S")
ALIKE_DAYS = timedelta(days=45)


def twins(invoice: Invoice, *, kin: Collection[UUID] = ()) -> tuple[Twin, ...]:
    """D1 to D6 for an invoice of a known vendor; dead invoices are nobody's twin.

    D1 within one vendor is already refused by a unique constraint; here it catches the same number
    from another company of the vendor's family. `kin` are the vendors who share its bank account
    or its tax id: of them the same number, or the same amount on the same day, is D5.
    """
    if invoice.vendor is None:
        return ()
    near = (invoice.issue_date - ALIKE_DAYS, invoice.issue_date + ALIKE_DAYS)
    alike = Q(number_key=invoice.number_key) | Q(
        gross=invoice.gross, currency=invoice.currency, issue_date__range=near
    )
    if invoice.original_id:
        alike |= Q(original=invoice.original_id)
    family = _family(invoice.vendor)
    others = (
        Invoice.objects.filter(
            alike,
            entity_id=invoice.entity_id,
            kind=invoice.kind,
            vendor__in=sorted({*family, *kin}),
        )
        .exclude(status__in=_DEAD)
        .exclude(pk=invoice.pk)
        .only(
            "number",
            "number_key",
            "issue_date",
            "gross",
            "currency",
            "net",
            "order_id",
            "original_id",
            "vendor_id",
        )[:200]
    )
    found = [
        (
            _tier(invoice, other) if other.vendor_id in family else _kin_tier(invoice, other),
            other.number,
        )
        for other in others
    ]
    return tuple(Twin(tier, number) for tier, number in sorted(f for f in found if f[0]))


def _family(vendor: Vendor) -> list[UUID]:
    """The vendor and the companies of its family."""
    if not vendor.family:
        return [vendor.pk]
    family = Vendor.objects.filter(entity_id=vendor.entity_id, family=vendor.family)
    return list(family.values_list("pk", flat=True))


def _tier(invoice: Invoice, other: Invoice) -> str:
    if invoice.original_id and invoice.original_id == other.original_id:
        return "D6"
    if invoice.number_key == other.number_key:
        return "D1" if invoice.issue_date.year == other.issue_date.year else "D2"
    same_amount = (invoice.gross, invoice.currency) == (other.gross, other.currency)
    if same_amount and invoice.issue_date == other.issue_date:
        return "D3"
    if _confusable(invoice.number_key) == _confusable(other.number_key) and same_amount:
        return "D4"
    return ""


def _kin_tier(invoice: Invoice, other: Invoice) -> str:
    """What an invoice of a vendor with the same account or tax id is to this one."""
    if invoice.original_id and invoice.original_id == other.original_id:
        return "D6"
    same_amount = (invoice.gross, invoice.currency) == (other.gross, other.currency)
    same_day = invoice.issue_date == other.issue_date
    return "D5" if invoice.number_key == other.number_key or (same_amount and same_day) else ""


def _confusable(key: str) -> str:
    """Numbers one slip of the eye apart share this: 0-O, 1-I-l, 5-S, a trailing A or -1."""
    plain = key.translate(_CONFUSABLE)
    return plain[:-1] if len(plain) > 3 and plain[-1] in "A1" and plain[-2].isdigit() else plain
