"""The commitment ledger: every amount reserved, committed, spent or given back, and its budget.

`available = budget − PRE − ENC − ACT` per cell. Entries only grow; stored balances change with
them in one transaction, by an UPDATE that refuses what does not fit. Callers hold their document's
lock; the ledger locks commitments by primary key, then cells by primary key, then accrued sums.
"""

from budgets.ledger.accruing import accrue
from budgets.ledger.committing import (
    cancel,
    encumber,
    reencumber,
    release,
    release_reservation,
    reserve,
)
from budgets.ledger.funds import BudgetExceeded, BudgetReasonRequired, check_funds, require_funds
from budgets.ledger.settling import NothingCommitted, liquidate, mirror
from budgets.ledger.types import Demand, FundsCheck, Settlement, Share, Source
from budgets.queries import open_amounts
from budgets.services import set_budget

__all__ = [
    "BudgetExceeded",
    "BudgetReasonRequired",
    "Demand",
    "FundsCheck",
    "NothingCommitted",
    "Settlement",
    "Share",
    "Source",
    "accrue",
    "cancel",
    "check_funds",
    "encumber",
    "liquidate",
    "mirror",
    "open_amounts",
    "reencumber",
    "release",
    "release_reservation",
    "require_funds",
    "reserve",
    "set_budget",
]
