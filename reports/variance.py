"""Budget against forecast: what was budgeted, what is used, what is to come, and what it leaves.

variance = budget − forecast; below zero the year is forecast to end over its budget.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import FieldError, Invalid
from core.money import HUNDRED, ZERO
from core.snapshot import snapshot
from reports.figures import Coding, Figures, Key, Scope
from reports.forecast import (
    GROUPS,
    YEARS,
    Ahead,
    Line,
    Outlook,
    budgets_of,
    group,
    method_of,
    outlook,
)
from reports.queries import codings, difference_of

DEFAULT_GROUPS = ("cost_center", "gl_account", "project")


@dataclass(frozen=True, slots=True)
class Judged:
    """A fiscal year as it stands and what is to come in it, beside its budget. Base currency."""

    figures: Figures
    ahead: Ahead

    @property
    def forecast(self) -> Decimal:
        return self.figures.spent + self.ahead.to_come

    @property
    def variance(self) -> Decimal:
        return self.figures.budget - self.forecast


@dataclass(frozen=True, slots=True)
class VarianceRow(Judged):
    """One line; a dimension that the report is not grouped by is None. Base currency.

    `ahead` is what the rest of the fiscal year brings; `rolling` the twelve months from now.
    """

    cost_center: Coding | None
    gl_account: Coding | None
    project: Coding | None
    kind: str | None
    rolling: Ahead
    method: str

    @property
    def percent(self) -> Decimal | None:
        """The variance in percent of the budget, one decimal; None without a budget."""
        if self.figures.budget == ZERO:
            return None
        return (self.variance * HUNDRED / self.figures.budget).quantize(Decimal("0.1")) + 0

    @property
    def drill_down(self) -> dict[str, str]:
        """The filters that show what this row is made of."""
        named = {
            name: coding.code or "none"
            for name, coding in (
                ("cost_center", self.cost_center),
                ("gl_account", self.gl_account),
                ("project", self.project),
            )
            if coding is not None
        }
        return named | ({"kind": self.kind} if self.kind else {})


@dataclass(frozen=True, slots=True)
class YearView(Judged):
    """One of three fiscal years: what is budgeted, spent and to come."""

    fiscal_year: int


@dataclass(frozen=True)
class VarianceReport:
    """Rows and their total, three years, and whether used and expected tie to the ledger."""

    scope: Scope
    group_by: tuple[str, ...]
    rows: list[VarianceRow]
    totals: VarianceRow
    years: list[YearView]
    outlook: Outlook
    ties: bool
    difference: Decimal


def variance(
    scope: Scope, *, today: date, group_by: Sequence[str] = DEFAULT_GROUPS
) -> VarianceReport:
    """The report of `scope.fiscal_year` as of `today`. Statements: constant in rows.

    Raises Invalid for an unknown dimension.
    """
    groups = checked_groups(group_by)
    with snapshot():
        seen = outlook(scope, today=today)
        by_year = {
            year: budgets_of(replace(scope, fiscal_year=year))
            for year in range(scope.fiscal_year, scope.fiscal_year + YEARS)
        }
        figures = by_year[scope.fiscal_year]
        whole = sum(figures.values(), Figures())
        difference = difference_of(scope, whole, scope.looks_back) + seen.difference
        names = codings(scope.entity, groups)
    rows = _rows(seen, figures, groups, names)
    total = _row(
        {}, None, whole, seen.lines, seen.months_of_year(scope.fiscal_year), seen.rolling_months
    )
    years = [
        YearView(
            fiscal_year=year,
            figures=sum(held.values(), Figures()),
            ahead=_ahead(seen.lines, seen.months_of_year(year)),
        )
        for year, held in by_year.items()
    ]
    return VarianceReport(scope, groups, rows, total, years, seen, difference == 0, difference)


def checked_groups(group_by: Sequence[str]) -> tuple[str, ...]:
    """The dimensions in their usual order. Raises Invalid for an unknown one."""
    unknown = [name for name in group_by if name not in GROUPS]
    if unknown or not group_by:
        detail = f"Group by one or more of {', '.join(GROUPS)}."
        raise Invalid(detail, errors=[FieldError("/group_by", "choice", detail)])
    return tuple(name for name in GROUPS if name in group_by)


def _rows(
    seen: Outlook,
    figures: dict[Key, Figures],
    groups: tuple[str, ...],
    names: dict[str, dict[Any, Coding]],
) -> list[VarianceRow]:
    months = seen.months_of_year(seen.scope.fiscal_year)
    lines: dict[Key, list[Line]] = defaultdict(list)
    sums: dict[Key, Figures] = defaultdict(Figures)
    for line in seen.lines:
        key = group(line.key, line.kind, groups)
        lines[key].append(line)
        sums[key] += figures.get(line.key, Figures())
    rows = []
    for key, members in lines.items():
        found = dict(zip(groups, key, strict=True))
        coded = {name: names[name].get(found[name], Coding()) for name in names}
        row = _row(coded, found.get("kind"), sums[key], members, months, seen.rolling_months)
        if (row.figures, row.ahead, row.rolling) != (Figures(), Ahead(), Ahead()):
            rows.append(row)
    return sorted(rows, key=_order)


def _row(
    coded: dict[str, Coding],
    kind: str | None,
    figures: Figures,
    lines: list[Line],
    months: range,
    rolling: range,
) -> VarianceRow:
    return VarianceRow(
        cost_center=coded.get("cost_center"),
        gl_account=coded.get("gl_account"),
        project=coded.get("project"),
        kind=kind,
        figures=figures,
        ahead=_ahead(lines, months),
        rolling=_ahead(lines, rolling),
        method=method_of(line.rate for line in lines),
    )


def _ahead(lines: list[Line], months: range) -> Ahead:
    return sum((line.within(months) for line in lines), Ahead())


def _order(row: VarianceRow) -> tuple[str, ...]:
    codings_ = (row.cost_center, row.gl_account, row.project)
    return (*(coding.code if coding else "" for coding in codings_), row.kind or "")
