"""What may be done to budgets."""

from budgets.services.adjusting import adjust, free, require_room
from budgets.services.alerting import (
    acknowledge,
    add_quiet_window,
    may_answer,
    remove_quiet_window,
    set_levels,
    set_working_time_only,
)
from budgets.services.reserving import reserving_errors, set_reserving
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
    "acknowledge",
    "add_quiet_window",
    "adjust",
    "fiscal_year_for",
    "free",
    "may_answer",
    "remove_quiet_window",
    "require_open",
    "require_room",
    "reserving_errors",
    "set_budget",
    "set_levels",
    "set_reserving",
    "set_working_time_only",
]
