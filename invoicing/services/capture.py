"""Capturing an invoice: from a form, the API or a file, with the original kept as it came."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from accounts.duties import require_apart
from accounts.models import Duty, Entity, Role, User
from accounts.tax import tax_codes
from core import events, files, sealed, text
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.models import StoredFile
from core.money import HUNDRED, ZERO, UnknownCurrency, line_net, minor_units, round_amount
from core.rows import insert
from core.transactions import atomic
from invoicing import queries
from invoicing.duplicates import DEAD
from invoicing.inputs import InvoiceInput, PayeeInput, TaxInput
from invoicing.linking import find_order, find_vendor, link_lines, number_key
from invoicing.models import Invoice, InvoiceCharge, InvoiceLine, InvoiceTax
from invoicing.services.rates import set_rate
from invoicing.services.reading import read_invoice
from vendors import bank

MOST_LINES = 2000
_LIMIT = Decimal(10) ** 12


class DuplicateInvoice(Conflict):
    """`twin` is the invoice that is here already."""

    slug = "duplicate-invoice"
    title = "This invoice is already here."

    def __init__(self, detail: str, *, twin: Invoice | None) -> None:
        super().__init__(detail)
        self.twin = twin


@atomic
def capture(
    *,
    entity: Entity,
    data: InvoiceInput,
    actor: User,
    at: datetime,
    source: str = Invoice.Source.FORM,
    original: StoredFile | None = None,
) -> Invoice:
    """Take an invoice in and have it matched. Nothing is committed or spent by it yet.

    Raises Invalid with the fields at fault, NotAllowed for people outside accounts payable,
    DutiesConflict for whoever did what is kept apart from entering invoices, and DuplicateInvoice
    when this vendor's number is already here in the same year.
    """
    if actor.entity_id != entity.pk or not actor.has_role(Role.AP_CLERK, Role.AP_MANAGER):
        raise NotAllowed("Only accounts payable captures invoices.")
    _require_valid(data, by_hand=original is None)
    vendor = data.vendor or find_vendor(entity, name=data.vendor_name, tax_id=data.vendor_tax_id)
    order = find_order(entity, data.order_reference, vendor=vendor, currency=data.currency)
    if vendor is None and order is not None and not data.vendor_name:
        vendor = order.vendor
    require_apart(
        entity=entity,
        person=actor,
        duty=Duty.ENTER_INVOICE,
        performed=queries.performed_on(order),
        at=at,
        about=order,
    )
    order_lines = link_lines(order, data.lines)
    invoice = Invoice(
        entity=entity,
        created_at=at,
        number=data.number.strip(),
        number_key=number_key(data.number),
        kind=data.kind,
        vendor=vendor,
        vendor_name=data.vendor_name or (vendor.name if vendor else ""),
        order=order,
        order_reference=data.order_reference.strip(),
        issue_date=data.issue_date,
        due_date=data.due_date,
        is_final=data.is_final,
        currency=data.currency,
        source=source,
        original=original,
        payee_accounts=[_payee(each) for each in data.payee_accounts],
        flags=list(data.flags),
        captured_by=actor,
    )
    set_rate(invoice, today=entity.day_of(at))
    invoice._history_user = actor
    lines = _lines(invoice, data, order_lines, entity)
    taxes = data.taxes or _breakdown(lines, data)
    _set_totals(invoice, data, lines, taxes)
    _store(invoice, lines, taxes, data)
    events.publish(
        "invoice.captured",
        invoice,
        actor=actor,
        at=at,
        data={"order": str(order.pk) if order else None, "source": source},
    )
    return invoice


@atomic
def import_file(
    *, entity: Entity, data: bytes, filename: str, actor: User, at: datetime
) -> Invoice:
    """Take in a UBL 2.1 invoice or credit note; the file is kept as it came.

    Raises Invalid naming every broken EN 16931 rule, and DuplicateInvoice for a file that is
    already here.
    """
    captured = read_invoice(data)
    original = files.store(data, content_type="application/xml", at=at)
    # Held to the end, so that of the same file twice at this moment the second sees the first.
    StoredFile.objects.select_for_update(no_key=True).get(pk=original.pk)
    twin = Invoice.objects.filter(entity=entity, original=original).exclude(status__in=DEAD).first()
    if twin is not None:
        detail = f"{filename or 'This file'} came before as invoice {twin.number}."
        raise DuplicateInvoice(detail, twin=twin)
    return capture(
        entity=entity,
        data=captured,
        actor=actor,
        at=at,
        source=Invoice.Source.UBL,
        original=original,
    )


def _require_valid(data: InvoiceInput, *, by_hand: bool) -> None:
    errors = [*(_keyed_errors(data) if by_hand else ()), *_text_errors(data)]

    def wrong(pointer: str, code: str, detail: str) -> None:
        errors.append(FieldError(pointer, code, detail))

    if not number_key(data.number):
        wrong("/number", "required", "Give the vendor's invoice number.")
    if data.due_date and data.due_date < data.issue_date:
        wrong("/due_date", "before_issue", "An invoice is not due before it is issued.")
    if data.is_final and data.kind != Invoice.Kind.INVOICE:
        wrong("/is_final", "not_billed", "A credit note bills nothing: only an invoice is final.")
    try:
        minor_units(data.currency)
    except UnknownCurrency:
        wrong("/currency", "unknown", f"“{data.currency}” is not an ISO 4217 currency.")
    if not data.lines:
        wrong("/lines", "required", "An invoice has at least one line.")
    if len(data.lines) > MOST_LINES:
        wrong("/lines", "too_many", f"At most {MOST_LINES} lines.")
    for index, line in enumerate(data.lines):
        if line.price_base_quantity <= 0:
            wrong(f"/lines/{index}/price_base_quantity", "min_value", "Must be more than zero.")
        for name in ("quantity", "unit_price"):
            value = getattr(line, name)
            if not value.is_finite() or abs(value) >= _LIMIT:
                wrong(f"/lines/{index}/{name}", "out_of_range", "This number cannot be right.")
            elif value != round(value, 6):
                wrong(f"/lines/{index}/{name}", "max_decimals", "At most six decimals.")
    if errors:
        raise Invalid(errors=errors)


def _text_errors(data: InvoiceInput) -> Iterator[FieldError]:
    """Texts that would not fit, or hide something. What only describes is cut where it is kept."""
    for name, most in (("number", 64), ("order_reference", 64), ("vendor_name", 200)):
        yield from text.check(getattr(data, name), f"/{name}", most=most)
    for index, line in enumerate(data.lines[:MOST_LINES]):
        for name, most in (("unit", 8), ("tax_category", 2), ("tax_code", 16)):
            yield from text.check(getattr(line, name), f"/lines/{index}/{name}", most=most)
    for index, charge in enumerate(data.charges):
        yield from text.check(charge.tax_category, f"/charges/{index}/tax_category", most=2)
    for index, row in enumerate(data.taxes):
        yield from text.check(row.category, f"/taxes/{index}/category", most=2)


def _payee(said: PayeeInput) -> dict[str, str]:
    """An account as the invoice names it: sealed, comparable, and the last four for people."""
    number = bank.read(said.number, said.branch)
    return {
        "sealed": sealed.seal(number.words),
        "index": number.index,
        "shown": " ".join(filter(None, [number.country, f"••••{number.last_four}"])),
    }


def _keyed_errors(data: InvoiceInput) -> Iterator[FieldError]:
    """Typing errors of what is keyed by hand; what a file says is kept as it is, and flagged."""
    yield from _payee_errors(data)
    for index, line in enumerate(data.lines[:MOST_LINES]):
        if line.unit_price < 0:
            words = "A price is not negative: bill back a negative quantity, or key a discount."
            yield FieldError(f"/lines/{index}/unit_price", "min_value", words)
    for name, rows in (("lines", data.lines[:MOST_LINES]), ("charges", data.charges)):
        for index, row in enumerate(rows):
            if row.tax_percent is not None and not ZERO <= row.tax_percent <= HUNDRED:
                pointer = f"/{name}/{index}/tax_percent"
                yield FieldError(pointer, "out_of_range", "Tax is from 0 to 100 percent.")


def _payee_errors(data: InvoiceInput) -> list[FieldError]:
    errors = []
    for each in data.payee_accounts:
        number = bank.read(each.number, each.branch)
        if faults := text.check(each.number, "/payee_account", most=bank.MOST, required=True):
            errors += faults
        elif number.is_iban:
            errors += bank.iban_errors(number, "/payee_account")
    return errors


def _lines(
    invoice: Invoice, data: InvoiceInput, order_lines: list[Any], entity: Entity
) -> list[InvoiceLine]:
    codes = tax_codes(entity)
    lines = []
    for position, (line, order_line) in enumerate(
        zip(data.lines, order_lines, strict=True), start=1
    ):
        code = codes.get(line.tax_code)
        net = line.net
        if net is None:
            net = line_net(
                quantity=line.quantity,
                unit_price=line.unit_price,
                currency=data.currency,
                base_quantity=line.price_base_quantity,
            )
        lines.append(
            InvoiceLine(
                invoice=invoice,
                line_number=position,
                reference=line.reference[:64],
                order_line=order_line,
                order_line_reference=line.order_line_reference[:64],
                description=line.description[:500],
                quantity=line.quantity,
                unit=line.unit or (order_line.unit if order_line else ""),
                unit_price=line.unit_price,
                price_base_quantity=line.price_base_quantity,
                net=net,
                tax_code=line.tax_code,
                tax_category=line.tax_category or (code.category if code else ""),
                tax_percent=line.tax_percent
                if line.tax_percent is not None
                else (code.percent if code else None),
            )
        )
    return lines


def _breakdown(lines: list[InvoiceLine], data: InvoiceInput) -> list[TaxInput]:
    """Tax per category and rate on the summed base, never per line."""
    bases: dict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.tax_percent is not None:
            bases[line.tax_category, line.tax_percent] += line.net
    for charge in data.charges:
        if charge.tax_percent is not None:
            bases[charge.tax_category, charge.tax_percent] += charge.amount
    return [
        TaxInput(category, percent, base, round_amount(base * percent / 100, data.currency))
        for (category, percent), base in sorted(bases.items())
    ]


def _set_totals(
    invoice: Invoice, data: InvoiceInput, lines: list[InvoiceLine], taxes: list[TaxInput]
) -> None:
    """Totals as written; what is not written follows from the lines."""
    net = sum((line.net for line in lines), ZERO) + sum((c.amount for c in data.charges), ZERO)
    invoice.net = net if data.net is None else data.net
    tax = sum((row.tax for row in taxes), ZERO)
    invoice.tax = tax if data.tax is None else data.tax
    invoice.gross = invoice.net + invoice.tax if data.gross is None else data.gross
    invoice.payable = invoice.gross if data.payable is None else data.payable


def _store(
    invoice: Invoice, lines: list[InvoiceLine], taxes: list[TaxInput], data: InvoiceInput
) -> None:
    save_once(invoice)
    charges = [
        InvoiceCharge(
            invoice=invoice,
            reason=charge.reason[:200],
            amount=charge.amount,
            tax_category=charge.tax_category,
            tax_percent=charge.tax_percent,
        )
        for charge in data.charges
    ]
    breakdown = [
        InvoiceTax(
            invoice=invoice,
            category=row.category,
            percent=row.percent,
            taxable=row.taxable,
            tax=row.tax,
        )
        for row in taxes
    ]
    for each in (lines, charges, breakdown):
        insert(each)


def save_once(invoice: Invoice) -> None:
    """Save an invoice unless its vendor's number is here already. Raises DuplicateInvoice.

    The database decides, so that of two at the same moment one is refused.
    """
    try:
        with transaction.atomic():
            invoice.save()
    except IntegrityError as error:
        if "live_invoice_once" not in str(error):
            raise
        sender = invoice.vendor or invoice.vendor_name
        same = Invoice.objects.exclude(status__in=DEAD).filter(
            entity=invoice.entity_id,
            vendor=invoice.vendor_id,
            kind=invoice.kind,
            number_key=invoice.number_key,
            issue_date__year=invoice.issue_date.year,
        )
        detail = f"Invoice {invoice.number} of {sender} is already here."
        raise DuplicateInvoice(detail, twin=same.first()) from error
