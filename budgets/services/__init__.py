"""What may be done to budgets."""

from budgets.services.setting import BudgetBelowUse, set_budget
from budgets.services.years import FiscalYearClosed, FiscalYearMissing, fiscal_year_for

__all__ = [
    "BudgetBelowUse",
    "FiscalYearClosed",
    "FiscalYearMissing",
    "fiscal_year_for",
    "set_budget",
]
