"""Arithmetic of the totals: BR-CO-10 … BR-CO-17, the line's own arithmetic, decimals (BR-DEC)."""

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_UP, Decimal

from core.ubl import VAT

from ..documents import CapturedInvoice
from .broken import BrokenRule, figure

CENT = Decimal("0.01")
ZERO = Decimal(0)
HUNDRED = Decimal(100)
LINE_SLACK = Decimal("0.02")
MAX_DECIMALS = 2

LINE_RULE = "PEPPOL-EN16931-R120"


def cents(value: Decimal) -> Decimal:
    """Rounded half up to two decimals, as the rules of the standard do."""
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def total(values: Iterable[Decimal | None]) -> Decimal:
    """Sum of the figures that are there."""
    return sum((value for value in values if value is not None), ZERO)


def sum_of_lines(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-10: the stated sum of lines is the sum of the lines."""
    stated = invoice.totals.line_extension
    expected = cents(total(line.net for line in invoice.lines))
    if stated is not None and stated != expected:
        yield _sum("BR-CO-10", "The sum of the lines", expected, stated)


def sums_of_allowances_and_charges(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-11, BR-CO-12: the stated sums of allowances and of charges are their sums."""
    sides = (
        ("BR-CO-11", "The sum of allowances", False, invoice.totals.allowance),
        ("BR-CO-12", "The sum of charges", True, invoice.totals.charge),
    )
    for rule, name, charge, stated in sides:
        items = [item for item in invoice.allowances_charges if item.charge == charge]
        expected = cents(total(item.amount for item in items))
        if stated is None and not items:
            continue
        if stated != expected:
            yield _sum(rule, name, expected, stated)


def total_without_tax(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-13: lines − allowances + charges."""
    totals = invoice.totals
    if totals.tax_exclusive is None or totals.line_extension is None:
        return
    expected = cents(totals.line_extension - (totals.allowance or ZERO) + (totals.charge or ZERO))
    if totals.tax_exclusive != expected:
        yield _sum("BR-CO-13", "The total without tax", expected, totals.tax_exclusive)


def sum_of_tax(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-14: the tax is the sum of its breakdown."""
    for stated in invoice.tax_totals:
        expected = cents(total(row.amount for row in stated.rows))
        if stated.rows and stated.amount != expected:
            yield _sum("BR-CO-14", "The tax", expected, stated.amount)


def total_with_tax(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-15: total without tax + tax, the tax given once in document currency."""
    if not invoice.currency or invoice.totals.tax_exclusive is None:
        return
    taxes = [t for t in invoice.tax_totals if t.currency == invoice.currency]
    if invoice.currency_stated and len(taxes) != 1:
        sentence = (
            f"The tax is given {len(taxes)} times in {invoice.currency}; it must be given once."
        )
        yield BrokenRule("BR-CO-15", sentence, "Totals", "1", str(len(taxes)))
        return
    stated = invoice.totals.tax_inclusive
    expected = cents(invoice.totals.tax_exclusive + total(t.amount for t in taxes))
    if stated is not None and stated != expected:
        yield _sum("BR-CO-15", "The total with tax", expected, stated)


def amount_due(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-16: total with tax − prepaid + rounding.

    Where an old document leaves the total with tax out, total without tax + tax stands for it.
    """
    totals = invoice.totals
    if totals.payable is None:
        return
    with_tax = totals.tax_inclusive
    if with_tax is None:
        if totals.tax_exclusive is None:
            return
        with_tax = totals.tax_exclusive + (invoice.tax_total or ZERO)
    expected = cents(with_tax - (totals.prepaid or ZERO) + (totals.rounding or ZERO))
    if cents(totals.payable) != expected:
        yield _sum("BR-CO-16", "The amount due", expected, totals.payable)


def tax_of_rows(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-CO-17: taxable × rate. The standard's own check lets one unit of currency pass."""
    for stated in invoice.tax_totals:
        for row in stated.rows:
            if row.tax is None or row.tax.scheme != VAT:
                continue
            taxable, tax = row.taxable or ZERO, row.amount or ZERO
            expected = cents(abs(taxable) * (row.percent or ZERO) / HUNDRED).copy_sign(taxable)
            if abs(abs(tax) - abs(expected)) >= 1:
                place = f"Tax breakdown {row.category}"
                yield _sum("BR-CO-17", "The tax of the row", expected, tax, place)


def lines_multiply(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Line net = quantity × price ÷ base quantity − allowances + charges, within two cents."""
    for line in invoice.lines:
        quantity, price, net = line.quantity, line.unit_price, line.net
        if quantity is None or price is None or net is None:
            continue
        expected = quantity * price / (line.price_base_quantity or Decimal(1))
        for item in line.allowances_charges:
            expected += (item.amount or ZERO) if item.charge else -(item.amount or ZERO)
        if abs(net - expected) > LINE_SLACK:
            figures = f"{figure(line.quantity)} × {figure(line.unit_price)}"
            if line.price_base_quantity not in (None, Decimal(1)):
                figures += f" ÷ {figure(line.price_base_quantity)}"
            if line.allowances_charges:
                figures += ", less allowances, plus charges,"
            yield BrokenRule(
                LINE_RULE,
                f"{figures} is {figure(cents(expected))}; the line says {figure(line.net)}.",
                f"Line {line.line_number}",
                cents(expected),
                line.net,
            )


def decimals(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-DEC: amounts carry two decimals at most. Prices and quantities may have more."""
    for rule, place, value in _amounts(invoice):
        _, _, decimals_written = figure(value).partition(".")
        if value is not None and len(decimals_written) > MAX_DECIMALS:
            sentence = f"The amount {figure(value)} has more than two decimals."
            yield BrokenRule(rule, sentence, place, actual=value)


def _amounts(invoice: CapturedInvoice) -> Iterator[tuple[str, str, Decimal | None]]:
    for item in invoice.allowances_charges:
        first, second = ("BR-DEC-05", "BR-DEC-06") if item.charge else ("BR-DEC-01", "BR-DEC-02")
        place = "Charge" if item.charge else "Allowance"
        yield first, place, item.amount
        yield second, place, item.base_amount
    totals = invoice.totals
    yield "BR-DEC-09", "Totals", totals.line_extension
    yield "BR-DEC-10", "Totals", totals.allowance
    yield "BR-DEC-11", "Totals", totals.charge
    yield "BR-DEC-12", "Totals", totals.tax_exclusive
    yield "BR-DEC-13", "Totals", invoice.tax_total
    yield "BR-DEC-14", "Totals", totals.tax_inclusive
    yield "BR-DEC-15", "Totals", invoice.tax_total_in_tax_currency
    yield "BR-DEC-16", "Totals", totals.prepaid
    yield "BR-DEC-17", "Totals", totals.rounding
    yield "BR-DEC-18", "Totals", totals.payable
    for stated in invoice.tax_totals:
        for row in stated.rows:
            place = f"Tax breakdown {row.category}".strip()
            yield "BR-DEC-19", place, row.taxable
            yield "BR-DEC-20", place, row.amount
    for line in invoice.lines:
        place = f"Line {line.line_number}"
        yield "BR-DEC-23", place, line.net
        for item in line.allowances_charges:
            pair = ("BR-DEC-27", "BR-DEC-28") if item.charge else ("BR-DEC-24", "BR-DEC-25")
            yield pair[0], place, item.amount
            yield pair[1], place, item.base_amount


def _sum(
    rule: str, name: str, expected: Decimal, actual: Decimal | None, place: str = "Totals"
) -> BrokenRule:
    sentence = f"{name} is stated as {figure(actual)}, but comes to {figure(expected)}"
    if actual is not None:
        sentence += f": {figure(abs(actual - expected))} {'more' if actual > expected else 'less'}"
    return BrokenRule(rule, f"{sentence}.", place, expected, actual)


DECIMAL_IDS = ("01", "02", "05", "06", *map(str, range(10, 21)), "09", "23", "24", "25", "27", "28")
IDS = frozenset(
    {f"BR-CO-{number}" for number in range(10, 18)}
    | {f"BR-DEC-{number}" for number in DECIMAL_IDS}
    | {LINE_RULE}
)
RULES = (
    sum_of_lines,
    sums_of_allowances_and_charges,
    total_without_tax,
    sum_of_tax,
    total_with_tax,
    amount_due,
    tax_of_rows,
    lines_multiply,
    decimals,
)
