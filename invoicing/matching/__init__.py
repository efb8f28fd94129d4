"""Three-way match: a pure function from facts to an explained verdict.

`match(MatchInput) -> MatchOutcome`; `canonical(MatchInput)` is what a run stores of the facts,
`hash_of(canonical)` identifies them, `restored(inputs)` makes them of what a run stored.
"""

from .engine import canonical, hash_of, inputs_hash, match
from .stored import restored
from .types import (
    CHECKS,
    Account,
    Cap,
    Charge,
    CheckResult,
    InvoiceFacts,
    InvoiceLine,
    MatchInput,
    MatchOutcome,
    OrderFacts,
    OrderLine,
    TaxRow,
    Tolerance,
    Twin,
    VendorFacts,
)

__all__ = [
    "CHECKS",
    "Account",
    "Cap",
    "Charge",
    "CheckResult",
    "InvoiceFacts",
    "InvoiceLine",
    "MatchInput",
    "MatchOutcome",
    "OrderFacts",
    "OrderLine",
    "TaxRow",
    "Tolerance",
    "Twin",
    "VendorFacts",
    "canonical",
    "hash_of",
    "inputs_hash",
    "match",
    "restored",
]
