"""The money side: fiscal years, coding, budget cells, and the append-only commitment ledger."""

from budgets.models.alerts import (
    AlertLetter,
    AlertSetting,
    BudgetAlert,
    BudgetWatch,
    QuietWindow,
)
from budgets.models.cells import AccruedSum, BudgetAdjustment, BudgetCell, MonthSum
from budgets.models.coding import CostCenter, ExchangeRate, FiscalYear, GLAccount, Project
from budgets.models.commitments import Commitment, LedgerEntry, Stage
from budgets.models.forward import ForwardCommitment

__all__ = [
    "AccruedSum",
    "AlertLetter",
    "AlertSetting",
    "BudgetAdjustment",
    "BudgetAlert",
    "BudgetCell",
    "BudgetWatch",
    "Commitment",
    "CostCenter",
    "ExchangeRate",
    "FiscalYear",
    "ForwardCommitment",
    "GLAccount",
    "LedgerEntry",
    "MonthSum",
    "Project",
    "QuietWindow",
    "Stage",
]
