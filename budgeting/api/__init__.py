"""Changes of budgets, files of them, and outside actuals over the API."""

from budgeting.api.budgets import ChangeableBudgetViewSet
from budgeting.api.changes import BudgetChangeViewSet
from budgeting.api.journals import JournalViewSet

__all__ = ["BudgetChangeViewSet", "ChangeableBudgetViewSet", "JournalViewSet"]
