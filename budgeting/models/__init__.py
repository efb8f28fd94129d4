"""Budgets in motion: their changes as documents, files of them, and what outside books say."""

from budgeting.models.changes import BudgetChange, BudgetChangeLine
from budgeting.models.imports import FileImport
from budgeting.models.journals import Journal, JournalLine
from budgeting.models.year_ends import YearEnd, YearEndLine

__all__ = [
    "BudgetChange",
    "BudgetChangeLine",
    "FileImport",
    "Journal",
    "JournalLine",
    "YearEnd",
    "YearEndLine",
]
