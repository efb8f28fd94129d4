"""The forecast: what is spent, what is on order, and what is usual beyond that, month by month.

A month to come holds what is expected in it of orders and approved requests. Where a budget usually
spends more than that, the rest is its run rate: what is on order is part of what is usual, not on
top of it. In the present month what was spent so far counts as well. All of it is reckoned budget
by budget and added up, so that every total is the sum of its rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Q, Sum

from budgets.models import BudgetCell, GLAccount, Stage
from core.money import ZERO
from core.snapshot import snapshot
from reports import run_rate
from reports.expected import (
    FORWARD,
    Expected,
    cells_of_all_years,
    expected,
    first_of,
    month_of,
    months_of_year,
)
from reports.figures import DIMENSIONS, Figures, Key, Scope, entries_of, folded, moved_until, stored
from reports.run_rate import NONE, RunRate

GROUPS = (*DIMENSIONS, "kind")
ROLLING = 12
YEARS = 3
MOST_MONTHS = 60  # a year further off than that is not looked at
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Ahead:
    """Base currency. What a month brings: spent so far, on order, approved, ordered for a later
    fiscal year, and usual beyond."""

    spent: Decimal = ZERO
    on_order: Decimal = ZERO
    reserved: Decimal = ZERO
    forward: Decimal = ZERO
    run_rate: Decimal = ZERO

    @property
    def committed(self) -> Decimal:
        return self.on_order + self.reserved + self.forward

    @property
    def to_come(self) -> Decimal:
        return self.committed + self.run_rate

    @property
    def forecast(self) -> Decimal:
        return self.spent + self.to_come

    def __add__(self, other: "Ahead") -> "Ahead":
        return Ahead(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class Line:
    """One budget across its years: its key, its usual spending, and what its months bring."""

    key: Key
    kind: str
    rate: RunRate
    months: Mapping[int, Ahead]

    def within(self, months: Iterable[int]) -> Ahead:
        return sum((self.months[month] for month in months if month in self.months), Ahead())


@dataclass(frozen=True)
class Outlook:
    """Every budget in question, the months from `now` to the end of the last year, and the proof.

    `parts` are the documents behind what is on order, approved and ordered for later years.
    `difference` is how far all that is expected, whenever, is from what the budgets hold.
    """

    scope: Scope
    today: date
    now: int
    last: int
    lines: list[Line]
    parts: list[Expected]
    ties: bool
    difference: Decimal

    @cached_property
    def rolling(self) -> list[tuple[date, Ahead]]:
        """The present month and the eleven after it."""
        return [(first_of(month), self.month(month)) for month in self.rolling_months]

    @property
    def rolling_months(self) -> range:
        return range(self.now, self.now + ROLLING)

    def month(self, month: int) -> Ahead:
        return sum((line.months.get(month, Ahead()) for line in self.lines), Ahead())

    def months_of_year(self, year: int) -> range:
        """The months of a fiscal year that are not over."""
        months = months_of_year(self.scope, year)
        return range(max(months.start, self.now), months.stop)


def group(key: Key, kind: str, groups: Sequence[str]) -> Key:
    """What is left of a budget's key and kind of account when budgets are grouped."""
    named = dict(zip(DIMENSIONS, key, strict=True)) | {"kind": kind}
    return tuple(named[name] for name in groups)


def method_of(rates: Iterable[RunRate]) -> str:
    """How several budgets were reckoned together: the one method that has a say, or mixed."""
    methods = {rate.method for rate in rates} - {NONE}
    return methods.pop() if len(methods) == 1 else MIXED if methods else NONE


def outlook(scope: Scope, *, today: date) -> Outlook:
    """What is to come from `today` on, budget by budget. Statements: 9, in one snapshot.

    `scope.fiscal_year` does not limit the budgets; months go on to the end of the second year
    after it, and for a rolling year at least.
    """
    with snapshot():
        cells = cells_of_all_years(scope)
        kinds = dict(GLAccount.objects.filter(entity=scope.entity).values_list("pk", "kind"))
        parts = expected(scope, cells, today=today)
        history = run_rate.spent_by_month(scope, cells, today=today)
        held = _held(scope, cells)
    now = month_of(today)
    last = _last_month(scope, now)
    committed: dict[Key, dict[int, Ahead]] = defaultdict(lambda: defaultdict(Ahead))
    for part in parts:
        committed[part.key][part.month] += _committed(part)
    lines = []
    for key in sorted(set(cells.values()), key=str):
        kind = kinds[key[1]]
        spent = history.get(key, {})
        rate = run_rate.of(spent, now=now, kind=kind, currency=scope.entity.currency)
        months = _months(committed.get(key, {}), spent, rate, now, last)
        lines.append(Line(key, kind, rate, months))
    told = sum((part.base for part in parts if part.what != FORWARD), ZERO)
    difference = abs(told - held)
    return Outlook(scope, today, now, last, lines, parts, difference == 0, difference)


def _last_month(scope: Scope, now: int) -> int:
    starts = scope.entity.fiscal_year_starts_month
    end = month_of(date(scope.fiscal_year + YEARS, starts, 1)) - 1
    return max(min(end, now + MOST_MONTHS - 1), now + ROLLING - 1)


def _committed(part: Expected) -> Ahead:
    return Ahead(**{part.what: part.base})


def _months(
    committed: Mapping[int, Ahead],
    spent: Mapping[int, Decimal],
    rate: RunRate,
    now: int,
    last: int,
) -> dict[int, Ahead]:
    """The months ahead of one budget; one that brings nothing is left out."""
    if rate.method == NONE:
        wanted: Iterable[int] = sorted({now, *(month for month in committed if month <= last)})
    else:
        wanted = range(now, last + 1)
    found = {}
    for month in wanted:
        ahead = committed.get(month, Ahead())
        if month == now:
            ahead = replace(ahead, spent=spent.get(now, ZERO))
        ahead = replace(ahead, run_rate=max(rate.usual(month) - ahead.forecast, ZERO))
        if ahead != Ahead():
            found[month] = ahead
    return found


def _held(scope: Scope, cells: Mapping[int, Key]) -> Decimal:
    """PRE and ENC of all budgets in question by another road than single commitments."""
    if scope.as_of is not None and scope.known_on is None:
        return moved_until(cells, scope.as_of, Stage.PRE, Stage.ENC)
    if scope.looks_back:
        committed = Q(stage__in=[Stage.PRE, Stage.ENC])
        found = entries_of(scope, cells).aggregate(held=Sum("amount", filter=committed))
    else:
        found = BudgetCell.objects.filter(scope.coding()).aggregate(
            pre=Sum("pre_encumbered"), enc=Sum("encumbered")
        )
    return sum((value or ZERO for value in found.values()), ZERO)


def budgets_of(scope: Scope) -> dict[Key, Figures]:
    """What every budget of the scope's fiscal year holds. Statements: 1 now, 3 for a past day."""
    sums: Any = folded(scope, DIMENSIONS) if scope.looks_back else stored(scope, DIMENSIONS)
    return dict(sums)
