"""Rules of the CEN BII core invoice, the predecessor of EN 16931, for documents that name it."""

from collections.abc import Iterator

from core.ubl import Party

from ..documents import CapturedInvoice
from .broken import BrokenRule
from .totals import lines_multiply

CUSTOMIZATION = "urn:www.cenbii.eu:transaction:biicoretrdm010"
ADVICE = frozenset({"BIIRULE-T10-R002", "BIIRULE-T10-R004"})  # "should" in the source


def follows(invoice: CapturedInvoice) -> bool:
    """Whether the document says it follows BII."""
    return invoice.customization.startswith(CUSTOMIZATION)


def rules(invoice: CapturedInvoice) -> Iterator[BrokenRule]:
    """Addresses, one tax scheme per tax total, lines that multiply."""
    if not follows(invoice):
        return
    sides = (
        ("BIIRULE-T10-R002", "Seller", invoice.supplier),
        ("BIIRULE-T10-R004", "Buyer", invoice.buyer),
    )
    for rule, place, party in sides:
        if not _reachable(party):
            sentence = f"The {place.lower()}'s address has neither town and postal code nor an id."
            yield BrokenRule(rule, sentence, place)
    for stated in invoice.tax_totals:
        schemes = sorted({row.tax.scheme for row in stated.rows if row.tax})
        if len(schemes) > 1:
            yield BrokenRule(
                "BIIRULE-T10-R009",
                f"One tax total mixes the tax schemes {' and '.join(schemes)}.",
                "Tax breakdown",
                "1",
                str(len(schemes)),
            )
    for broken in lines_multiply(invoice):
        yield BrokenRule(
            "BIIRULE-T10-R018", broken.message, broken.location, broken.expected, broken.actual
        )


def _reachable(party: Party) -> bool:
    return bool(party.address_id or (party.city and party.postal_zone))


IDS = frozenset({"BIIRULE-T10-R002", "BIIRULE-T10-R004", "BIIRULE-T10-R009", "BIIRULE-T10-R018"})
RULES = (rules,)
