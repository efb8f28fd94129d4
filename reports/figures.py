"""The two roads to a figure: stored sums, and the fold of ledger entries up to a day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import ExtractMonth, ExtractYear, TruncMonth

from accounts.models import Entity
from budgets.models import BudgetAdjustment, BudgetCell, LedgerEntry, MonthSum, Stage
from core.money import ZERO
from reports.accruals import end_of

WITHOUT = "none"  # the project filter for what has no project
# The period after the months of a fiscal year: what is booked to its budgets once it is over.
LATE = 13


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


Key = tuple[Any, ...]
Sums = dict[Key, Figures]


@dataclass(frozen=True)
class Scope:
    """The cells a report is about, and the days it looks back to.

    `as_of` is the last posting date of an entry that counts, and the last day on which a change of
    a budget came into effect; `known_on` the last day on which what counts was written down:
    together they say what the books of that day said.
    """

    entity: Entity
    fiscal_year: int
    as_of: date | None = None
    cost_center: str | None = None
    gl_account: str | None = None
    project: str | None = None
    known_on: date | None = None
    kind: str | None = None  # of the GL account: opex or capex

    @property
    def looks_back(self) -> bool:
        return self.as_of is not None or self.known_on is not None

    @property
    def known_before(self) -> datetime | None:
        """The moment by which something was written down, to count."""
        return end_of(self.entity, self.known_on) if self.known_on else None

    @cached_property
    def cells(self) -> dict[int, Key]:
        """Cost centre, GL account and project of every cell in question. Statements: 1.

        Entries are then found by their cell alone, which one index answers without their table.
        """
        rows = BudgetCell.objects.filter(self.condition()).order_by("pk")
        return {
            row[0]: row[1:]
            for row in rows.values_list("pk", "cost_center_id", "gl_account_id", "project_id")
        }

    def condition(self, prefix: str = "") -> Q:
        """The condition on cells, seen from a model that reaches them through `prefix`."""
        return self.coding(prefix) & Q(**{f"{prefix}fiscal_year__year": self.fiscal_year})

    def coding(self, prefix: str = "") -> Q:
        """The same without the fiscal year: the budgets of all years."""
        wanted: dict[str, Any] = {
            "entity": self.entity,
            "cost_center__code": self.cost_center or None,
            "gl_account__code": self.gl_account or None,
            "gl_account__kind": self.kind or None,
        }
        if self.project == WITHOUT:
            wanted["project__isnull"] = True
        else:
            wanted["project__code"] = self.project or None
        return Q(
            **{f"{prefix}{name}": value for name, value in wanted.items() if value is not None}
        )

    def period_of(self, day: date) -> int:
        """The period of the fiscal year in which a posting date counts: its month, the first one
        for an earlier day, and LATE for a later one."""
        return min(max(self._month_of(day), 1), LATE)

    def posted_in(self, period: int) -> Q:
        """The condition on entries that count in a period."""
        first = Q() if period == 1 else Q(posting_date__gte=self._first_day(period))
        last = Q() if period == LATE else Q(posting_date__lt=self._first_day(period + 1))
        return first & last

    def _month_of(self, day: date) -> int:
        """A month of the fiscal year; 0 and less lie before it, 13 and more after it."""
        months = (day.year - self.fiscal_year) * 12 + day.month
        return months - self.entity.fiscal_year_starts_month + 1

    def _first_day(self, period: int) -> date:
        months = self.entity.fiscal_year_starts_month - 1 + period - 1
        return date(self.fiscal_year + months // 12, months % 12 + 1, 1)


_COLUMNS = {Stage.PRE: "pre_encumbered", Stage.ENC: "encumbered", Stage.ACT: "spent"}
DIMENSIONS = ("cost_center", "gl_account", "project")  # as in a cell's key


def part_of(key: Key, groups: tuple[str, ...]) -> Key:
    """What a cell's key leaves of itself when cells are grouped."""
    return tuple(part for name, part in zip(DIMENSIONS, key, strict=True) if name in groups)


