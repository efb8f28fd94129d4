"""Rules of EN 16931 and its predecessor that a captured document breaks.

`check(captured)` names all of them at once, the refusing ones first.
"""

from ..documents import CapturedInvoice
from . import bii, presence, tax, totals
from .broken import FLAG, REFUSE, BrokenRule
from .severity import weigh

__all__ = ["FLAG", "IMPLEMENTED", "REFUSE", "BrokenRule", "broken_rules", "check", "refusing"]

IMPLEMENTED = presence.IDS | totals.IDS | tax.IDS | bii.IDS
RULES = (*presence.RULES, *totals.RULES, *tax.RULES, *bii.RULES)

UNREADABLE = "UNREADABLE"  # a part of the file that cannot be taken as it is; no rule of a standard


def broken_rules(invoice: CapturedInvoice) -> list[BrokenRule]:
    """Every rule the document breaks, not yet weighed."""
    return [broken for rule in RULES for broken in rule(invoice)]


def check(invoice: CapturedInvoice) -> list[BrokenRule]:
    """Every rule the document breaks with its severity, the refusing ones first."""
    unreadable = [
        BrokenRule(
            UNREADABLE,
            f"{p.message.removesuffix('.')}: {p.actual or 'empty'} ({p.code}).",
            p.location,
            actual=p.actual,
        )
        for p in invoice.problems
    ]
    return unreadable + weigh(invoice, broken_rules(invoice))


def refusing(invoice: CapturedInvoice) -> list[BrokenRule]:
    """The rules for which a document is not taken in."""
    return [broken for broken in check(invoice) if broken.severity == REFUSE]
