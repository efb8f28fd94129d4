"""Earlier invoices that look like this one, by the tiers of the duplicate rules."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from django.db.models import Q

from invoicing.linking import number_key
from invoicing.matching import Twin
from invoicing.models import Invoice, InvoiceLine
from vendors.models import Vendor

DEAD = (Invoice.Status.RETURNED, Invoice.Status.REJECTED, Invoice.Status.VOID)
_LOOK_ALIKE = ("0O", "1IL", "5S")
_CONFUSABLE = str.maketrans("OIL5", "011S")
_SUFFIX = re.compile(r"(?<=[0-9])A$|(?<=[0-9])[^A-Z0-9]+1$")  # how a number is sent once more
ALIKE_DAYS = timedelta(days=45)
MOST_LOOKED_AT = 200


def twins(invoice: Invoice, *, kin: Collection[UUID] = ()) -> tuple[Twin, ...]:
    """D1 to D6 for an invoice of a known vendor; dead invoices are nobody's twin.

    D1 within one vendor is already refused by a unique constraint; here it catches the same number
    from another company of the vendor's family. `kin` are the vendors who share its bank account
    or its tax id: of them the same number, or the same amount on the same day, is D5.
    """
    if invoice.vendor is None:
        return ()
    near = (invoice.issue_date - ALIKE_DAYS, invoice.issue_date + ALIKE_DAYS)
    alike = Q(number_key__in=_nearly(invoice.number_key)) | Q(
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
        .exclude(status__in=DEAD)
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
        )
        .order_by("-pk")[:MOST_LOOKED_AT]
    )
    found = [
        (
            _tier(invoice, other) if other.vendor_id in family else _kin_tier(invoice, other),
            other,
        )
        for other in others
    ]
    rest = [other for tier, other in found if not tier and other.vendor_id in family]
    named = [(tier, other.number) for tier, other in found if tier]
    named += [("D4", other.number) for other in _of_same_lines(invoice, rest)]
    return tuple(Twin(tier, number) for tier, number in sorted(named))


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
    same_amount = _amount(invoice) == _amount(other)
    if same_amount and invoice.issue_date == other.issue_date:
        return "D3"
    if same_amount and _confusable(invoice.number_key) == _confusable(other.number_key):
        return "D4"
    return "D4" if _one_slip(invoice, other) else ""


def _of_same_lines(invoice: Invoice, others: Iterable[Invoice]) -> list[Invoice]:
    """Those that bill the same order lines at the same amount. Statements: 1 where one may."""
    maybe = [
        other
        for other in others
        if invoice.order_id
        and (other.order_id, *_amount(other)) == (invoice.order_id, *_amount(invoice))
    ]
    if not maybe:
        return []
    billed: dict[UUID, set[UUID | None]] = defaultdict(set)
    lines = InvoiceLine.objects.filter(invoice__in=maybe).order_by()
    for pk, order_line in lines.values_list("invoice", "order_line"):
        billed[pk].add(order_line)
    own = {line.order_line_id for line in invoice.lines.all()}
    return [other for other in maybe if billed[other.pk] == own]


def _kin_tier(invoice: Invoice, other: Invoice) -> str:
    """What an invoice of a vendor with the same account or tax id is to this one."""
    if invoice.original_id and invoice.original_id == other.original_id:
        return "D6"
    same_amount = _amount(invoice) == _amount(other)
    same_day = invoice.issue_date == other.issue_date
    return "D5" if invoice.number_key == other.number_key or (same_amount and same_day) else ""


def _amount(invoice: Invoice) -> tuple[object, str]:
    return invoice.gross, invoice.currency


@lru_cache(maxsize=2 * MOST_LOOKED_AT)  # an invoice's own key is compared with many others
def _look_alikes(key: str) -> frozenset[str]:
    """The keys one slip of the eye away: 0-O, 1-I-l, 5-S; a leading 0 that is an O counts."""
    found = {f"{key[: run.start()]}O{key[run.start() :]}" for run in re.finditer(r"[0-9]+", key)}
    for place, letter in enumerate(key):
        for group in _LOOK_ALIKE:
            if letter in group:
                found |= {f"{key[:place]}{other}{key[place + 1 :]}" for other in group}
    return frozenset(number_key(each) for each in found) - {key, ""}


def _nearly(key: str) -> list[str]:
    """Keys of numbers that may be the same, or the same sent once more with a suffix."""
    return sorted({key, *_look_alikes(key), f"{key}A", f"{key}1", key[:-1]} - {""})


def _one_slip(invoice: Invoice, other: Invoice) -> bool:
    """Whether their numbers are one slip of the eye or one suffix apart: A, or a 1 set apart."""
    one, another = invoice.number_key, other.number_key
    if another in _look_alikes(one) or one in _look_alikes(another):
        return True
    shorter, longer = sorted((invoice, other), key=lambda each: len(each.number_key))
    root, cut = _SUFFIX.subn("", longer.number.strip().upper())
    return bool(cut) and number_key(root) == shorter.number_key


def _confusable(key: str) -> str:
    """Numbers some slips of the eye apart share this: 0-O, 1-I-l, 5-S, a trailing A or -1."""
    plain = key.translate(_CONFUSABLE)
    return plain[:-1] if len(plain) > 3 and plain[-1] in "A1" and plain[-2].isdigit() else plain