def stored(scope: Scope, groups: tuple[str, ...]) -> Sums:
    """Stored balances. Statements: 1."""
    rows = (
        BudgetCell.objects.filter(scope.condition())
        .order_by()
        .values_list(*(f"{name}_id" for name in groups))
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
    """What was moved up to the day, by month where so grouped. Statements: 2 to 4.

    By posting date, months that were over by then come from their stored sums, and only the month
    of the day is folded; what was known on a day is folded entry by entry.
    """
    sums: Sums = defaultdict(Figures)
    if "period" not in groups:
        sums.update({part_of(key, groups): Figures() for key in scope.cells.values()})
    moves = [*_summed_months(scope, groups)] if scope.known_before is None else []
    if scope.looks_back:
        moves += _folded_entries(scope, groups)
    for key, pre, enc, act in moves:
        sums[key] += Figures(pre_encumbered=pre or ZERO, encumbered=enc or ZERO, spent=act or ZERO)
    for key, amount in _budgets(scope, groups):
        sums[key] += Figures(budget=amount)
    return dict(sums)


Move = tuple[Key, Decimal | None, Decimal | None, Decimal | None]  # PRE, ENC and ACT by key


def _summed_months(scope: Scope, groups: tuple[str, ...]) -> Iterable[Move]:
    """What every month moved that was over by the day, or every month. Statements: 1."""
    months = MonthSum.objects.filter(scope.condition("cell__")).order_by()
    if scope.as_of is not None:
        months = months.filter(month__lt=scope.as_of.replace(day=1))
    columns = ["month" if name == "period" else f"cell__{name}_id" for name in groups]
    sums = (Sum(name) for name in ("pre_encumbered", "encumbered", "spent"))
    for *key, pre, enc, act in months.values_list(*columns).annotate(*sums):
        if "period" in groups:
            key[-1] = scope.period_of(key[-1])
        yield tuple(key), pre, enc, act


def _folded_entries(scope: Scope, groups: tuple[str, ...]) -> Iterable[Move]:
    """The entries up to the day that no month's sum stands for. Statements: 1, and the cells'."""
    by_month, by_cell = "period" in groups, len(groups) > ("period" in groups)
    columns = [*(["cell_id"] if by_cell else []), *(["month"] if by_month else [])]
    entries = entries_of(scope).order_by()
    if scope.known_before is None and scope.as_of is not None:
        entries = entries.filter(posting_date__gte=scope.as_of.replace(day=1))
    if by_month:
        entries = entries.annotate(month=TruncMonth("posting_date"))
    for *found, pre, enc, act in entries.values_list(*columns).annotate(**_by_stage()):
        key = part_of(scope.cells[found[0]], groups) if by_cell else ()
        if by_month:
            key = (*key, scope.period_of(found[-1]))
        yield key, pre, enc, act


def _by_stage() -> dict[str, Sum]:
    return {
        name: Sum("amount", filter=Q(stage=stage))
        for name, stage in zip(("pre", "enc", "act"), Stage.values, strict=True)
    }


def _budgets(scope: Scope, groups: tuple[str, ...]) -> Iterable[tuple[Key, Decimal]]:
    """Adjustments in effect on the day. A month's own budget counts in that month, another in the
    month from which on it counts, at the earliest in the first of its year."""
    dated = (
        adjustments_of(scope)
        .order_by()
        .values_list(
            "cell_id", "cell__period", ExtractYear("effective_on"), ExtractMonth("effective_on")
        )
    )
    for cell, own, year, month, amount in dated.annotate(Sum("amount")):
        key = part_of(scope.cells[cell], groups)
        if "period" in groups:
            months = (year - scope.fiscal_year) * 12 + month
            set_in = months - scope.entity.fiscal_year_starts_month + 1
            key = (*key, own or min(max(set_in, 1), 12))
        yield key, amount


def entries_of(scope: Scope, cells: Iterable[int] | None = None) -> QuerySet[LedgerEntry]:
    """The entries that count, of the scope's budgets or of others that are named."""
    entries = LedgerEntry.objects.filter(cell_id__in=list(scope.cells if cells is None else cells))
    if scope.as_of is not None:
        entries = entries.filter(posting_date__lte=scope.as_of)
    if scope.known_before is not None:
        entries = entries.filter(recorded_at__lt=scope.known_before)
    return entries


def moved_until(cells: Iterable[int], day: date, *stages: Stage) -> Decimal:
    """What all entries up to a day moved in these stages of these budgets: the sums of the months
    that were over by then, and the entries of its own month. Statements: 2."""
    mine, start = {"cell_id__in": list(cells)}, day.replace(day=1)
    over = MonthSum.objects.filter(**mine, month__lt=start).aggregate(
        *(Sum(_COLUMNS[stage]) for stage in stages)
    )
    entries = LedgerEntry.objects.filter(
        **mine, posting_date__range=(start, day), stage__in=stages
    ).aggregate(Sum("amount"))
    return sum((value or ZERO for value in (*over.values(), *entries.values())), ZERO)


def adjustments_of(scope: Scope) -> QuerySet[BudgetAdjustment]:
    """The changes of the scope's budgets that count."""
    found = BudgetAdjustment.objects.filter(scope.condition("cell__"))
    if scope.as_of is not None:
        found = found.filter(effective_on__lte=scope.as_of)
    if scope.known_before is not None:
        found = found.filter(recorded_at__lt=scope.known_before)
    return found


def entry_totals(scope: Scope, entries: Q, adjustments: Q) -> list[Decimal]:
    """Budget, PRE, ENC and ACT of all cells in question, straight from what was written."""
    budget = BudgetAdjustment.objects.filter(scope.condition("cell__"), adjustments).aggregate(
        total=Sum("amount")
    )
    stages = LedgerEntry.objects.filter(entries, cell_id__in=list(scope.cells)).aggregate(
        **_by_stage()
    )
    return [value or ZERO for value in (budget["total"], *stages.values())]
