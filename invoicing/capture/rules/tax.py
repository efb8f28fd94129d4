"""Rules of the VAT categories (BR-S, BR-Z, BR-E, BR-AE, BR-IC, BR-G, BR-O, BR-AF, BR-AG).

The standard words the same ten demands for each category with small differences; the table says
which, the functions say them once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.ubl import VAT

from ..documents import CapturedInvoice, TaxCategory, TaxRow
from .broken import BrokenRule, figure
from .totals import HUNDRED, ZERO, cents, total


@dataclass(frozen=True, slots=True)
class Family:
    """A VAT category and what it asks for."""

    prefix: str
    code: str
    name: str
    rate: str  # positive | zero | absent | any
    one_row: bool  # exactly one breakdown row, else at least one
    seller: str  # registration | vat | none
    buyer: str = ""  # registration | vat | none
    exemption: bool = True  # a reason is required, else forbidden


FAMILIES = (
    Family("S", "S", "standard rated", "positive", False, "registration", exemption=False),
    Family("Z", "Z", "zero rated", "zero", True, "registration", exemption=False),
    Family("E", "E", "exempt", "zero", True, "registration"),
    Family("AE", "AE", "reverse charge", "zero", True, "registration", "registration"),
    Family("IC", "K", "intra-community supply", "zero", True, "vat", "vat"),
    Family("G", "G", "export", "zero", True, "vat"),
    Family("O", "O", "not subject to VAT", "absent", True, "none", "none"),
    Family("AF", "L", "IGIC", "any", False, "registration", exemption=False),
    Family("AG", "M", "IPSI", "any", False, "registration", exemption=False),
)
# What has tax computed on a rate, and so may differ by rounding.
RATED = ("positive", "any")


def categories(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """All demands of all categories the document uses."""
    for family in FAMILIES:
        yield from _breakdown_present(invoice, family)
        yield from _identifiers(invoice, family)
        yield from _rates(invoice, family)
        for row in _rows(invoice, family):
            yield from _base(invoice, family, row)
            yield from _tax(family, row)
            yield from _exemption(family, row)
    yield from _intra_community(invoice)
    yield from _outside_vat_alone(invoice)


def _is(category: TaxCategory | None, family: Family) -> bool:
    return category is not None and category.code == family.code and category.scheme == VAT


def _rows(invoice: CapturedInvoice, family: Family) -> list[TaxRow]:
    return [row for t in invoice.tax_totals for row in t.rows if _is(row.tax, family)]


def _uses(invoice: CapturedInvoice, family: Family) -> dict[str, list[TaxCategory]]:
    """Where a category is used: on lines (02, 05), allowances (03, 06), charges (04, 07)."""
    items = invoice.allowances_charges
    return {
        "line": _named(family, (line.tax for line in invoice.lines)),
        "allowance": _named(family, (a.tax for a in items if not a.charge)),
        "charge": _named(family, (a.tax for a in items if a.charge)),
    }


def _named(family: Family, named: Iterable[TaxCategory | None]) -> list[TaxCategory]:
    return [category for category in named if category is not None and _is(category, family)]


def _breakdown_present(invoice: CapturedInvoice, family: Family) -> Iterator[BrokenRule]:
    rows, used = len(_rows(invoice, family)), any(_uses(invoice, family).values())
    fits = rows == 1 if family.one_row else rows > 0
    if (used or rows) and not (fits and (used or family.one_row)):
        wanted = "exactly one row" if family.one_row else "a row"
        yield BrokenRule(
            f"BR-{family.prefix}-01",
            f"What is {family.name} needs {wanted} in the tax breakdown; there are {rows}.",
            "Tax breakdown",
            "1",
            str(rows),
        )


def _identifiers(invoice: CapturedInvoice, family: Family) -> Iterator[BrokenRule]:
    uses = _uses(invoice, family)
    for number, place in (("02", "line"), ("03", "allowance"), ("04", "charge")):
        if not uses[place]:
            continue
        missing = _missing_identifier(invoice, family)
        if missing:
            yield BrokenRule(
                f"BR-{family.prefix}-{number}",
                f"A {place} is {family.name}, but {missing}.",
                "Parties",
            )


def _missing_identifier(invoice: CapturedInvoice, family: Family) -> str:
    representative = invoice.tax_representative
    represented = bool(representative and representative.vat_ids)
    seller, buyer = invoice.supplier, invoice.buyer
    if family.seller == "none":
        if seller.vat_ids or represented or buyer.vat_ids:
            return "a VAT number is given"
        return ""
    registered = seller.vat_ids if family.seller == "vat" else seller.tax_ids
    if not (registered or represented):
        return "the seller gives no VAT number"
    if family.buyer == "vat" and not buyer.vat_ids:
        return "the buyer's VAT number is missing"
    if family.buyer == "registration" and not (buyer.vat_ids or buyer.company_id):
        return "the buyer's VAT number or registration is missing"
    return ""


def _rates(invoice: CapturedInvoice, family: Family) -> Iterator[BrokenRule]:
    uses = _uses(invoice, family)
    for number, place in (("05", "line"), ("06", "allowance"), ("07", "charge")):
        for category in uses[place]:
            if not _rate_fits(family, category.percent):
                yield BrokenRule(
                    f"BR-{family.prefix}-{number}",
                    f"A {place} is {family.name} with the rate {figure(category.percent)}.",
                    "Lines" if place == "line" else "Allowances and charges",
                    family.rate,
                    category.percent,
                )


def _rate_fits(family: Family, percent: Decimal | None) -> bool:
    if family.rate == "absent":
        return percent is None
    if percent is None:
        return False
    if family.rate == "zero":
        return percent == 0
    return percent > 0 if family.rate == "positive" else percent >= 0


def _base(invoice: CapturedInvoice, family: Family, row: TaxRow) -> Iterator[BrokenRule]:
    """-08: taxable = lines − allowances + charges of the category (of the rate, where there are
    several). The standard's check lets less than one unit pass where tax is computed."""
    rated = family.rate in RATED
    if row.taxable is None or (rated and row.percent is None):
        return

    def belongs(category: TaxCategory | None) -> bool:
        same_rate = not rated or (category is not None and category.percent == row.percent)
        return category is not None and category.code == family.code and same_rate

    lines = [line for line in invoice.lines if belongs(line.tax)]
    items = [item for item in invoice.allowances_charges if belongs(item.tax)]
    expected = total(line.net for line in lines)
    expected += total(item.amount for item in items if item.charge)
    expected -= total(item.amount for item in items if not item.charge)
    differs = abs(row.taxable - expected) >= 1 if rated else row.taxable != expected
    if differs or (family.code == "S" and not lines and not items):
        yield BrokenRule(
            f"BR-{family.prefix}-08",
            f"The taxable amount of what is {family.name} is stated as {figure(row.taxable)}, but "
            f"lines less allowances plus charges come to {figure(expected)}.",
            f"Tax breakdown {row.category}",
            expected,
            row.taxable,
        )


