"""Three-way match: a pure function from facts to an explained verdict.

`match(MatchInput) -> MatchOutcome`; `inputs_hash(MatchInput)` identifies the facts for a replay,
`restored(inputs)` makes them of what a run stored.
"""

from .engine import inputs_hash, match
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
    "inputs_hash",
    "match",
    "restored",
]
