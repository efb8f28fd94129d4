"""Mandatory parts of a document, of its lines and of its allowances (BR-01 … BR-65, BR-CO-03 …)."""

import re
from collections.abc import Callable, Iterator

from babel import Locale

from core.ubl import VAT

from ..documents import AllowanceCharge, CapturedInvoice, CapturedLine, Period
from .broken import BrokenRule

CREDIT_TRANSFER = ("30", "58")
TWO_LETTERS = re.compile(r"[A-Z]{2}\Z")

# Prefixes of VAT numbers: country codes, Greece's own, Northern Ireland, Kosovo as registered.
VAT_PREFIXES = (
    frozenset(code for code in map(str, Locale.parse("en").territories) if TWO_LETTERS.match(code))
    - {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ", "UK"}
) | {"EL", "XI", "1A"}

# (rule, what must hold, where, sentence when it does not)
OF_DOCUMENT: tuple[tuple[str, Callable[[CapturedInvoice], object], str, str], ...] = (
    (
        "BR-01",
        lambda i: i.customization,
        "Header",
        "It does not say which specification it follows.",
    ),
    ("BR-02", lambda i: i.number, "Header", "It has no invoice number."),
    ("BR-03", lambda i: i.issue_date_stated, "Header", "It has no issue date."),
    ("BR-04", lambda i: i.type_code, "Header", "It has no invoice type code."),
    ("BR-05", lambda i: i.currency_stated, "Header", "It does not state its currency."),
    (
        "BR-06",
        lambda i: i.supplier.legal_name,
        "Seller",
        "The seller's registered name is missing.",
    ),
    ("BR-07", lambda i: i.buyer.legal_name, "Buyer", "The buyer's registered name is missing."),
    ("BR-08", lambda i: i.supplier.has_address, "Seller", "The seller's address is missing."),
    (
        "BR-09",
        lambda i: i.supplier.country or not i.supplier.has_address,
        "Seller",
        "The seller's address has no country.",
    ),
    ("BR-10", lambda i: i.buyer.has_address, "Buyer", "The buyer's address is missing."),
    (
        "BR-11",
        lambda i: i.buyer.country or not i.buyer.has_address,
        "Buyer",
        "The buyer's address has no country.",
    ),
    (
        "BR-12",
        lambda i: i.totals.line_extension is not None,
        "Totals",
        "The sum of the lines is missing.",
    ),
    (
        "BR-13",
        lambda i: i.totals.tax_exclusive is not None,
        "Totals",
        "The total without tax is missing.",
    ),
    (
        "BR-14",
        lambda i: i.totals.tax_inclusive is not None,
        "Totals",
        "The total with tax is missing.",
    ),
    ("BR-15", lambda i: i.totals.payable is not None, "Totals", "The amount due is missing."),
    ("BR-16", lambda i: i.lines, "Lines", "It has no lines."),
    ("BR-17", lambda i: not i.payee or i.payee.name, "Payee", "The payee has no name."),
    (
        "BR-18",
        lambda i: not i.tax_representative or i.tax_representative.name,
        "Tax representative",
        "The tax representative has no name.",
    ),
    (
        "BR-19",
        lambda i: not i.tax_representative or i.tax_representative.has_address,
        "Tax representative",
        "The tax representative has no address.",
    ),
    (
        "BR-20",
        lambda i: (
            not i.tax_representative
            or not i.tax_representative.has_address
            or i.tax_representative.country
        ),
        "Tax representative",
        "The tax representative's address has no country.",
    ),
    (
        "BR-53",
        lambda i: not i.tax_currency or i.tax_total_in_tax_currency is not None,
        "Totals",
        "A tax currency is named, but the tax is not given in it.",
    ),
    (
        "BR-56",
        lambda i: not i.tax_representative or i.tax_representative.vat_ids,
        "Tax representative",
        "The tax representative has no VAT number.",
    ),
    (
        "BR-57",
        lambda i: not i.has_deliver_to_address or i.deliver_to_country,
        "Delivery",
        "The delivery address has no country.",
    ),
    (
        "BR-62",
        lambda i: not i.supplier.endpoint or i.supplier.endpoint_scheme,
        "Seller",
        "The seller's electronic address does not name its scheme.",
    ),
    (
        "BR-63",
        lambda i: not i.buyer.endpoint or i.buyer.endpoint_scheme,
        "Buyer",
        "The buyer's electronic address does not name its scheme.",
    ),
    (
        "BR-CO-03",
        lambda i: not (i.tax_point_date and i.period and i.period.code),
        "Header",
        "The tax point is given both as a date and as a code.",
    ),
    (
        "BR-CO-18",
        lambda i: any(total.rows for total in i.tax_totals),
        "Tax",
        "There is no tax breakdown.",
    ),
    (
        "BR-CO-25",
        lambda i: (
            i.kind != "invoice" or not (i.totals.payable or 0) > 0 or i.due_date or i.payment_terms
        ),
        "Payment",
        "An amount is due, but neither a due date nor payment terms are given.",
    ),
    (
        "BR-CO-26",
        lambda i: i.supplier.vat_ids or i.supplier.identifiers or i.supplier.company_id,
        "Seller",
        "The seller names no VAT number, registration or identifier.",
    ),
)

OF_LINE: tuple[tuple[str, Callable[[CapturedLine], object], str], ...] = (
    ("BR-21", lambda line: line.line_number, "The line has no number."),
    ("BR-22", lambda line: line.has_quantity, "The line has no quantity."),
    ("BR-23", lambda line: line.has_unit, "The line's quantity has no unit."),
    ("BR-24", lambda line: line.net is not None, "The line has no net amount."),
    ("BR-25", lambda line: line.name, "The line does not name its item."),
    ("BR-26", lambda line: line.unit_price is not None, "The line has no price."),
    (
        "BR-27",
        lambda line: line.unit_price is None or line.unit_price >= 0,
        "The line's price is negative.",
    ),
    (
        "BR-28",
        lambda line: line.gross_price is None or line.gross_price >= 0,
        "The line's gross price is negative.",
    ),
    (
        "BR-CO-04",
        lambda line: line.tax and line.tax.scheme == VAT and line.tax.code,
        "The line has no VAT category.",
    ),
)


def document(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Parts a document must have."""
    for rule, holds, place, sentence in OF_DOCUMENT:
        if not holds(invoice):
            yield BrokenRule(rule, sentence, place)


def lines(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Parts each line must have."""
    for index, line in enumerate(invoice.lines, start=1):
        place = f"Line {line.line_number or f'no. {index}'}"
        for rule, holds, sentence in OF_LINE:
            if not holds(line):
                yield BrokenRule(rule, sentence, place)
        yield from _period(line.period, place, dates="BR-30", empty="BR-CO-20", code_will_do=False)
        for item in line.allowances_charges:
            yield from _allowance_charge(item, place, of_line=True)


def period(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """The billing period of the document."""
    yield from _period(invoice.period, "Period", dates="BR-29", empty="BR-CO-19", code_will_do=True)


def allowances_charges(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Allowances and charges of the document."""
    for item in invoice.allowances_charges:
        yield from _allowance_charge(item, "Charge" if item.charge else "Allowance", of_line=False)


def tax_rows(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Parts each row of the tax breakdown must have."""
    for total in invoice.tax_totals:
        for row in total.rows:
            place = f"Tax breakdown {row.category}".strip()
            vat = row.tax is not None and row.tax.scheme == VAT
            if row.taxable is None:
                yield BrokenRule("BR-45", "The row has no taxable amount.", place)
            if row.amount is None:
                yield BrokenRule("BR-46", "The row has no tax amount.", place)
            if not (vat and row.category):
                yield BrokenRule("BR-47", "The row has no VAT category.", place)
            elif row.percent is None and row.category != "O":
                yield BrokenRule("BR-48", "The row has no VAT rate.", place)


def payment(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """How the document wants to be paid."""
    for means in invoice.payment_means:
        if not means.code:
            yield BrokenRule("BR-49", "A payment instruction has no means code.", "Payment")
        if means.code in CREDIT_TRANSFER:
            if means.account and not means.account.account:
                yield BrokenRule("BR-50", "A credit transfer names no account.", "Payment")
            if not (means.account and means.account.account):
                yield BrokenRule(
                    "BR-61", "Credit transfer is asked for without account.", "Payment"
                )


def references(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Earlier invoices are named by number."""
    for reference in invoice.preceding_invoices:
        if not reference.number:
            yield BrokenRule("BR-55", "A preceding invoice is named without number.", "References")


def vat_numbers(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """VAT numbers begin with a country."""
    parties = (
        ("Seller", invoice.supplier),
        ("Buyer", invoice.buyer),
        ("Tax representative", invoice.tax_representative),
    )
    for place, party in parties:
        for number in party.vat_ids if party else ():
            if number[:2] not in VAT_PREFIXES:
                yield BrokenRule(
                    "BR-CO-09",
                    f"The VAT number {number} does not begin with a country code.",
                    place,
                    actual=number,
                )


def _period(
    given: Period | None, place: str, *, dates: str, empty: str, code_will_do: bool
) -> Iterator[BrokenRule]:
    if given is None:
        return
    if given.start and given.end and given.end < given.start:
        yield BrokenRule(
            dates,
            f"The period ends on {given.end}, before it starts on {given.start}.",
            place,
            actual=str(given.end),
        )
    if not (given.start or given.end or (code_will_do and given.code)):
        yield BrokenRule(empty, "The period has neither start nor end.", place)


def _allowance_charge(item: AllowanceCharge, place: str, *, of_line: bool) -> Iterator[BrokenRule]:
    """The same three demands under other ids: amount, reason (two ids) and, on documents, tax."""
    ids = {
        (False, False): ("BR-31", "BR-33", "BR-CO-21"),
        (False, True): ("BR-36", "BR-38", "BR-CO-22"),
        (True, False): ("BR-41", "BR-42", "BR-CO-23"),
        (True, True): ("BR-43", "BR-44", "BR-CO-24"),
    }
    no_amount, no_reason, no_reason_either = ids[of_line, item.charge]
    word = "charge" if item.charge else "allowance"
    if item.amount is None:
        yield BrokenRule(no_amount, f"The {word} has no amount.", place)
    if not (item.reason or item.reason_code):
        for rule in (no_reason, no_reason_either):
            yield BrokenRule(rule, f"The {word} gives no reason.", place)
    if not of_line and not (item.tax and item.tax.scheme == VAT and item.tax.code):
        rule = "BR-37" if item.charge else "BR-32"
        yield BrokenRule(rule, f"The {word} has no VAT category.", place)


IDS = frozenset(
    {rule for rule, *_ in OF_DOCUMENT}
    | {rule for rule, *_ in OF_LINE}
    | {"BR-29", "BR-30", "BR-31", "BR-32", "BR-33", "BR-36", "BR-37", "BR-38", "BR-41", "BR-42"}
    | {"BR-43", "BR-44", "BR-45", "BR-46", "BR-47", "BR-48", "BR-49", "BR-50", "BR-55", "BR-61"}
    | {f"BR-CO-{number}" for number in ("09", "19", "20", "21", "22", "23", "24")}
)
RULES = (
    document,
    lines,
    period,
    allowances_charges,
    tax_rows,
    payment,
    references,
    vat_numbers,
)
