"""Changes of budgets, files of them, and outside actuals over the API."""

from budgeting.api.budgets import ChangeableBudgetViewSet
from budgeting.api.changes import BudgetChangeViewSet
from budgeting.api.journals import JournalViewSet
from budgeting.api.year_ends import YearEndViewSet

__all__ = ["BudgetChangeViewSet", "ChangeableBudgetViewSet", "JournalViewSet", "YearEndViewSet"]
