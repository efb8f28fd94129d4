"""What a budget usually spends in a month, from what it spent so far.

Seasonal: the mean of the same month in up to three past years, where at least twelve complete
months of history carry it: money was spent in half of the last twelve. Average: else the mean of
the complete months since the first spending, at most twelve. What is bought rather than consumed
(capital expense) has no run rate, nor has a budget without a complete month of history.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Sum
from django.db.models.functions import ExtractMonth, ExtractYear

from budgets.models import GLAccount, LedgerEntry, MonthSum, Stage
from core.money import ZERO, round_amount
from reports.expected import first_of, month_of
from reports.figures import Key, Scope

SEASONAL, AVERAGE, NONE = "seasonal", "average", "commitments_only"
YEAR = 12
MOST_YEARS = 3
_ENDS_ON = "cell__fiscal_year__ends_on"
_CARRYING = 6  # months with spending among the last twelve

Months = Mapping[int, Decimal]  # by number of the month


@dataclass(frozen=True, slots=True)
class RunRate:
    """How much a budget usually spends in a month from `now` on, and by which method."""

    method: str
    spent: Months
    now: int
    first: int
    currency: str

    def usual(self, month: int) -> Decimal:
        """What is usual in a month to come, rounded once; never below zero."""
        if self.method == NONE:
            return ZERO
        told = self.told(month)
        whole = sum((self.spent.get(each, ZERO) for each in told), ZERO)
        return max(round_amount(whole / len(told), self.currency), ZERO)

    def told(self, month: int) -> list[int]:
        """The months whose mean is usual in a month to come, the latest first where seasonal."""
        if self.method == SEASONAL:
            years = min((self.now - self.first) // YEAR, MOST_YEARS)
            latest = month - YEAR * ((month - self.now) // YEAR + 1)
            return [latest - YEAR * back for back in range(years)]
        return list(range(max(self.first, self.now - YEAR), self.now))


def of(spent: Months, *, now: int, kind: str, currency: str) -> RunRate:
    """The run rate that the spending of past months carries."""
    first = min((month for month, base in spent.items() if base), default=now)
    method = AVERAGE
    if kind == GLAccount.Kind.CAPEX or first >= now:
        method = NONE
    elif now - first >= YEAR:
        lately = sum(spent.get(month, ZERO) > ZERO for month in range(now - YEAR, now))
        method = SEASONAL if lately >= _CARRYING else AVERAGE
    return RunRate(method, spent, now, first, currency)


def spent_by_month(
    scope: Scope, cells: Mapping[int, Key], *, today: date
) -> dict[Key, dict[int, Decimal]]:
    """What the budgets spent in each of the last three years' months. Statements: 2, or 1.

    Months that are over come from their stored sums, but for what was known on an earlier day. What
    is booked to a year's budgets once it is over was spent in its last month.
    """
    since = first_of(month_of(today) - MOST_YEARS * YEAR)
    found: dict[Key, dict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    if scope.known_before is None:
        this_month = today.replace(day=1)
        over = MonthSum.objects.filter(
            cell_id__in=list(cells), month__gte=since, month__lt=this_month
        ).exclude(spent=ZERO)
        for cell, ends_on, day, base in over.order_by().values_list(
            *("cell_id", _ENDS_ON, "month", "spent")
        ):
            found[cells[cell]][month_of(min(day, ends_on))] += base
        since = this_month
    rows = LedgerEntry.objects.filter(
        cell_id__in=list(cells), stage=Stage.ACT, posting_date__range=(since, today)
    )
    if scope.known_before is not None:
        rows = rows.filter(recorded_at__lt=scope.known_before)
    for cell, ends_on, year, month, base in (
        rows.order_by()
        .values_list("cell_id", _ENDS_ON, ExtractYear("posting_date"), ExtractMonth("posting_date"))
        .annotate(Sum("amount"))
    ):
        found[cells[cell]][min(year * YEAR + month - 1, month_of(ends_on))] += base
    return found