def _tax(family: Family, row: TaxRow) -> Iterator[BrokenRule]:
    """-09: no tax where none is due; taxable × rate where it is."""
    if row.amount is None:
        return
    expected = ZERO
    if family.rate in RATED:
        if row.percent is None or row.taxable is None:
            return
        expected = cents(abs(row.taxable) * row.percent / HUNDRED)
        differs = abs(abs(row.amount) - expected) >= 1
    else:
        differs = row.amount != 0
    if differs:
        yield BrokenRule(
            f"BR-{family.prefix}-09",
            f"The tax on what is {family.name} is stated as {figure(row.amount)}, but comes to "
            f"{figure(expected)}.",
            f"Tax breakdown {row.category}",
            expected,
            row.amount,
        )


def _exemption(family: Family, row: TaxRow) -> Iterator[BrokenRule]:
    """-10: a reason for no tax where there must be one, and none where there is tax."""
    given = bool(row.tax and (row.tax.exemption_reason or row.tax.exemption_code))
    if given != family.exemption:
        wanted = "needs a reason for exemption" if family.exemption else "has no exemption to give"
        yield BrokenRule(
            f"BR-{family.prefix}-10",
            f"What is {family.name} {wanted}.",
            f"Tax breakdown {row.category}",
        )


def _intra_community(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    family = next(f for f in FAMILIES if f.prefix == "IC")
    if not _rows(invoice, family):
        return
    if not (invoice.delivery_date or invoice.period):
        sentence = "An intra-community supply needs a delivery date or a period."
        yield BrokenRule("BR-IC-11", sentence, "Delivery")
    if not invoice.deliver_to_country:
        sentence = "An intra-community supply needs the country of delivery."
        yield BrokenRule("BR-IC-12", sentence, "Delivery")


def _outside_vat_alone(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """BR-O-11 … 14: what is not subject to VAT does not share an invoice with what is."""
    family = next(f for f in FAMILIES if f.prefix == "O")
    if not _rows(invoice, family):
        return
    rows = [row.tax for t in invoice.tax_totals for row in t.rows]
    items = invoice.allowances_charges
    others = (
        ("BR-O-11", "tax breakdown rows", rows),
        ("BR-O-12", "lines", [line.tax for line in invoice.lines]),
        ("BR-O-13", "allowances", [item.tax for item in items if not item.charge]),
        ("BR-O-14", "charges", [item.tax for item in items if item.charge]),
    )
    for rule, name, found in others:
        if any(c is not None and c.scheme == VAT and c.code not in ("O", "") for c in found):
            sentence = f"It is not subject to VAT, but has {name} that are."
            yield BrokenRule(rule, sentence, "Tax breakdown")


IDS = frozenset(
    {f"BR-{family.prefix}-{number:02}" for family in FAMILIES for number in range(1, 11)}
    | {"BR-IC-11", "BR-IC-12", "BR-O-11", "BR-O-12", "BR-O-13", "BR-O-14"}
)
RULES = (categories,)
