"""What may be done to budgets."""

from budgets.services.adjusting import adjust, free, require_room
from budgets.services.setting import BudgetBelowUse, set_budget
from budgets.services.years import (
    FiscalYearClosed,
    FiscalYearMissing,
    fiscal_year_for,
    require_open,
)

__all__ = [
    "BudgetBelowUse",
    "FiscalYearClosed",
    "FiscalYearMissing",
    "adjust",
    "fiscal_year_for",
    "free",
    "require_open",
    "require_room",
    "set_budget",
]
