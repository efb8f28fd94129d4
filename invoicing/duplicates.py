"""Earlier invoices that look like this one, by the tiers of the duplicate rules."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Case, Q, QuerySet, Value, When

from core.composed import Composed
from invoicing.linking import number_key
from invoicing.matching import Twin
from invoicing.models import Invoice, InvoiceLine
from vendors.standing import Standing

DEAD = (Invoice.Status.RETURNED, Invoice.Status.REJECTED, Invoice.Status.VOID)
_LOOK_ALIKE = ("0O", "1IL", "5S")
_CONFUSABLE = str.maketrans("OIL5", "011S")
_SUFFIX = re.compile(r"(?<=[0-9])A$|(?<=[0-9])[^A-Z0-9]+1$")  # how a number is sent once more
ALIKE_DAYS = timedelta(days=45)
MOST_LOOKED_AT = 200
MOST_NAMED = 5  # of a tier that only warns: the newest
_WARNINGS = ("D3", "D4")


class Other(NamedTuple):
    """What is compared of another invoice."""

    id: UUID
    number: str
    number_key: str
    issue_date: date
    gross: Decimal
    currency: str
    vendor_id: UUID
    order_id: UUID | None
    original_id: Any


def twins(invoice: Invoice, known: Standing) -> tuple[Twin, ...]:
    """D1 to D6 for an invoice of a known vendor; dead invoices are nobody's twin.

    D1 within one vendor is already refused by a unique constraint; here it catches the same number
    from another company of the vendor's family. Of its kin, the vendors who share a bank account or
    the tax id, the same number, or the same amount on the same day, is D5. Statements: 1, and 1
    where one may bill the same order lines.
    """
    if invoice.vendor is None:
        return ()
    family = sorted(known.family)
    others = map(Other._make, _alike(*_values(invoice, family, known.kin)))
    found = [
        (_tier(invoice, other) if other.vendor_id in family else _kin_tier(invoice, other), other)
        for other in others
    ]
    rest = [other for tier, other in found if not tier and other.vendor_id in family]
    found += [("D4", other) for other in _of_same_lines(invoice, rest)]
    named: dict[str, list[str]] = defaultdict(list)
    for tier, other in sorted(found, key=lambda each: each[1].id, reverse=True):
        if tier and (tier not in _WARNINGS or len(named[tier]) < MOST_NAMED):
            named[tier].append(other.number)
    return tuple(Twin(tier, number) for tier in sorted(named) for number in sorted(named[tier]))


def _values(invoice: Invoice, family: list[UUID], kin: Collection[UUID]) -> tuple[Any, ...]:
    """What `_alike` is asked with, in order."""
    kept: Any = Invoice._meta.get_field("gross")
    day, others = invoice.issue_date, sorted({*kin} - {*family})
    return (
        *(invoice.entity_id, invoice.kind, invoice.pk, family, _nearly(invoice.number_key)),
        *(kept.get_db_prep_value(invoice.gross, connection), invoice.currency),
        *(day - ALIKE_DAYS, day + ALIKE_DAYS, invoice.order_id, invoice.original_id),
        *((others, day) if others else (None, None)),
    )


def _rows(
    entity: UUID,
    kind: str,
    own: UUID,
    family: list[UUID],
    nearly: list[str],
    gross: Any,
    currency: str,
    first: date,
    last: date,
    order: UUID | None,
    original: Any,
    kin: list[UUID] | None,
    day: date | None,
) -> QuerySet[Invoice, tuple]:
    """Those that may be twins. What may stop the invoice comes first, so that no crowd of invoices
    over the same amount hides it; then what bills the same order; the newest of each first."""
    numbered, file = Q(number_key__in=nearly), Q() if original is None else Q(original=original)
    amount = Q(gross=Value(gross), currency=currency, issue_date__range=(first, last))
    grave = numbered | file | (Q() if kin is None else Q(vendor__in=kin, issue_date=day))
    rank = Case(When(grave, then=0), *([When(order=order, then=1)] if order else []), default=2)
    return (
        Invoice.objects.filter(
            numbered | file | amount, entity=entity, kind=kind, vendor__in=[*family, *(kin or [])]
        )
        .exclude(status__in=DEAD)
        .exclude(pk=own)
        .order_by(rank, "-id")
        .values_list(*Other._fields)[:MOST_LOOKED_AT]
    )


_alike = Composed(_rows)


def _tier(invoice: Invoice, other: Other) -> str:
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


def _of_same_lines(invoice: Invoice, others: Iterable[Other]) -> list[Other]:
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
    lines = InvoiceLine.objects.filter(invoice__in=[each.id for each in maybe]).order_by()
    for pk, order_line in lines.values_list("invoice", "order_line"):
        billed[pk].add(order_line)
    own = {line.order_line_id for line in invoice.lines.all()}
    return [other for other in maybe if billed[other.id] == own]


def _kin_tier(invoice: Invoice, other: Other) -> str:
    """What an invoice of a vendor with the same account or tax id is to this one."""
    if invoice.original_id and invoice.original_id == other.original_id:
        return "D6"
    same_amount = _amount(invoice) == _amount(other)
    same_day = invoice.issue_date == other.issue_date
    return "D5" if invoice.number_key == other.number_key or (same_amount and same_day) else ""


def _amount(invoice: Invoice | Other) -> tuple[object, str]:
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


def _one_slip(invoice: Invoice, other: Other) -> bool:
    """Whether their numbers are one slip of the eye or one suffix apart: A, or a 1 set apart."""
    one, another = invoice.number_key, other.number_key
    if another in _look_alikes(one) or one in _look_alikes(another):
        return True
    pair: list[Invoice | Other] = [invoice, other]
    shorter, longer = sorted(pair, key=lambda each: len(each.number_key))
    root, cut = _SUFFIX.subn("", longer.number.strip().upper())
    return bool(cut) and number_key(root) == shorter.number_key


def _confusable(key: str) -> str:
    """Numbers some slips of the eye apart share this: 0-O, 1-I-l, 5-S, a trailing A or -1."""
    plain = key.translate(_CONFUSABLE)
    return plain[:-1] if len(plain) > 3 and plain[-1] in "A1" and plain[-2].isdigit() else plain
