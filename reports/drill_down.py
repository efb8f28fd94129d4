"""What a figure of the commitments report is made of, beside ledger entries: changes of the budget,
and deliveries without an invoice."""

from django.db.models import Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import ExtractMonth, ExtractYear

from budgets.models import BudgetAdjustment
from reports.accruals import Accrual, received_not_invoiced
from reports.figures import Scope, adjustments_of


def adjustments_behind(scope: Scope, *, period: int | None = None) -> QuerySet[BudgetAdjustment]:
    """The changes that a budget figure is the sum of, newest first.

    `period` keeps those that the report counts in that month: a month's own budget there, another
    in the month from which on it counts, at the earliest in the first of its year.
    """
    found = adjustments_of(scope)
    if period:
        found = found.annotate(set_in=_month_set_in(scope)).filter(
            Q(cell__period=period) | Q(cell__period=None) & _within(period)
        )
    return found.select_related(
        "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year", "actor"
    ).order_by("-id")


def _month_set_in(scope: Scope) -> CombinedExpression:
    """The month of the fiscal year from which on it counts; 0 and less lie before it."""
    year, month = ExtractYear("effective_on"), ExtractMonth("effective_on")
    return (year - scope.fiscal_year) * 12 + month - scope.entity.fiscal_year_starts_month + 1


def _within(period: int) -> Q:
    if period == 1:
        return Q(set_in__lte=1)
    return Q(set_in__gte=12) if period == 12 else Q(set_in=period)


def accruals_behind(scope: Scope) -> list[Accrual]:
    """The deliveries that a figure of received and not invoiced is the sum of."""
    rows = received_not_invoiced(entity=scope.entity, as_of=scope.as_of, known_on=scope.known_on)
    return [row for row in rows if row.cell_id in scope.cells]
