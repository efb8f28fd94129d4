"""The commitment ledger: every amount reserved, committed, spent or given back, and its budget.

`available = budget − PRE − ENC − ACT` per cell. Entries only grow; stored balances change with
them in one transaction, by an UPDATE that refuses what does not fit. Callers hold their document's
lock; the ledger locks commitments by primary key, then cells by primary key, then accrued sums.
"""

from budgets.ledger.accruing import accrue
from budgets.ledger.changing import BelowUsed, Wanted, change, drop_hold, hold
from budgets.ledger.committing import (
    cancel,
    encumber,
    reencumber,
    release,
    release_reservation,
    reserve,
)
from budgets.ledger.funds import BudgetExceeded, BudgetReasonRequired, check_funds, require_funds
from budgets.ledger.outside import post_outside, reverse_outside
from budgets.ledger.refusing import refuse_early
from budgets.ledger.settling import NothingCommitted, liquidate, mirror
from budgets.ledger.types import Demand, Draw, FundsCheck, Settlement, Share, Source
from budgets.queries import open_amounts
from budgets.services import set_budget

__all__ = [
    "BelowUsed",
    "BudgetExceeded",
    "BudgetReasonRequired",
    "Demand",
    "Draw",
    "FundsCheck",
    "NothingCommitted",
    "Settlement",
    "Share",
    "Source",
    "Wanted",
    "accrue",
    "cancel",
    "change",
    "check_funds",
    "drop_hold",
    "encumber",
    "hold",
    "liquidate",
    "mirror",
    "open_amounts",
    "post_outside",
    "reencumber",
    "refuse_early",
    "release",
    "release_reservation",
    "require_funds",
    "reserve",
    "reverse_outside",
    "set_budget",
]
