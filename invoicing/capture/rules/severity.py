"""Which broken rule refuses a document, and which only flags it.

- A document that says it follows EN 16931 (or its predecessor BII) is held to it.
- Totals that do not add up refuse any document, unless the difference explains itself: then the
  rule is named, the figures are shown, and the match puts them before a person.
- Any other document is refused only for what it cannot be booked without.
"""

from dataclasses import replace
from decimal import Decimal

from ..documents import CapturedInvoice
from . import bii
from .broken import FLAG, REFUSE, BrokenRule
from .totals import LINE_RULE, ZERO

ADD_UP = frozenset(f"BR-CO-{number}" for number in range(10, 17))
ESSENTIAL = frozenset({"BR-02", "BR-03", "BR-15", "BR-16"})

# Not fatal in the standard, or no rule of it: a line's own arithmetic is judged by the match, and
# whether a due date is given was left to the parties in later editions.
NEVER_REFUSED = frozenset({LINE_RULE, "BR-CO-25"}) | bii.ADVICE


def weigh(invoice: CapturedInvoice, broken: list[BrokenRule]) -> list[BrokenRule]:
    """The broken rules with their severity, the refusing ones first, with what explains them."""
    weighed = [_weighed(invoice, rule, {b.rule for b in broken}) for rule in broken]
    return sorted(weighed, key=lambda rule: rule.severity != REFUSE)


def _weighed(invoice: CapturedInvoice, broken: BrokenRule, all_broken: set[str]) -> BrokenRule:
    if broken.rule in NEVER_REFUSED:
        return replace(broken, severity=FLAG)
    if broken.rule in ADD_UP:
        why = _explanation(invoice, broken, all_broken)
        if why:
            return replace(broken, severity=FLAG, message=f"{broken.message} {why}")
        return broken
    if invoice.claims_en16931 or broken.rule in bii.IDS or _cannot_be_booked(invoice, broken):
        return broken
    return replace(broken, severity=FLAG)


def _cannot_be_booked(invoice: CapturedInvoice, broken: BrokenRule) -> bool:
    if broken.rule in ESSENTIAL:
        return True
    if broken.rule == "BR-05":
        return not invoice.currency
    if broken.rule == "BR-06":
        return not invoice.supplier.name
    return broken.rule == "BR-24"


def _explanation(invoice: CapturedInvoice, broken: BrokenRule, all_broken: set[str]) -> str:
    totals = invoice.totals
    difference = _difference(broken)
    if difference is None:
        return ""
    third_party = sum(invoice.third_party_payments, ZERO)
    if broken.rule == "BR-CO-16" and third_party and difference == third_party:
        return "The difference is what is collected for third parties."
    if invoice.claims_en16931:
        return ""
    rounding = totals.rounding or ZERO
    if broken.rule == "BR-CO-15" and rounding and difference == rounding:
        return "The difference is the rounding, which older documents count in here."
    counted_already = "BR-CO-15" in all_broken and rounding and difference == -rounding
    if broken.rule == "BR-CO-16" and counted_already:
        return "The difference is the rounding, counted into the total with tax already."
    alone = not (all_broken & ADD_UP) - {"BR-CO-13"}
    if broken.rule == "BR-CO-13" and alone and difference < 0:
        return "An allowance of that amount seems to be taken off without being stated."
    return ""


def _difference(broken: BrokenRule) -> Decimal | None:
    if isinstance(broken.actual, Decimal) and isinstance(broken.expected, Decimal):
        return broken.actual - broken.expected
    return None
