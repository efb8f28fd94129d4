"""The commitments report: what every budget holds, now or at the end of any day, and how it ties.

As of now it reads stored balances; as of a past day it folds ledger entries by posting date and
budget adjustments by the day from which on they count. The tie-out always takes the other road.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q, QuerySet, Sum

from accounts.models import Entity
from budgets.models import BudgetCell, CostCenter, FiscalYear, GLAccount, LedgerEntry, Project
from core.errors import FieldError, Invalid
from core.money import ZERO
from core.snapshot import snapshot
from reports.accruals import (
    Accrual,
    accrued_as_known,
    accrued_by_cell,
    received_not_invoiced,
)
from reports.figures import (
    LATE,
    WITHOUT,
    Coding,
    Figures,
    Scope,
    Sums,
    entries_of,
    entry_totals,
    folded,
    part_of,
    stored,
)

DIMENSIONS = ("cost_center", "gl_account", "project", "period")
_CODED: dict[str, Any] = {"cost_center": CostCenter, "gl_account": GLAccount, "project": Project}
DEFAULT_GROUPS = ("cost_center", "gl_account", "project")

__all__ = [
    "DEFAULT_GROUPS",
    "DIMENSIONS",
    "WITHOUT",
    "Accrual",
    "BurnDown",
    "BurnDownPoint",
    "Coding",
    "CommitmentReport",
    "CommitmentRow",
    "Figures",
    "burn_down",
    "commitments",
    "entries_behind",
    "received_not_invoiced",
]


@dataclass(frozen=True, slots=True)
class CommitmentRow:
    """One line of the report. A dimension that the report is not grouped by is None.

    `period` is a month of the fiscal year, or LATE; its figures are the movements of that month.
    """

    fiscal_year: int
    cost_center: Coding | None
    gl_account: Coding | None
    project: Coding | None
    period: int | None
    figures: Figures

    @property
    def available(self) -> Decimal:
        return self.figures.available

    @property
    def drill_down(self) -> dict[str, str]:
        """The filters that `entries_behind` needs to show what this row is made of."""
        found = {}
        if self.cost_center:
            found["cost_center"] = self.cost_center.code
        if self.gl_account:
            found["gl_account"] = self.gl_account.code
        if self.project:
            found["project"] = self.project.code or WITHOUT
        if self.period:
            found["period"] = str(self.period)
        return found


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """Rows, totals, and whether the totals equal what the ledger says by an independent road.

    `difference` is the sum of all absolute differences, stage by stage; 0 when it ties.
    """

    entity: Entity
    fiscal_year: int
    as_of: date | None
    group_by: tuple[str, ...]
    rows: list[CommitmentRow]
    totals: Figures
    ties: bool
    difference: Decimal
    known_on: date | None = None


@dataclass(frozen=True, slots=True)
class BurnDownPoint:
    """Balances at the end of a month of the fiscal year, or at `as_of` in the running one; a last
    one is LATE, where something was booked once the year was over."""

    period: int
    day: date
    figures: Figures


@dataclass(frozen=True)
class BurnDown:
    """How budgets were used up, and whether all that moved them equals what they hold by an
    independent road; `difference` as in `CommitmentReport`."""

    entity: Entity
    as_of: date | None
    known_on: date | None
    points: list[BurnDownPoint]
    ties: bool
    difference: Decimal


def commitments(
    *,
    entity: Entity,
    as_of: date | None = None,
    fiscal_year: int,
    group_by: str | Sequence[str] = DEFAULT_GROUPS,
    cost_center: str | None = None,
    gl_account: str | None = None,
    project: str | None = None,
    known_on: date | None = None,
    kind: str | None = None,
    tie_out: bool = True,
) -> CommitmentReport:
    """What the budgets of a fiscal year hold, now (`as_of` None) or at the end of a day.

    `known_on` leaves out whatever was written down after the end of that day: what the books said.
    `cost_center`, `gl_account` and `project` are codes; project "none" is what has no project;
    `kind` is opex or capex. All of it is read in one snapshot. Raises Invalid for an unknown
    dimension. Statements: constant in rows. `tie_out` False leaves the independent sums out:
    `ties` then only says "not asked".
    """
    groups = _groups(group_by)
    scope = Scope(entity, fiscal_year, as_of, cost_center, gl_account, project, known_on, kind)
    with snapshot():
        by_entries = scope.looks_back or "period" in groups
        sums = folded(scope, groups) if by_entries else stored(scope, groups)
        _add_accruals(scope, groups, sums)
        rows = _rows(scope, groups, sums)
        totals = sum((row.figures for row in rows), Figures())
        difference = difference_of(scope, totals, by_entries) if tie_out else ZERO
    return CommitmentReport(
        entity=entity,
        fiscal_year=fiscal_year,
        as_of=as_of,
        group_by=groups,
        rows=rows,
        totals=totals,
        ties=tie_out and difference == 0,
        difference=difference,
        known_on=known_on,
    )


def entries_behind(
    *,
    entity: Entity,
    fiscal_year: int,
    as_of: date | None = None,
    cost_center: str | None = None,
    gl_account: str | None = None,
    project: str | None = None,
    period: int | None = None,
    stage: str | None = None,
    known_on: date | None = None,
    kind: str | None = None,
) -> QuerySet[LedgerEntry]:
    """The ledger entries that a figure of the report is the sum of, newest first.

    Each names its document (`document_type`, `document_id`, `document_number`, `line_number`).
    """
    scope = Scope(entity, fiscal_year, as_of, cost_center, gl_account, project, known_on, kind)
    entries = entries_of(scope).select_related(
        "cell__cost_center", "cell__gl_account", "cell__project", "cell__fiscal_year", "actor"
    )
    if stage:
        entries = entries.filter(stage=stage)
    if period:
        entries = entries.filter(scope.posted_in(period))
    return entries.order_by("-id")


def burn_down(
    *,
    entity: Entity,
    fiscal_year: int,
    as_of: date | None = None,
    cost_center: str | None = None,
    gl_account: str | None = None,
    project: str | None = None,
    known_on: date | None = None,
    kind: str | None = None,
    tie_out: bool = True,
) -> BurnDown:
    """How a budget was used up: balances at the end of each month that has begun by `as_of`.

    With `as_of` None, months up to the last one with a movement. Accruals are not part of it, nor
    is a later month's own budget. `tie_out` as in `commitments`.
    """
    scope = Scope(entity, fiscal_year, as_of, cost_center, gl_account, project, known_on, kind)
    points, difference = [], ZERO
    with snapshot():
        year = FiscalYear.objects.filter(entity=entity, year=fiscal_year).first()
        if year is not None and not (as_of and as_of < year.starts_on):
            moves = folded(scope, ("period",))
            points = _points(scope, year, moves)
            if tie_out:
                difference = difference_of(scope, sum(moves.values(), Figures()), True)
    ties = tie_out and difference == ZERO
    return BurnDown(entity, as_of, known_on, points, ties, difference)


def _points(scope: Scope, year: FiscalYear, moves: Sums) -> list[BurnDownPoint]:
    if scope.as_of:
        last = scope.period_of(min(scope.as_of, year.ends_on))
    else:
        last = min(max((key[0] for key in moves), default=0), LATE - 1)
    points, balance = [], Figures()
    for period in range(1, last + 1):
        balance += moves.get((period,), Figures())
        points.append(BurnDownPoint(period, _month_end(year, period, scope.as_of), balance))
    if (LATE,) in moves:
        booked = entries_of(scope).aggregate(last=Max("posting_date"))["last"]
        points.append(BurnDownPoint(LATE, scope.as_of or booked, balance + moves[LATE,]))
    return points


def _groups(group_by: str | Sequence[str]) -> tuple[str, ...]:
    names = (group_by,) if isinstance(group_by, str) else tuple(group_by)
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or not names:
        detail = f"Group by one or more of {', '.join(DIMENSIONS)}."
        raise Invalid(detail, errors=[FieldError("/group_by", "choice", detail)])
    return tuple(name for name in DIMENSIONS if name in names)


def _add_accruals(scope: Scope, groups: tuple[str, ...], sums: Sums) -> None:
    """Put what was received and not invoiced to the rows of the budgets that will pay it."""
    if "period" in groups:
        return  # a month has movements, an accrual is a balance
    if scope.known_on is None:
        found = accrued_by_cell(scope.cells, as_of=scope.as_of)
    else:
        found = accrued_as_known(
            scope.entity, scope.cells, as_of=scope.as_of, known_on=scope.known_on
        )
    for pk, base in found.items():
        key = part_of(scope.cells[pk], groups)
        total = sums[key].received_not_invoiced + base
        sums[key] = replace(sums[key], received_not_invoiced=total)


def codings(entity: Entity, groups: Iterable[str]) -> dict[str, dict[Any, Coding]]:
    """Codes and names by primary key, for the dimensions among the groups. Statements: 1 each."""
    return {
        dimension: {
            pk: Coding(code, name)
            for pk, code, name in model.objects.filter(entity=entity).values_list(
                "pk", "code", "name"
            )
        }
        for dimension, model in _CODED.items()
        if dimension in groups
    }


def _rows(scope: Scope, groups: tuple[str, ...], sums: Sums) -> list[CommitmentRow]:
    names = codings(scope.entity, groups)
    rows = []
    for key, figures in sums.items():
        found = dict(zip(groups, key, strict=True))
        coding = {
            dimension: names[dimension].get(found[dimension], Coding())
            if dimension in groups
            else None
            for dimension in _CODED
        }
        rows.append(
            CommitmentRow(
                fiscal_year=scope.fiscal_year,
                period=found.get("period"),
                figures=figures,
                **coding,
            )
        )
    return sorted(rows, key=_order)


def _order(row: CommitmentRow) -> tuple[Any, ...]:
    codings = (row.cost_center, row.gl_account, row.project)
    return (*(coding.code if coding else "" for coding in codings), row.period or 0)


def difference_of(scope: Scope, totals: Figures, by_entries: bool) -> Decimal:
    """How far the totals are from the other road: entries for a report from stored balances,
    stored balances less later entries for one from entries. Statements: 2, 1 or 3."""
    told = (totals.budget, totals.pre_encumbered, totals.encumbered, totals.spent)
    if not by_entries:
        proof = entry_totals(scope, Q(), Q())
    else:
        proof = _stored_totals(scope)
    if scope.looks_back:
        later = Q(posting_date__gt=scope.as_of) if scope.as_of else Q()
        set_later = Q(effective_on__gt=scope.as_of) if scope.as_of else Q()
        if scope.known_on:
            known_later = Q(recorded_at__gte=scope.known_before)
            later, set_later = later | known_later, set_later | known_later
        since = entry_totals(scope, later, set_later)
        proof = [now - after for now, after in zip(proof, since, strict=True)]
    return sum((abs(one - other) for one, other in zip(told, proof, strict=True)), ZERO)


def _stored_totals(scope: Scope) -> list[Decimal]:
    sums = BudgetCell.objects.filter(scope.condition()).aggregate(
        *(Sum(name) for name in ("amount", "pre_encumbered", "encumbered", "spent"))
    )
    return [value or ZERO for value in sums.values()]


def _month_end(year: FiscalYear, period: int, as_of: date | None) -> date:
    months = year.starts_on.month - 1 + period
    first_of_next = date(year.starts_on.year + months // 12, months % 12 + 1, 1)
    end = date.fromordinal(first_of_next.toordinal() - 1)
    return min(end, as_of) if as_of else end
