"""Budgets in motion: their changes as documents, files of them, and what outside books say."""

from budgeting.models.changes import BudgetChange, BudgetChangeLine
from budgeting.models.imports import FileImport
from budgeting.models.journals import Journal, JournalLine

__all__ = ["BudgetChange", "BudgetChangeLine", "FileImport", "Journal", "JournalLine"]
