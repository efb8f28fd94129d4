"""The money side: fiscal years, coding, budget cells, and the append-only commitment ledger."""

from budgets.models.cells import AccruedSum, BudgetAdjustment, BudgetCell
from budgets.models.coding import CostCenter, ExchangeRate, FiscalYear, GLAccount, Project
from budgets.models.commitments import Commitment, LedgerEntry, Stage
from budgets.models.forward import ForwardCommitment

__all__ = [
    "AccruedSum",
    "BudgetAdjustment",
    "BudgetCell",
    "Commitment",
    "CostCenter",
    "ExchangeRate",
    "FiscalYear",
    "ForwardCommitment",
    "GLAccount",
    "LedgerEntry",
    "Project",
    "Stage",
]
