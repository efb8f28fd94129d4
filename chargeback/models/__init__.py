"""Shared costs: who bears them by which rule, what each month came to, and what was said to it."""

from chargeback.models.allocations import Allocation, SharedSpend
from chargeback.models.rules import AllocationRule, Consumption, RuleRevision, RuleShare
from chargeback.models.statements import Statement, StatementLine

__all__ = [
    "Allocation",
    "AllocationRule",
    "Consumption",
    "RuleRevision",
    "RuleShare",
    "SharedSpend",
    "Statement",
    "StatementLine",
]
