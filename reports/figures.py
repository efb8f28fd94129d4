"""The two roads to a figure: stored balances, and the fold of ledger entries up to a day."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import ExtractMonth, ExtractYear

from accounts.models import Entity
from budgets.models import BudgetAdjustment, BudgetCell, LedgerEntry, Stage
from core.money import ZERO
from reports.accruals import end_of

WITHOUT = "none"  # the project filter for what has no project


@dataclass(frozen=True, slots=True)
class Coding:
    """A cost centre, GL account or project on a report row; no code means none."""

    code: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """Base currency. available = budget − pre_encumbered − encumbered − spent."""

    budget: Decimal = ZERO
    pre_encumbered: Decimal = ZERO
    encumbered: Decimal = ZERO
    received_not_invoiced: Decimal = ZERO
    spent: Decimal = ZERO

    @property
    def available(self) -> Decimal:
        return self.budget - self.pre_encumbered - self.encumbered - self.spent

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Scope:
    """The cells a report is about, and the day it looks back to."""

    entity: Entity
    fiscal_year: int
    as_of: date | None = None
    cost_center: str | None = None
    gl_account: str | None = None
    project: str | None = None
    cells: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        wanted: dict[str, Any] = {
            "entity": self.entity,
            "fiscal_year__year": self.fiscal_year,
            "cost_center__code": self.cost_center or None,
            "gl_account__code": self.gl_account or None,
        }
        if self.project == WITHOUT:
            wanted["project__isnull"] = True
        else:
            wanted["project__code"] = self.project or None
        kept = {name: value for name, value in wanted.items() if value is not None}
        object.__setattr__(self, "cells", kept)

    def period_of(self, month: int) -> int:
        """The period of the fiscal year that a calendar month is."""
        return (month - self.entity.fiscal_year_starts_month) % 12 + 1

    def of(self, prefix: str = "") -> Q:
        """The condition on cells, seen from a model that reaches them through `prefix`."""
        return Q(**{f"{prefix}{name}": value for name, value in self.cells.items()})


Key = tuple[Any, ...]
Sums = dict[Key, Figures]


def columns_of(groups: tuple[str, ...], prefix: str = "") -> list[str]:
    return [f"{prefix}{name}_id" for name in groups if name != "period"]


def stored(scope: Scope, groups: tuple[str, ...]) -> Sums:
    """Stored balances. Statements: 1."""
    rows = (
        BudgetCell.objects.filter(scope.of())
        .order_by()
        .values_list(*columns_of(groups))
        .annotate(Sum("amount"), Sum("pre_encumbered"), Sum("encumbered"), Sum("spent"))
    )
    width = len(groups)
    return {
        row[:width]: Figures(
            budget=row[width],
            pre_encumbered=row[width + 1],
            encumbered=row[width + 2],
            spent=row[width + 3],
        )
        for row in rows
    }


def folded(scope: Scope, groups: tuple[str, ...]) -> Sums:
    """Entries and adjustments up to the day, folded. Statements: 2, and 1 for empty cells."""
    columns = columns_of(groups, "cell__")
    sums: Sums = {}
    if "period" not in groups:
        cells = BudgetCell.objects.filter(scope.of()).order_by()
        sums = {row: Figures() for row in cells.values_list(*columns_of(groups)).distinct()}
    entries = entries_of(scope).order_by()
    if "period" in groups:
        entries = entries.annotate(month=ExtractMonth("posting_date"))
        columns = [*columns, "month"]
    stages = {
        name: Sum("amount", filter=Q(stage=stage))
        for name, stage in zip(("pre", "enc", "act"), Stage.values, strict=True)
    }
    for row in entries.values_list(*columns).annotate(**stages):
        key = _key(scope, groups, row)
        pre, enc, act = (value or ZERO for value in row[-3:])
        sums[key] = Figures(pre_encumbered=pre, encumbered=enc, spent=act)
    for key, amount in _budgets(scope, groups):
        found = sums.get(key, Figures())
        sums[key] = replace(found, budget=found.budget + amount)
    return sums


def _key(scope: Scope, groups: tuple[str, ...], row: tuple[Any, ...]) -> Key:
    """The group a row of entry sums belongs to; a calendar month becomes a fiscal period."""
    dimensions = row[: len(groups)]
    if "period" in groups:
        return (*dimensions[:-1], scope.period_of(dimensions[-1]))
    return dimensions


def _budgets(scope: Scope, groups: tuple[str, ...]) -> Iterable[tuple[Key, Decimal]]:
    """Adjustments recorded by the end of the day. A month's own budget counts in that month,
    another in the month it was set, at the earliest in the first of its year."""
    adjustments = BudgetAdjustment.objects.filter(scope.of("cell__")).order_by()
    if scope.as_of is not None:
        adjustments = adjustments.filter(recorded_at__lt=end_of(scope.entity, scope.as_of))
    columns = columns_of(groups, "cell__")
    if "period" not in groups:
        yield from (
            (row[:-1], row[-1]) for row in adjustments.values_list(*columns).annotate(Sum("amount"))
        )
        return
    zone = scope.entity.zone
    dated = adjustments.annotate(
        in_year=ExtractYear("recorded_at", tzinfo=zone),
        in_month=ExtractMonth("recorded_at", tzinfo=zone),
    ).values_list(*columns, "cell__period", "in_year", "in_month")
    for *dimensions, own, year, month, amount in dated.annotate(Sum("amount")):
        set_in = (year - scope.fiscal_year) * 12 + month - scope.entity.fiscal_year_starts_month + 1
        yield (*dimensions, own or min(max(set_in, 1), 12)), amount


def entries_of(scope: Scope) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.filter(scope.of("cell__"))
    if scope.as_of is not None:
        entries = entries.filter(posting_date__lte=scope.as_of)
    return entries


def entry_totals(scope: Scope, entries: Q, adjustments: Q) -> list[Decimal]:
    budget = BudgetAdjustment.objects.filter(scope.of("cell__"), adjustments).aggregate(
        total=Sum("amount")
    )
    stages = LedgerEntry.objects.filter(scope.of("cell__"), entries).aggregate(
        **{stage: Sum("amount", filter=Q(stage=stage)) for stage in Stage.values}
    )
    return [value or ZERO for value in (budget["total"], *stages.values())]
